//! Holes of a template: their names and filters, as they are written between two braces.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;

/// A hole: the name of a value, and what is done to the value before it is fitted to its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hole {
    /// Name of the value.
    pub name: HoleName,
    /// Filters, in the order in which they are applied.
    pub filters: Vec<Filter>,
    /// Place in the template's text, in bytes, with the braces.
    pub span: Range<usize>,
    /// True if the hole stands within the quotes of a JSON text.
    pub is_quoted: bool,
}

impl Hole {
    /// True if the value is written as it is, without being fitted to its place.
    pub fn is_raw(&self) -> bool {
        self.filters.contains(&Filter::Raw)
    }

    /// Returns this hole as it is shown with this name: `{{env:KEY|base64}}`, without blanks, so that
    /// a path can hold it.
    pub(super) fn shown(&self, name: &HoleName) -> String {
        let filters: String = self.filters.iter().map(|filter| format!("|{}", filter.name())).collect();
        format!("{{{{{name}{filters}}}}}")
    }
}

/// Name of a value that a template can ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HoleName {
    /// Topic of the event, or of a listing of one topic.
    Topic,
    /// Id of the event.
    EventId,
    /// Source of the event.
    Source,
    /// Ordinal of the event's key.
    N,
    /// Random text of the event's payload.
    Data,
    /// Payload of the event, as JSON.
    Payload,
    /// Timestamp of the event.
    Timestamp(TimeForm),
    /// Place of the event in its request, from 0.
    Place,
    /// Place of the event in its request, from 1.
    Place1,
    /// Value of `[events.values]`, such as `amount`, or of a column of one, such as `order.customer`.
    Value(String),
    /// Events of the request.
    Events,
    /// Number of events in the request.
    Count,
    /// Id of the request, the same when it is sent again.
    BatchId,
    /// Time at which the request was made, one for the whole request.
    Now(TimeForm),
    /// Body of the request, before it is packed.
    Body,
    /// Signature of the request.
    Signature,
    /// Trace context of the request.
    Traceparent,
    /// Number of rows to ask for.
    Limit,
    /// Number of rows to skip.
    Offset,
    /// Number of the page.
    Page,
    /// Cursor of the page.
    Cursor,
    /// First timestamp of the run.
    From(TimeForm),
    /// Last timestamp of the run.
    To(TimeForm),
    /// Value that an earlier response held, under this name.
    Kept(String),
    /// Environment variable.
    Env(String),
    /// Two opening braces.
    Open,
}

/// Forms of a time, with their names after the dot.
const FORMS: [(&str, TimeForm); 5] = [
    ("epoch_s", TimeForm::EpochS),
    ("epoch_ms", TimeForm::EpochMs),
    ("epoch_us", TimeForm::EpochUs),
    ("epoch_ns", TimeForm::EpochNs),
    ("date", TimeForm::Date),
];

/// Holes whose names are one fixed word.
static WORDS: [(&str, HoleName); 18] = [
    ("topic", HoleName::Topic),
    ("event_id", HoleName::EventId),
    ("source", HoleName::Source),
    ("n", HoleName::N),
    ("data", HoleName::Data),
    ("payload", HoleName::Payload),
    ("place", HoleName::Place),
    ("place1", HoleName::Place1),
    ("events", HoleName::Events),
    ("count", HoleName::Count),
    ("batch_id", HoleName::BatchId),
    ("body", HoleName::Body),
    ("signature", HoleName::Signature),
    ("traceparent", HoleName::Traceparent),
    ("limit", HoleName::Limit),
    ("offset", HoleName::Offset),
    ("page", HoleName::Page),
    ("cursor", HoleName::Cursor),
];

/// Name of a hole by its form of time.
type OfTime = fn(TimeForm) -> HoleName;

/// Words of the holes that have a form of time after a dot.
const TIMES: [(&str, OfTime); 4] = [
    ("timestamp", HoleName::Timestamp),
    ("now", HoleName::Now),
    ("from", HoleName::From),
    ("to", HoleName::To),
];

