//! Payloads by the user's template: JSON with places for the values that differ between events.

use thiserror::Error;

/// Value that can stand in a template between `{{` and `}}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `n`: the ordinal of the key, as a number.
    Ordinal,
    /// `event_id`: the id of the key.
    EventId,
    /// `topic`: the topic of the key.
    Topic,
    /// `timestamp`: the timestamp of the key, in milliseconds.
    Timestamp,
    /// `data`: random text, as long as the size of payloads says.
    Data,
    /// `traceparent`: the trace context of the key, the same in all copies.
    Traceparent,
}

/// One piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Text that is copied.
    Literal(Vec<u8>),
    /// Value of the event.
    Place(Place),
}

/// A template, parsed once so that rendering only appends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// Error of a text that is not a template.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// A place has no end, or an unknown name.
    #[error(
        "the payload's template has `{{{{{name}`, which is unknown or not closed; the places are {{{{n}}}}, \
         {{{{event_id}}}}, {{{{topic}}}}, {{{{timestamp}}}}, {{{{traceparent}}}} and {{{{data}}}}"
    )]
    Place {
        /// Name of the place.
        name: String,
    },
    /// The rendered template is not JSON.
    #[error("the payload's template does not make JSON: {reason}; put quotes around places of text")]
    Json {
        /// Reason of the parser.
        reason: String,
    },
}

impl Template {
    /// True if the template has this place.
    pub fn has(&self, place: Place) -> bool {
        self.pieces.contains(&Piece::Place(place))
    }

    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text.trim();
        while let Some((literal, after)) = rest.split_once("{{") {
            let unknown = || TemplateError::Place { name: after.chars().take(20).collect() };
            let (name, after) = after.split_once("}}").ok_or_else(unknown)?;
            let place = match name.trim() {
                "n" => Place::Ordinal,
                "event_id" => Place::EventId,
                "topic" => Place::Topic,
                "timestamp" => Place::Timestamp,
                "data" => Place::Data,
                "traceparent" => Place::Traceparent,
                _ => return Err(TemplateError::Place { name: name.to_owned() }),
            };
            pieces.push(Piece::Literal(literal.as_bytes().to_vec()));
            pieces.push(Piece::Place(place));
            rest = after;
        }
        pieces.push(Piece::Literal(rest.as_bytes().to_vec()));
        let template = Self { pieces };
        template.check()?;
        Ok(template)
    }

    /// Returns its pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Checks that every event makes JSON. No place changes the structure around it, so one example
    /// is enough.
    fn check(&self) -> Result<(), TemplateError> {
        let sample = self.pieces.iter().fold(Vec::new(), |mut sample, piece| {
            match piece {
                Piece::Literal(text) => sample.extend_from_slice(text),
                Piece::Place(Place::Ordinal) => sample.push(b'7'),
                Piece::Place(_) => sample.extend_from_slice(b"text"),
            }
            sample
        });
        let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(&sample);
        parsed.map(drop).map_err(|error| TemplateError::Json { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_taken_apart_at_its_places() {
        let template = Template::parse(r#"{"a":{{n}},"b":{"c":"{{ topic }}"}}"#).unwrap();
        let literal = |text: &str| Piece::Literal(text.as_bytes().to_vec());
        let expected = [
            literal(r#"{"a":"#),
            Piece::Place(Place::Ordinal),
            literal(r#","b":{"c":""#),
            Piece::Place(Place::Topic),
            literal(r#""}}"#),
        ];
        assert_eq!(template.pieces(), expected);
    }

    #[test]
    fn what_makes_no_json_or_names_no_place_is_refused() {
        for (text, says) in [
            (r#"{"a":{{nn}}}"#, "`{{nn`"),
            (r#"{"a":"{{n"}"#, "`{{n"),
            (r#"{"a":{{topic}}}"#, "does not make JSON"),
            (r#"{"a":1"#, "does not make JSON"),
            ("", "does not make JSON"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
