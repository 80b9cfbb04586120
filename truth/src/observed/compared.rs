//! Contents of stored events that are compared with what was sent, in words.

use super::rows::Equality;
use crate::scenario::Scenario;
use crate::scenario::promises::{PayloadEquality, TimestampEquality};
use crate::target::{Contained, RowPlaces};

/// Reason why a content is not compared.
const NOT_PROMISED: &str = "not promised";

/// Returns a sentence on what the rows of the listing are compared in; none without a listing.
pub fn comparison(scenario: &Scenario) -> Option<String> {
    let reading = scenario.target.reading().ok().flatten()?;
    let sent = scenario.target.contained();
    let promised = Equality::from(&scenario.promises);
    let places = &reading.places;
    let each = [
        ("timestamp", timestamp(promised, sent, places)),
        ("source", plain(promised.source, sent.source, places.source.is_some())),
        ("payload", payload(promised, sent, places)),
    ];
    let values = places.values.iter().map(|(name, _)| (name.as_str(), Ok("as a value")));
    let mut compared = Vec::new();
    let mut others = Vec::new();
    for (name, rule) in each.into_iter().chain(values) {
        match rule {
            Ok(how) => compared.push(format!("{name} {how}")),
            Err(why) => others.push(format!("{name} ({why})")),
        }
    }
    let compared = if compared.is_empty() { "nothing".to_owned() } else { compared.join(", ") };
    let others =
        if others.is_empty() { String::new() } else { format!("; not compared: {}", others.join(", ")) };
    Some(format!("stored events are compared in {compared}{others}"))
}

fn plain(is_promised: bool, is_sent: bool, is_shown: bool) -> Result<&'static str, &'static str> {
    match (is_promised, is_sent, is_shown) {
        (false, _, _) => Err(NOT_PROMISED),
        (true, false, _) => Err("not sent"),
        (true, true, false) => Err("not named in listing.fields"),
        (true, true, true) => Ok("as text"),
    }
}

fn timestamp(promised: Equality, sent: Contained, places: &RowPlaces) -> Result<&'static str, &'static str> {
    let is_promised = promised.timestamp != TimestampEquality::None;
    let as_text = plain(is_promised, sent.timestamp.is_some(), places.timestamp.is_some())?;
    Ok(match sent.timestamp {
        Some(sent) if promised.timestamp == TimestampEquality::Exact && sent.is_rfc3339 => as_text,
        Some(sent) if sent.precision_ms >= 86_400_000 => "to the day",
        Some(sent) if sent.precision_ms >= 1_000 => "to the second",
        _ => "to the millisecond",
    })
}

fn payload(promised: Equality, sent: Contained, places: &RowPlaces) -> Result<&'static str, &'static str> {
    let is_promised = promised.payload != PayloadEquality::None;
    let as_text = plain(is_promised, sent.payload, places.payload.is_some())?;
    Ok(match promised.payload {
        PayloadEquality::Exact | PayloadEquality::None => as_text,
        PayloadEquality::Json => "as JSON",
        PayloadEquality::Contains => "as JSON that may hold more",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(text: &str) -> Option<String> {
        super::comparison(&Scenario::parse(text, "test.toml").unwrap())
    }

    #[test]
    fn what_is_compared_and_what_is_not_is_said() {
        let said = |text: &str| comparison(text).unwrap();
        assert_eq!(
            said(""),
            "stored events are compared in timestamp to the millisecond, source as text, payload as JSON"
        );
        let described = "[target.publish]\npath = \"/\"\nbody = \"{{events}}\"\n\
                         event = '{{event_id}} {{timestamp.epoch_s}} {{payload}} {{source}}'\n\
                         [target.listing]\npath = \"/e?l={{limit}}\"\n\
                         fields = { topic = \"t\", event_id = \"i\", timestamp = \"at\", payload = \"p\" }\n\
                         [promises]\npayload = \"contains\"\ntimestamp = \"exact\"\n";
        assert_eq!(
            said(described),
            "stored events are compared in timestamp to the second, payload as JSON that may hold more; \
             not compared: source (not named in listing.fields)"
        );
        let bare = "[target.listing]\npath = \"/e?l={{limit}}\"\nfields = { topic = \"t\", event_id = \"i\" }\n\
                    [promises]\npayload = \"none\"";
        assert_eq!(
            said(bare),
            "stored events are compared in nothing; not compared: timestamp (not named in listing.fields), \
             source (not promised), payload (not promised)"
        );
        assert_eq!(comparison("target = { listing = {} }"), None);
    }
}
