//! Which events to show. A replica is always complete; what is left out is a matter of how it is looked at.

use delta_core::Event;

/// Leaves out what somebody does not want to see. The default shows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Leaves out what the calendar's owner has declined.
    pub no_declined: bool,
    /// Leaves out what its organizer has cancelled.
    pub no_cancelled: bool,
    /// Leaves out what is private, personal or confidential.
    pub no_private: bool,
    /// Leaves out what has none of this, in any case, in subject, location, organizer, categories or the beginning of the
    /// body.
    pub search: Option<String>,
}

impl Filter {
    /// Whether to show this event.
    pub fn shows(&self, event: &Event<'_>) -> bool {
        !(self.no_declined && is_declined(event)
            || self.no_cancelled && is_cancelled(event)
            || self.no_private && is_private(event))
            && self.search.as_deref().is_none_or(|text| has(event, text))
    }
}

/// Whether the calendar's owner said no.
pub fn is_declined(event: &Event<'_>) -> bool {
    event.response_status().and_then(|status| status.response).is_some_and(|response| response == "declined")
}

/// Whether its organizer has cancelled it. An attendee's copy stays until somebody removes it.
pub fn is_cancelled(event: &Event<'_>) -> bool {
    event.is_cancelled() == Some(true)
}

/// Whether its `sensitivity` is another than `normal`.
pub fn is_private(event: &Event<'_>) -> bool {
    event.sensitivity().is_some_and(|sensitivity| sensitivity != "normal")
}

fn has(event: &Event<'_>, text: &str) -> bool {
    let text = text.to_lowercase();
    let organizer = event.organizer().and_then(|organizer| organizer.email_address).unwrap_or_default();
    let location = event.location().and_then(|location| location.display_name);
    let texts = [event.subject(), location, organizer.name, organizer.address, event.body_preview()];
    let mut all = texts.into_iter().flatten().chain(event.categories());
    all.any(|found| found.to_lowercase().contains(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wish_leaves_out_its_own() {
        let event = |json: &str| Event::parse(json).map(|event| event.properties().count()).map(|_| json.to_owned());
        let declined = event(r#"{"subject":"Stand-up","responseStatus":{"response":"declined"}}"#).unwrap();
        let cancelled = event(r#"{"subject":"Canceled: Lunch","isCancelled":true}"#).unwrap();
        let private = event(r#"{"subject":"Dentist","sensitivity":"private","categories":["Health"]}"#).unwrap();
        let all = [declined, cancelled, private];
        let shown = |filter: Filter| -> Vec<usize> {
            (0..3).filter(|at| filter.shows(&Event::parse(&all[*at]).unwrap())).collect()
        };
        assert_eq!(shown(Filter::default()), [0, 1, 2]);
        assert_eq!(shown(Filter { no_declined: true, ..Filter::default() }), [1, 2]);
        assert_eq!(shown(Filter { no_cancelled: true, ..Filter::default() }), [0, 2]);
        assert_eq!(shown(Filter { no_private: true, ..Filter::default() }), [0, 1]);
        assert_eq!(shown(Filter { search: Some("STAND".to_owned()), ..Filter::default() }), [0]);
        assert_eq!(shown(Filter { search: Some("health".to_owned()), ..Filter::default() }), [2]);
        assert_eq!(shown(Filter { search: Some(String::new()), ..Filter::default() }), [0, 1, 2]);
    }
}
