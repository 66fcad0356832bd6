//! A calendar of any size, rendered without a mailbox behind it.
//!
//! It is for measuring clients: pages are made of numbers alone, at the speed of writing text, and with the
//! [`server`](crate::server) they are made before they are asked for. Events look as Graph's do: about 3.5 KB, of which a
//! third is HTML, with ids of 152 characters, escapes, some text beyond ASCII, up to five attendees. They do not recur,
//! and there is nothing to ask about them beside their delta query.

use std::fmt::Write;

/// How many events there are, and what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Events in the calendar.
    pub events: usize,
    /// Events on a page.
    pub page_size: usize,
    /// Rounds in which something changes, after the first, which has all events. After them nothing changes any more.
    pub rounds: usize,
    /// Events that change in such a round.
    pub changed: usize,
}

/// The days over which events are spread, from 2026-01-01 on.
const DAYS: usize = 360;

const WORDS: [&str; 24] = [
    "agenda",
    "budget",
    "review",
    "quarter",
    "planning",
    "roadmap",
    "customer",
    "launch",
    "résumé",
    "design",
    "sprint",
    "retro",
    "numbers",
    "forecast",
    "travel",
    "workshop",
    "onboarding",
    "notes",
    "please",
    "prepare",
    "Zürich",
    "slides",
    "before",
    "meeting",
];

const PEOPLE: [(&str, &str); 6] = [
    ("Samantha Booth", "samanthab@contoso.com"),
    ("Dana Swope", "danas@contoso.com"),
    ("Alex Wilber", "alexw@contoso.com"),
    ("Megan Bowen", "meganb@contoso.com"),
    ("Lynne Robbins", "lynner@contoso.com"),
    ("Adele Vance", "adelev@contoso.com"),
];

impl Load {
    /// How many pages a round has: at least one.
    pub fn pages(&self, round: usize) -> usize {
        self.items(round).div_ceil(self.page_size.max(1)).max(1)
    }

    /// A page of a round, counted from 0. Its link leads to the next page or round below `root`, the service root without
    /// a version.
    pub fn page(&self, root: &str, round: usize, page: usize) -> String {
        let first = page.saturating_mul(self.page_size);
        let items = first..self.items(round).min(first.saturating_add(self.page_size));
        let mut text = String::with_capacity(items.len().saturating_mul(4_096).saturating_add(1_024));
        let view = format!("{root}/v1.0/me/calendarView/delta");
        text.push_str(r#"{"@odata.context":""#);
        text.push_str(root);
        text.push_str(r#"/v1.0/$metadata#Collection(event)","value":["#);
        for item in items {
            if !text.ends_with('[') {
                text.push(',');
            }
            event(&mut text, self.number(round, item), round);
        }
        let link = if page + 1 < self.pages(round) {
            format!(r#"],"@odata.nextLink":"{view}?$skiptoken={round}-{}"}}"#, page + 1)
        } else {
            format!(r#"],"@odata.deltaLink":"{view}?$deltatoken={}"}}"#, round + 1)
        };
        text.push_str(&link);
        text
    }

    /// The round and the page that a request's query asks for.
    pub fn asked(query: &str) -> (usize, usize) {
        let value = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name));
        let number = |text: &str| text.parse().unwrap_or(0);
        match (value("$deltatoken="), value("$skiptoken=").and_then(|token| token.split_once('-'))) {
            (Some(round), _) => (number(round), 0),
            (None, Some((round, page))) => (number(round), number(page)),
            (None, None) => (0, 0),
        }
    }

    fn items(&self, round: usize) -> usize {
        match round {
            0 => self.events,
            round if round <= self.rounds => self.changed.min(self.events),
            _ => 0,
        }
    }

    /// Which event an item is of. Each round changes others, spread over the calendar.
    fn number(&self, round: usize, item: usize) -> usize {
        if round == 0 {
            return item;
        }
        let step = self.events.checked_div(self.changed).unwrap_or(1).max(1);
        item.saturating_mul(step).saturating_add(round).checked_rem(self.events).unwrap_or(0)
    }
}

/// An event's id, by its number.
fn id(number: usize) -> String {
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("AAMkADQ1{:a<120}{mixed:016x}AAAAAA==", "ODAtN2QxNy00ZGE5LWI4ZTgtYzM0ZmQ2NzYxNzk4AEYAAAAAAPNq3Dk6")
}

/// Numbers that look random, from an event's own.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0).checked_rem(end).unwrap_or(0)
    }

    fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    fn words(&mut self, text: &mut String, count: usize) {
        for word in 0..count {
            if word > 0 {
                text.push(' ');
            }
            text.push_str(self.pick(&WORDS));
        }
    }
}

