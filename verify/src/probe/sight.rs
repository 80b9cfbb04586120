//! Sight: what in a response tells a new event from a repeat.
//!
//! It is found in three responses: to an event, to the same bytes again, and to another new event.
//! A fact that is the same for the two new events, and another for the repeat, is the *kind*. A
//! fact that differs between the two new ones, and comes again with the repeat, is the *effect*: it
//! names what the request made, as an id of a charge does.

use super::names::plain;
use super::response::Response;

/// Fact that tells new events from repeats.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    /// The fact at this place says so.
    Kind {
        /// Place of the fact.
        place: String,
        /// Value for a new event; none if there is no such fact.
        new: Option<String>,
        /// Value for a repeat; none if there is no such fact.
        repeat: Option<String>,
    },
    /// The fact at this place names what was made.
    Effect {
        /// Place of the fact.
        place: String,
        /// Value of the first event.
        first: String,
    },
}

/// Meaning of a response to a variation of an event that the target knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// The target took it for a new event.
    New,
    /// The target took it for a repeat.
    Repeat,
    /// The target refused it.
    Refused,
    /// The response is like neither.
    Unclear,
}

impl Sight {
    /// Finds the fact. `sent` are values that requests held, which a response may repeat.
    pub(super) fn of(first: &Response, again: &Response, other: &Response, sent: &[String]) -> Option<Self> {
        let [of_first, of_again, of_other] = [first, again, other].map(Response::facts);
        let mut places: Vec<&String> = of_first.keys().chain(of_again.keys()).collect();
        places.retain(|place| !is_of_chance(place));
        places.sort_by_key(|place| rank(place));
        places.dedup();
        let is_kind = |place: &&&String| {
            let new = of_first.get(**place);
            new == of_other.get(**place) && new != of_again.get(**place)
        };
        let is_sent = |value: &String| sent.iter().any(|sent| sent == value);
        // A text that holds the id of the repeat is no word for repeats.
        let is_word = |place: &&&String| {
            of_again
                .get(**place)
                .is_none_or(|value| !sent.iter().any(|sent| sent.len() >= 6 && value.contains(sent.as_str())))
        };
        if let Some(place) = places.iter().filter(is_kind).find(is_word) {
            let [new, repeat] = [&of_first, &of_again].map(|facts| facts.get(*place).cloned());
            return Some(Self::Kind { place: (*place).clone(), new, repeat });
        }
        let effect = places.into_iter().find(|place| {
            let (Some(own), Some(other)) = (of_first.get(*place), of_other.get(*place)) else { return false };
            own != other && of_again.get(*place) == Some(own) && !is_sent(own)
        })?;
        Some(Self::Effect { place: effect.clone(), first: of_first[effect].clone() })
    }

    /// Reads the response to a variation of the first event.
    pub(super) fn judge(&self, response: &Response) -> Taken {
        let facts = response.facts();
        match self {
            Self::Kind { place, repeat, .. } if facts.get(place) == repeat.as_ref() => Taken::Repeat,
            Self::Kind { place, new, .. } if facts.get(place) == new.as_ref() && response.is_success() => {
                Taken::New
            }
            _ if !response.is_success() => Taken::Refused,
            Self::Kind { .. } => Taken::Unclear,
            Self::Effect { place, first } => match facts.get(place) {
                Some(value) if value == first => Taken::Repeat,
                Some(_) => Taken::New,
                None => Taken::Unclear,
            },
        }
    }

    /// Sentence that says what was seen.
    pub(super) fn in_words(&self) -> String {
        let value = |value: &Option<String>| {
            value.as_ref().map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"))
        };
        match self {
            Self::Kind { place, new, repeat } => {
                format!("{place} is {} for a new event and {} for the same again", value(new), value(repeat))
            }
            Self::Effect { place, .. } => {
                format!(
                    "{place} names what was made: it comes again with the same event, and is another for a new one"
                )
            }
        }
    }
}

/// True if the fact can be equal for two responses and differ for a third by chance, as a duration.
fn is_of_chance(place: &str) -> bool {
    const PARTS: [&str; 9] =
        ["took", "elapsed", "duration", "latency", "runtime", "time", "ratelimit", "remaining", "traceid"];
    let name = plain(place.rsplit('/').next().unwrap_or_default());
    PARTS.iter().any(|part| name.contains(part))
}

/// Order in which facts are looked at: the status, then header fields, then short pointers.
fn rank(place: &str) -> (usize, usize, String) {
    let kind = if place == "status" { 0 } else { 1 + usize::from(!place.starts_with("header:")) };
    (kind, place.matches('/').count(), place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response::of(status, Vec::new(), body.as_bytes(), None)
    }

    fn sight(first: (u16, &str), again: (u16, &str), other: (u16, &str)) -> Option<Sight> {
        let of = |(status, body): (u16, &str)| response(status, body);
        Sight::of(&of(first), &of(again), &of(other), &["id-1-long".to_owned()])
    }

    #[test]
    fn the_kind_is_the_same_for_new_events_and_another_for_a_repeat() {
        let by_status = sight((201, "{}"), (200, "{}"), (201, "{}")).unwrap();
        assert_eq!(by_status.judge(&response(200, "")), Taken::Repeat);
        assert_eq!(by_status.judge(&response(201, "")), Taken::New);
        assert_eq!(by_status.judge(&response(422, "")), Taken::Refused);
        let conflict = sight((202, ""), (409, "known"), (202, "")).unwrap();
        assert_eq!(conflict.judge(&response(409, "")), Taken::Repeat);
        let by_word = sight(
            (200, r#"{"t":1,"s":"new"}"#),
            (200, r#"{"t":2,"s":"old"}"#),
            (200, r#"{"t":3,"s":"new"}"#),
        );
        assert!(matches!(&by_word, Some(Sight::Kind { place, .. }) if place == "/s"), "{by_word:?}");
        let by_absence = sight((200, "{}"), (200, r#"{"replayed":true}"#), (200, "{}")).unwrap();
        assert_eq!(by_absence.judge(&response(200, r#"{"replayed":true}"#)), Taken::Repeat);
        assert!(by_absence.in_words().contains("absent"), "{}", by_absence.in_words());
    }

    #[test]
    fn an_effect_comes_again_with_the_same_event() {
        let charge =
            sight((200, r#"{"id":"ch_1"}"#), (200, r#"{"id":"ch_1"}"#), (200, r#"{"id":"ch_2"}"#)).unwrap();
        assert_eq!(charge.judge(&response(200, r#"{"id":"ch_1"}"#)), Taken::Repeat);
        assert_eq!(charge.judge(&response(200, r#"{"id":"ch_3"}"#)), Taken::New);
        assert_eq!(charge.judge(&response(200, "{}")), Taken::Unclear);
    }

    #[test]
    fn what_tells_nothing_is_no_sight() {
        assert_eq!(sight((200, "ok"), (200, "ok"), (200, "ok")), None);
        assert_eq!(sight((200, r#"{"t":1}"#), (200, r#"{"t":2}"#), (200, r#"{"t":3}"#)), None);
        let took = |ms| (200, ["{\"took\":3}", "{\"took\":5}"][ms]);
        assert_eq!(sight(took(0), took(1), took(0)), None, "a duration differs by chance");
        let echo = (200, r#"{"id":"id-1-long"}"#);
        assert_eq!(sight(echo, echo, (200, r#"{"id":"id-2-long"}"#)), None, "an echo of what was sent");
    }
}
