//! Why Graph refused a request: what a caller has to know beyond the status.

/// The kinds of refusal. Each is a row, or several, of the table in `classify.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The request itself is wrong. At a link, the link may be what is wrong.
    BadRequest,
    /// The token is refused, also after it was refreshed.
    Unauthenticated,
    /// The token may not do this.
    Forbidden,
    /// The first page may be read, and those after it may not: observed for rooms' and delegated calendars.
    ForbiddenLink,
    /// The calendar, the user or the group is not there, or not any more.
    NotFound,
    /// The mailbox can't be reached through Graph now: unlicensed, inactive, on premises, or being moved. Keep its data.
    MailboxUnavailable,
    /// The mailbox is full. Delta queries need room in it, plain listings don't.
    QuotaExceeded,
    /// There are no delta queries here. Plain listings may work.
    NoDelta,
    /// The state of the round is forgotten, again and again.
    Forgotten,
    /// Too many requests, for longer than the budget of attempts.
    Throttled,
    /// The request was too much for the server, or the server is down, for longer than the budget of attempts.
    Overloaded,
    /// Another error that passes, for longer than the budget of attempts.
    Unavailable,
    /// An answer that nobody expects.
    Unexpected,
}

impl Refusal {
    /// Whether the same request may be answered later without anybody doing something.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Forgotten | Self::Throttled | Self::Overloaded | Self::Unavailable)
    }

    /// Whether a plain listing may get through where this delta query does not.
    pub(crate) fn escapes(self) -> bool {
        matches!(self, Self::QuotaExceeded | Self::NoDelta | Self::ForbiddenLink | Self::Forgotten | Self::Overloaded)
    }

    /// What to do about it, where something can be done.
    pub(crate) fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::BadRequest | Self::Unavailable | Self::Unexpected => return None,
            Self::Unauthenticated => "get a new token",
            Self::Forbidden => {
                "the token lacks a permission, or the calendar is not shared with its account; new grants take up to 30 minutes"
            }
            Self::ForbiddenLink => {
                "only the first page may be read, as is known of rooms' and delegated calendars: use the calendar's own mailbox with application permissions"
            }
            Self::NotFound => "the calendar or its owner is not there, or not any more",
            Self::MailboxUnavailable => {
                "the mailbox is unlicensed, inactive, on premises or being moved: what is stored is kept, try again in some hours"
            }
            Self::QuotaExceeded => "the mailbox is full, and delta queries need room in it",
            Self::NoDelta => "the server does not support this request here",
            Self::Forgotten => "the server no longer knows where the round was: try again later",
            Self::Throttled => "too many requests: try again later",
            Self::Overloaded => "the request is too much for the server, or the server is down: try again later",
        })
    }
}
