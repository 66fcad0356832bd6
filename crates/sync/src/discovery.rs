//! Which calendars a mailbox has, and what is new about them: a comparison of lists, without I/O.

use delta_core::{CalendarInfo, Mailbox, Resource, Timestamp};
use serde::{Deserialize, Serialize};

/// What a mailbox lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarList {
    /// Its calendars, in the order of the list.
    pub calendars: Vec<CalendarInfo>,
    /// How many items of the list could not be understood. What is not in it then need not be gone.
    pub unreadable: usize,
}

/// A calendar that its mailbox lists, or has listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCalendar {
    /// What is copied of it.
    pub target: Resource,
    /// As it was last listed.
    #[serde(flatten)]
    pub calendar: CalendarInfo,
    /// Since when it is not listed any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Timestamp>,
}

/// What is new about a mailbox's calendars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalendarNews {
    /// It was not listed before.
    New {
        /// What is copied of it.
        target: Resource,
        /// The target of a calendar with the same name and owner that is gone: it was made again, or its id has changed,
        /// which was observed. Its copy stays as it is; the new one is made from scratch.
        replaces: Option<Resource>,
    },
    /// It has another name. Its copy goes on.
    Renamed {
        /// What is copied of it.
        target: Resource,
        /// The name it had.
        from: Option<String>,
    },
    /// It is not listed any more: it was deleted, or is no longer shared. Its copy stays as it is.
    Gone {
        /// What was copied of it.
        target: Resource,
    },
    /// It is listed again. Its copy goes on.
    Back {
        /// What is copied of it.
        target: Resource,
    },
}

/// A mailbox's calendars after a look at its list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// All that were ever listed.
    pub calendars: Vec<KnownCalendar>,
    /// What is new about them.
    pub news: Vec<CalendarNews>,
}

impl Discovery {
    /// Compares a list with what is known of the mailbox.
    pub fn new(mailbox: &Mailbox, known: &[KnownCalendar], list: &CalendarList, now: Timestamp) -> Self {
        let mut listed: Vec<KnownCalendar> = Vec::new();
        let mut unreadable = list.unreadable;
        for calendar in &list.calendars {
            match calendar.resource(mailbox.clone()) {
                // A list that changes while it is read may say one thing twice.
                Ok(target) if listed.iter().any(|other| other.target == target) => {}
                Ok(target) => listed.push(KnownCalendar { target, calendar: calendar.clone(), gone_since: None }),
                Err(_) => unreadable += 1,
            }
        }
        let is_listed = |target: &Resource| listed.iter().any(|calendar| calendar.target == *target);
        let mut news = Vec::new();
        let mut gone: Vec<KnownCalendar> = known.iter().filter(|known| !is_listed(&known.target)).cloned().collect();
        // What can't be read may be what is missed.
        for calendar in gone.iter_mut().filter(|calendar| calendar.gone_since.is_none() && unreadable == 0) {
            calendar.gone_since = Some(now);
            news.push(CalendarNews::Gone { target: calendar.target.clone() });
        }
        for calendar in &listed {
            let before = known.iter().find(|known| known.target == calendar.target);
            news.extend(calendar.news(before, &gone));
        }
        listed.append(&mut gone);
        Self { calendars: listed, news }
    }

    /// Those that are to be copied.
    pub fn targets(&self) -> impl Iterator<Item = &KnownCalendar> {
        self.calendars.iter().filter(|calendar| calendar.gone_since.is_none())
    }
}

impl KnownCalendar {
    fn news(&self, before: Option<&Self>, gone: &[Self]) -> Option<CalendarNews> {
        let target = self.target.clone();
        match before {
            None => {
                let replaced = gone.iter().rev().find(|gone| gone.gone_since.is_some() && gone.looks_like(self));
                Some(CalendarNews::New { target, replaces: replaced.map(|gone| gone.target.clone()) })
            }
            Some(before) if before.gone_since.is_some() => Some(CalendarNews::Back { target }),
            Some(before) if before.calendar.name != self.calendar.name => {
                Some(CalendarNews::Renamed { target, from: before.calendar.name.clone() })
            }
            Some(_) => None,
        }
    }

    /// Whether people would take one for the other.
    fn looks_like(&self, other: &Self) -> bool {
        let owner = |calendar: &CalendarInfo| calendar.owner.as_ref().and_then(|owner| owner.address.clone());
        self.calendar.name == other.calendar.name && owner(&self.calendar) == owner(&other.calendar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(calendars: &[(&str, &str)]) -> CalendarList {
        let calendar = |(id, name): &(&str, &str)| CalendarInfo {
            id: (*id).to_owned(),
            name: Some((*name).to_owned()),
            is_default: *id == "D",
            owner: None,
        };
        CalendarList { calendars: calendars.iter().map(calendar).collect(), unreadable: 0 }
    }

    /// What is new in each list, told in words.
    fn tell(lists: &[CalendarList]) -> Vec<Vec<String>> {
        let mut known = Vec::new();
        let mut told = Vec::new();
        for (number, list) in lists.iter().enumerate() {
            let now = Timestamp::from_seconds(i64::try_from(number).unwrap());
            let discovery = Discovery::new(&Mailbox::Me, &known, list, now);
            let words = |news: &CalendarNews| match news {
                CalendarNews::New { target, replaces: None } => format!("new {target}"),
                CalendarNews::New { target, replaces: Some(old) } => format!("new {target} for {old}"),
                CalendarNews::Renamed { target, from } => format!("{target} was {}", from.as_deref().unwrap()),
                CalendarNews::Gone { target } => format!("gone {target}"),
                CalendarNews::Back { target } => format!("back {target}"),
            };
            told.push(discovery.news.iter().map(words).collect());
            known = discovery.calendars;
        }
        told
    }

    #[test]
    fn calendars_come_are_renamed_go_are_made_again_and_come_back() {
        let lists = [
            list(&[("D", "Calendar"), ("A", "Travel")]),
            list(&[("D", "Kalender"), ("A", "Travel")]),
            list(&[("D", "Kalender")]),
            list(&[("D", "Kalender"), ("B", "Travel")]),
            list(&[("B", "Travel"), ("D", "Kalender"), ("A", "Travel")]),
            list(&[("B", "Travel"), ("B", "Travel"), ("D", "Kalender"), ("A", "Travel")]),
        ];
        assert_eq!(
            tell(&lists),
            [
                vec!["new me", "new me/calendars/A"],
                vec!["me was Calendar"],
                vec!["gone me/calendars/A"],
                vec!["new me/calendars/B for me/calendars/A"],
                vec!["back me/calendars/A"],
                vec![],
            ]
        );
    }

    #[test]
    fn what_could_not_be_read_may_be_what_is_missed() {
        let all = list(&[("D", "Calendar"), ("A", "Travel")]);
        let odd = CalendarList { unreadable: 1, ..list(&[("D", "Calendar")]) };
        let worse = list(&[("D", "Calendar"), ("a/b", "Travel")]);
        assert!(tell(&[all, odd, worse])[1..].iter().all(Vec::is_empty));
    }
}