impl HoleName {
    /// Returns the hole with this name, or the reason why there is none. Any other word may be a
    /// value of the scenario.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "open" {
            return Ok(Self::Open);
        }
        if let Some((_, name)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(name.clone());
        }
        if let Some(variable) = text.strip_prefix("env:") {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_name = !variable.is_empty() && variable.bytes().all(is_part);
            return if is_name {
                Ok(Self::Env(variable.to_owned()))
            } else {
                Err(format!("`{variable}` is no name of an environment variable; write {{{{env:NAME}}}}"))
            };
        }
        let first = text.split('.').next().unwrap_or_default();
        if let Some((word, of)) = TIMES.iter().find(|(word, _)| *word == first) {
            return time_form(text, word).map(of);
        }
        if let Some(kept) = text.strip_prefix("kept.") {
            return if is_word(kept) {
                Ok(Self::Kept(kept.to_owned()))
            } else {
                Err(format!("`{kept}` is no name; write {{{{kept.NAME}}}}, with a name of a `keep`"))
            };
        }
        if text.split('.').all(is_word) {
            return Ok(Self::Value(text.to_owned()));
        }
        Err(format!(
            "`{}` is no hole; two opening braces of the text itself are written {{{{open}}}}",
            text.chars().take(40).collect::<String>()
        ))
    }

    /// True if the value is JSON by itself, so that it may stand outside quotes. Values of the
    /// scenario are not known here.
    pub fn is_json(&self) -> bool {
        match self {
            Self::Timestamp(form) | Self::Now(form) | Self::From(form) | Self::To(form) => form.is_number(),
            Self::N | Self::Place | Self::Place1 | Self::Count | Self::Payload | Self::Events => true,
            Self::Limit | Self::Offset | Self::Page | Self::Cursor | Self::Kept(_) | Self::Open => true,
            Self::Env(_) | Self::Value(_) => true,
            Self::Topic | Self::EventId | Self::Source | Self::Data => false,
            Self::BatchId | Self::Body | Self::Signature | Self::Traceparent => false,
        }
    }

    /// True if each event of a request has its own.
    pub fn is_of_event(&self) -> bool {
        match self {
            Self::Topic | Self::EventId | Self::Source | Self::N | Self::Data | Self::Payload => true,
            Self::Timestamp(_) | Self::Place | Self::Place1 | Self::Value(_) => true,
            Self::Events | Self::Count | Self::BatchId | Self::Now(_) | Self::Body | Self::Signature => false,
            Self::Traceparent | Self::Limit | Self::Offset | Self::Page | Self::Cursor => false,
            Self::From(_) | Self::To(_) | Self::Kept(_) | Self::Env(_) | Self::Open => false,
        }
    }
}

/// Returns the form after the word of a time.
fn time_form(text: &str, word: &str) -> Result<TimeForm, String> {
    if text == word {
        return Ok(TimeForm::Rfc3339);
    }
    let form = &text[word.len() + 1..];
    let known = FORMS.iter().find(|(name, _)| *name == form);
    known.map(|(_, form)| *form).ok_or_else(|| {
        let forms: Vec<String> = FORMS.iter().map(|(name, _)| format!("{word}.{name}")).collect();
        format!("`{text}` is no form of a time; the forms are {word}, {}", forms.join(", "))
    })
}

fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.bytes().all(is_part)
}

impl fmt::Display for HoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |word: &str, form: &TimeForm| match FORMS.iter().find(|(_, known)| known == form) {
            Some((name, _)) => format!("{word}.{name}"),
            None => word.to_owned(),
        };
        match self {
            Self::Timestamp(form) => f.write_str(&time("timestamp", form)),
            Self::Now(form) => f.write_str(&time("now", form)),
            Self::From(form) => f.write_str(&time("from", form)),
            Self::To(form) => f.write_str(&time("to", form)),
            Self::Value(name) => f.write_str(name),
            Self::Kept(name) => write!(f, "kept.{name}"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Open => f.write_str("open"),
            fixed => {
                let word = WORDS.iter().find(|(_, name)| name == fixed);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    }
}

/// Form of a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeForm {
    /// `2026-01-31T12:00:00.000Z`.
    Rfc3339,
    /// Whole seconds since 1970.
    EpochS,
    /// Milliseconds since 1970.
    EpochMs,
    /// Microseconds since 1970.
    EpochUs,
    /// Nanoseconds since 1970.
    EpochNs,
    /// `2026-01-31`.
    Date,
}

impl TimeForm {
    /// True if the form is a number.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Rfc3339 | Self::Date)
    }

    /// Precision of the form, in milliseconds: 1 for all that are exact to the millisecond.
    pub fn precision_ms(self) -> u32 {
        match self {
            Self::Rfc3339 | Self::EpochMs | Self::EpochUs | Self::EpochNs => 1,
            Self::EpochS => 1_000,
            Self::Date => 86_400_000,
        }
    }

    /// Appends a time, given in milliseconds since 1970.
    pub fn write(self, ms: i64, out: &mut Vec<u8>) {
        match self {
            Self::Rfc3339 => write_rfc3339(ms, out),
            Self::Date => write_date(ms.div_euclid(DAY_MS), out),
            Self::EpochS => write_number(ms.div_euclid(1_000).into(), out),
            Self::EpochMs => write_number(ms.into(), out),
            Self::EpochUs => write_number(i128::from(ms) * 1_000, out),
            Self::EpochNs => write_number(i128::from(ms) * 1_000_000, out),
        }
    }
}

const DAY_MS: i64 = 86_400_000;