/// Writes an event as it is after a round.
fn event(text: &mut String, number: usize, round: usize) {
    let mut dice = Dice((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // Writing to a string does not fail.
    let _ = write_event(text, number, round, &mut dice);
}

fn write_event(text: &mut String, number: usize, round: usize, dice: &mut Dice) -> std::fmt::Result {
    let (id, day, hour) = (id(number), number % DAYS, dice.below(22));
    let (month, day) = (day / 30 % 12 + 1, day % 28 + 1);
    let (name, address) = dice.pick(&PEOPLE);
    write!(
        text,
        r#"{{"@odata.etag":"W/\"ZlnW4RIAV06KYYwlrfNZvQ{number:08}{round:04}==\"","id":"{id}","createdDateTime":"2026-01-12T10:11:12.1234567Z","lastModifiedDateTime":"2026-02-12T10:11:12.7654321Z","changeKey":"ZlnW4RIAV06KYYwlrfNZvQ{number:08}{round:04}==","categories":[],"transactionId":null,"originalStartTimeZone":"Pacific Standard Time","originalEndTimeZone":"Pacific Standard Time","iCalUId":"040000008200E00074C5B7101A82E00800000000{number:016X}000000000000000010000000{number:032X}","reminderMinutesBeforeStart":15,"isReminderOn":true,"hasAttachments":false,"subject":""#
    )?;
    let count = 3 + dice.below(4);
    dice.words(text, count);
    text.push_str(r#"","bodyPreview":""#);
    dice.words(text, 24);
    let (meeting, room) = (number.is_multiple_of(2), number % 40);
    write!(
        text,
        r#"\r\n","importance":"normal","sensitivity":"normal","isAllDay":false,"isCancelled":false,"isOrganizer":true,"responseRequested":true,"seriesMasterId":null,"showAs":"busy","type":"singleInstance","webLink":"https://outlook.office365.com/owa/?itemid={id}&exvsurl=1&path=/calendar/item","onlineMeetingUrl":null,"isOnlineMeeting":{meeting},"onlineMeetingProvider":"unknown","allowNewTimeProposals":true,"isDraft":false,"hideAttendees":false,"recurrence":null,"onlineMeeting":"#
    )?;
    if meeting {
        write!(
            text,
            r#"{{"joinUrl":"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{number:032x}%40thread.v2/0"}}"#
        )?;
    } else {
        text.push_str("null");
    }
    text.push_str(r#","responseStatus":{"response":"organizer","time":"0001-01-01T00:00:00Z"},"body":{"contentType":"html","content":"<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n<body>\r\n"#);
    for _ in 0..8 {
        text.push_str(r#"<div class=\"elementToProof\">"#);
        dice.words(text, 9);
        text.push_str(r"</div>\r\n");
    }
    write!(
        text,
        r#"</body>\r\n</html>\r\n"}},"start":{{"dateTime":"2026-{month:02}-{day:02}T{hour:02}:00:00.0000000","timeZone":"UTC"}},"end":{{"dateTime":"2026-{month:02}-{day:02}T{:02}:00:00.0000000","timeZone":"UTC"}},"location":{{"displayName":"Conf Room {room}","locationType":"default","uniqueId":"Conf Room {room}","uniqueIdType":"private"}},"locations":[{{"displayName":"Conf Room {room}","locationType":"default","uniqueId":"Conf Room {room}","uniqueIdType":"private"}}],"attendees":["#,
        hour + 1
    )?;
    for attendee in 0..=dice.below(5) {
        if attendee > 0 {
            text.push(',');
        }
        let (name, address) = dice.pick(&PEOPLE);
        write!(
            text,
            r#"{{"type":"required","status":{{"response":"none","time":"0001-01-01T00:00:00Z"}},"emailAddress":{{"name":"{name}","address":"{address}"}}}}"#
        )?;
    }
    write!(text, r#"],"organizer":{{"emailAddress":{{"name":"{name}","address":"{address}"}}}}}}"#)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_load_is_a_round_of_all_events_and_rounds_of_changes() {
        let load = Load { events: 450, page_size: 100, rounds: 2, changed: 9 };
        let mut asked = (0, 0);
        let mut rounds = vec![BTreeSet::new()];
        for _ in 0..8 {
            let page: serde_json::Value = serde_json::from_str(&load.page("http://h", asked.0, asked.1)).unwrap();
            for item in page["value"].as_array().unwrap() {
                assert_eq!(item["id"].as_str().unwrap().len(), 152);
                let last = rounds.last_mut().unwrap();
                assert!(last.insert((item["id"].to_string(), item["@odata.etag"].to_string())));
            }
            let link = page["@odata.nextLink"].as_str().or(page["@odata.deltaLink"].as_str()).unwrap();
            let next = Load::asked(link.split_once('?').unwrap().1);
            rounds.extend((next.0 > asked.0).then(BTreeSet::new));
            asked = next;
        }
        assert_eq!(rounds.iter().map(BTreeSet::len).collect::<Vec<_>>(), [450, 9, 9, 0, 0]);
        let ids = |round: usize| rounds[round].iter().map(|(id, _)| id).collect::<BTreeSet<_>>();
        assert!(ids(1).is_subset(&ids(0)) && ids(1).is_disjoint(&ids(2)));
        assert!(rounds[1].is_disjoint(&rounds[0]), "what changes has another etag");
    }
}
