//! Payloads of the user's own: JSON with places for what differs from event to event.

use thiserror::Error;

/// What can stand in a template between `{{` and `}}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `n`: the ordinal of the key, a number.
    Ordinal,
    /// `event_id`
    EventId,
    /// `topic`
    Topic,
    /// `timestamp`, in milliseconds.
    Timestamp,
    /// `data`: random text, as long as the size of payloads says.
    Data,
}

/// One piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Text as it stands.
    Literal(Vec<u8>),
    /// Something of the event.
    Place(Place),
}

/// A template, taken apart once so that rendering only appends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// Why a text is no template.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// A place that no event has.
    #[error(
        "the payload's template has no end of, or does not know, `{{{{{name}`; there are {{{{n}}}}, {{{{event_id}}}}, \
         {{{{topic}}}}, {{{{timestamp}}}} and {{{{data}}}}"
    )]
    Place {
        /// What stands there.
        name: String,
    },
    /// What comes out is no JSON.
    #[error("the payload's template does not make JSON: {reason}; text needs quotes around its place")]
    Json {
        /// In the parser's words.
        reason: String,
    },
}

impl Template {
    /// Whether there is such a place in it.
    pub fn has(&self, place: Place) -> bool {
        self.pieces.contains(&Piece::Place(place))
    }

    /// Takes a text apart.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut pieces, mut rest) = (Vec::new(), text.trim());
        while let Some((literal, after)) = rest.split_once("{{") {
            let unknown = || TemplateError::Place { name: after.chars().take(20).collect() };
            let (name, after) = after.split_once("}}").ok_or_else(unknown)?;
            let place = match name.trim() {
                "n" => Place::Ordinal,
                "event_id" => Place::EventId,
                "topic" => Place::Topic,
                "timestamp" => Place::Timestamp,
                "data" => Place::Data,
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

    /// Its pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether JSON comes out, whatever the event: no place changes what stands around it.
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