fn write_number(number: i128, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends RFC 3339 with milliseconds, in UTC, for years of four digits; other years take the long
/// way.
fn write_rfc3339(ms: i64, out: &mut Vec<u8>) {
    const YEARS_OF_FOUR_DIGITS: Range<i64> = -62_167_219_200_000..253_402_300_800_000;
    if !YEARS_OF_FOUR_DIGITS.contains(&ms) {
        let range = Timestamp::MIN.as_second() * 1_000..=Timestamp::MAX.as_second() * 1_000;
        let moment = Timestamp::from_millisecond(ms.clamp(*range.start(), *range.end()));
        let moment = moment.expect("a moment of the calendar");
        return out.extend_from_slice(format!("{moment:.3}").as_bytes());
    }
    write_date(ms.div_euclid(DAY_MS), out);
    let of_day = ms.rem_euclid(DAY_MS) as u32;
    let seconds = of_day / 1_000;
    let mut time = *b"T00:00:00.000Z";
    for (at, number) in [(1, seconds / 3_600), (4, seconds / 60 % 60), (7, seconds % 60)] {
        time[at] += (number / 10) as u8;
        time[at + 1] += (number % 10) as u8;
    }
    for (at, unit) in [(10, 100), (11, 10), (12, 1)] {
        time[at] += (of_day % 1_000 / unit % 10) as u8;
    }
    out.extend_from_slice(&time);
}

/// Appends the date of a day since 1970: the civil calendar, counted in eras of 400 years that
/// begin on the first of March.
fn write_date(day: i64, out: &mut Vec<u8>) {
    let since_march = day + 719_468;
    let era = since_march.div_euclid(146_097);
    let of_era = since_march.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let mut text = *b"0000-00-00";
    for (at, unit) in [(0, 1_000), (1, 100), (2, 10), (3, 1)] {
        text[at] += (year / unit).rem_euclid(10) as u8;
    }
    for (at, number) in [(5, month), (8, date)] {
        text[at] += (number / 10) as u8;
        text[at + 1] += (number % 10) as u8;
    }
    out.extend_from_slice(&text);
}

/// Change of a value before it is fitted to its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filter {
    /// As text within quotes of JSON.
    Json,
    /// Percent-encoded.
    Url,
    /// In base64.
    Base64,
    /// With a backslash before each comma, equals sign, space and backslash.
    Backslash,
    /// Not fitted to its place.
    Raw,
}

const FILTERS: [(&str, Filter); 5] = [
    ("json", Filter::Json),
    ("url", Filter::Url),
    ("base64", Filter::Base64),
    ("backslash", Filter::Backslash),
    ("raw", Filter::Raw),
];

impl Filter {
    /// Returns its name, as it is written in a hole.
    pub fn name(self) -> &'static str {
        let known = FILTERS.iter().find(|(_, filter)| *filter == self);
        known.map_or("", |(name, _)| name)
    }

    /// Returns the filter with this name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let known = FILTERS.iter().find(|(name, _)| *name == text);
        known.map(|(_, filter)| *filter).ok_or_else(|| {
            format!("`{text}` is no filter; the filters are json, url, base64, backslash and raw")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::event::timestamp_text;

    fn text(form: TimeForm, ms: i64) -> String {
        let mut out = Vec::new();
        form.write(ms, &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn a_time_is_that_of_the_calendar(ms in -70_000_000_000_000_i64..260_000_000_000_000) {
            prop_assert_eq!(text(TimeForm::Rfc3339, ms), timestamp_text(ms));
        }
    }

    #[test]
    fn a_time_has_the_form_that_is_asked_for() {
        let ms = 1_769_860_800_007;
        for (form, expected) in [
            (TimeForm::Rfc3339, "2026-01-31T12:00:00.007Z"),
            (TimeForm::Date, "2026-01-31"),
            (TimeForm::EpochS, "1769860800"),
            (TimeForm::EpochMs, "1769860800007"),
            (TimeForm::EpochUs, "1769860800007000"),
            (TimeForm::EpochNs, "1769860800007000000"),
        ] {
            assert_eq!(text(form, ms), expected);
        }
        assert_eq!(text(TimeForm::EpochS, -1), "-1", "a time before 1970 is rounded down too");
        assert_eq!(text(TimeForm::Date, -1), "1969-12-31");
    }

    #[test]
    fn a_name_is_shown_as_it_is_written() {
        let fixed = WORDS.iter().map(|(word, _)| *word);
        let others = ["timestamp", "now.epoch_ns", "from.date", "to", "amount", "order.customer", "kept.pit"];
        for name in fixed.chain(others).chain(["env:TOKEN_A", "open"]) {
            assert_eq!(HoleName::parse(name).unwrap().to_string(), name);
        }
    }
}
