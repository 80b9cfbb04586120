//! Parameters of a query string.

use axum::extract::Query;
use axum::http::Uri;
use utoipa::ToSchema;

use crate::event::Fault;

/// Parameters in the order in which they were sent. Unknown ones are ignored.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Texts that a switch may have.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document lists them")]
pub(crate) enum Switch {
    #[schema(rename = "true")]
    True,
    #[schema(rename = "false")]
    False,
    #[schema(rename = "1")]
    One,
    #[schema(rename = "0")]
    Zero,
}

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Self {
        // Any text is a list of pairs; a byte that is no UTF-8 becomes the replacement character.
        Self(Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// The parameter's text, of the last one if it was sent more than once.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// True if a switch is on; absent means off.
    pub(crate) fn switch(&self, name: &'static str) -> Result<bool, Fault> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Fault::query(name, "bool_parsing", "must be true or false")),
        }
    }
}
