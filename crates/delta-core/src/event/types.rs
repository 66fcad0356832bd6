//! The complex types of an event, as Graph documents them. Every field may be missing.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use crate::timestamp::Timestamp;

/// A string that borrows where it can.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Reads a string, or nothing for `null` and for values of other types.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    let raw = <&'de serde_json::value::RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str::<Text<'de>>(raw.get()).ok().map(|text| text.0))
}

/// A `dateTimeTimeZone`: a date and a time as they are written, and the zone they are meant in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DateTimeTimeZone<'a> {
    /// `dateTime`, with seven fractional digits and normally no offset.
    #[serde(borrow, default, rename = "dateTime", alias = "DateTime", alias = "datetime", deserialize_with = "text")]
    pub date_time: Option<Cow<'a, str>>,
    /// `timeZone`: a name by Windows or IANA, or something else. UTC, as long as UTC was asked for.
    #[serde(borrow, default, rename = "timeZone", alias = "TimeZone", alias = "timezone", deserialize_with = "text")]
    pub time_zone: Option<Cow<'a, str>>,
}

impl DateTimeTimeZone<'_> {
    /// The date and time as written, read as if the zone were UTC: exact for requests that prefer UTC, and a floating
    /// date for all-day events. `None` where it is not a date between the years 1 and 9999.
    pub fn read_as_utc(&self) -> Option<Timestamp> {
        Timestamp::parse(self.date_time.as_deref()?).ok()
    }

    /// Whether the zone is UTC, by any of the names that were observed.
    pub fn is_utc(&self) -> bool {
        let names = ["UTC", "Etc/UTC", "GMT", "tzone://Microsoft/Utc"];
        self.time_zone.as_deref().is_some_and(|zone| names.iter().any(|name| zone.eq_ignore_ascii_case(name)))
    }
}

macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $json:literal / $pascal:literal,)* }
     $({ $($(#[$more_doc:meta])* $more:ident: $type:ty = $more_json:literal,)* })?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(default, bound(deserialize = "'de: 'a"))]
        pub struct $name<'a> {
            $(
                $(#[$field_doc])*
                #[serde(rename = $json, alias = $pascal, deserialize_with = "text")]
                pub $field: Option<Cow<'a, str>>,
            )*
            $($(
                $(#[$more_doc])*
                #[serde(rename = $more_json)]
                pub $more: Option<$type>,
            )*)?
        }
    };
}

texts! {
    /// An `itemBody`.
    ItemBody {
        /// `html` or `text`.
        content_type = "contentType" / "ContentType",
        /// The content.
        content = "content" / "Content",
    }
}

texts! {
    /// An `emailAddress`.
    EmailAddress {
        /// The display name.
        name = "name" / "Name",
        /// The address; it may be missing.
        address = "address" / "Address",
    }
}

texts! {
    /// A `responseStatus`.
    ResponseStatus {
        /// `none`, `organizer`, `tentativelyAccepted`, `accepted`, `declined`, `notResponded`, or a word added since.
        response = "response" / "Response",
        /// When; `0001-01-01T00:00:00Z` for never.
        time = "time" / "Time",
    }
}

texts! {
    /// A `recipient`.
    Recipient {} {
        /// Who.
        email_address: EmailAddress<'a> = "emailAddress",
    }
}

texts! {
    /// An `attendee`.
    Attendee {
        /// `required`, `optional`, `resource`, or a word added since.
        kind = "type" / "Type",
    } {
        /// How they answered.
        status: ResponseStatus<'a> = "status",
        /// Who.
        email_address: EmailAddress<'a> = "emailAddress",
    }
}

texts! {
    /// A `location`.
    Location {
        /// The name that is shown.
        display_name = "displayName" / "DisplayName",
        /// `default`, `conferenceRoom`, …
        location_type = "locationType" / "LocationType",
        /// `locationUri`.
        location_uri = "locationUri" / "LocationUri",
        /// `locationEmailAddress`.
        location_email_address = "locationEmailAddress" / "LocationEmailAddress",
        /// `uniqueId`.
        unique_id = "uniqueId" / "UniqueId",
        /// `uniqueIdType`.
        unique_id_type = "uniqueIdType" / "UniqueIdType",
    } {
        /// The postal address.
        address: PhysicalAddress<'a> = "address",
        /// Where it is on Earth.
        coordinates: Coordinates = "coordinates",
    }
}

texts! {
    /// A `physicalAddress`.
    PhysicalAddress {
        /// `type`, in older payloads.
        kind = "type" / "Type",
        /// The street.
        street = "street" / "Street",
        /// The city.
        city = "city" / "City",
        /// The state.
        state = "state" / "State",
        /// The country or region.
        country_or_region = "countryOrRegion" / "CountryOrRegion",
        /// The postal code.
        postal_code = "postalCode" / "PostalCode",
    }
}

/// `outlookGeoCoordinates`; empty objects are usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Coordinates {
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
}

texts! {
    /// An `onlineMeetingInfo`.
    OnlineMeeting {
        /// Where to join.
        join_url = "joinUrl" / "JoinUrl",
        /// The conference's id.
        conference_id = "conferenceId" / "ConferenceId",
        /// The toll number.
        toll_number = "tollNumber" / "TollNumber",
    }
}

texts! {
    /// A `patternedRecurrence`.
    PatternedRecurrence {} {
        /// How it repeats.
        pattern: RecurrencePattern<'a> = "pattern",
        /// From when and how long.
        range: RecurrenceRange<'a> = "range",
    }
}

texts! {
    /// A `recurrencePattern`.
    RecurrencePattern {
        /// `daily`, `weekly`, `absoluteMonthly`, `relativeMonthly`, `absoluteYearly`, `relativeYearly`.
        kind = "type" / "Type",
        /// The day that weeks begin with.
        first_day_of_week = "firstDayOfWeek" / "FirstDayOfWeek",
        /// `first` to `fourth`, `last`.
        index = "index" / "Index",
    } {
        /// Every how many days, weeks, months or years.
        interval: i64 = "interval",
        /// The month, 1 to 12.
        month: i64 = "month",
        /// The day of the month.
        day_of_month: i64 = "dayOfMonth",
        /// The days of the week.
        days_of_week: Vec<Cow<'a, str>> = "daysOfWeek",
    }
}

texts! {
    /// A `recurrenceRange`.
    RecurrenceRange {
        /// `endDate`, `noEnd` or `numbered`.
        kind = "type" / "Type",
        /// The first date.
        start_date = "startDate" / "StartDate",
        /// The last date; `0001-01-01` for none.
        end_date = "endDate" / "EndDate",
        /// The zone that the series lives in; may be empty.
        recurrence_time_zone = "recurrenceTimeZone" / "RecurrenceTimeZone",
    } {
        /// How many occurrences; 0 for no number.
        number_of_occurrences: i64 = "numberOfOccurrences",
    }
}
