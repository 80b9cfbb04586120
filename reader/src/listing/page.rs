//! One page of a listing: asked for, read, and the way from it to the next.

use std::hash::{DefaultHasher, Hasher};

use reqwest::header::HeaderMap;
use truth::target::pointer::{Pointer, as_text};
use truth::target::{Reading, StatusPattern, Way};

use super::link::{next_link, on_host};
use super::rows::{Rows, Shown, rows};
use crate::client::{Answer, Question, ReadError, TargetClient};

/// Page of a listing.
pub(super) struct Page {
    pub(super) rows: Vec<Shown>,
    /// Cursor or URL of the next page, as the target gave it; none if there is none.
    pub(super) next: Option<String>,
    /// True if a value in the body ends the listing.
    pub(super) ends: bool,
    /// Hash of the body.
    pub(super) fingerprint: u64,
    /// URL for messages.
    pub(super) shown_url: String,
}

impl TargetClient {
    /// Reads a page, and tries again after a failure that may pass. `question` fills the request for it.
    pub(super) async fn page(
        &self,
        question: impl Fn() -> Result<Question, ReadError>,
        reading: &Reading,
        topic: Option<&str>,
    ) -> Result<Page, ReadError> {
        let mut retry = self.retry();
        loop {
            match self.page_once(&question, reading, topic).await {
                Ok(page) => return Ok(page),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn page_once(
        &self,
        question: impl Fn() -> Result<Question, ReadError>,
        reading: &Reading,
        topic: Option<&str>,
    ) -> Result<Page, ReadError> {
        let (question, answer) = self.asked(question).await?;
        let shown_url = question.shown_url();
        let is_empty =
            |pattern: &StatusPattern| pattern.is_exactly(answer.status) || pattern.is_class_of(answer.status);
        if self.target().listing.empty.iter().any(is_empty) {
            return Ok(Page { rows: Vec::new(), next: None, ends: true, fingerprint: 0, shown_url });
        }
        let Answer { headers, body, .. } = answer.success(&question)?;
        let shape = |reason| ReadError::Shape { url: shown_url.clone(), reason };
        let rows = rows(&body, reading, topic).map_err(shape)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        Ok(Page {
            next: next(&question.url, reading, &rows, &headers)?,
            ends: ends(reading, &rows),
            rows: rows.shown,
            fingerprint: hasher.finish(),
            shown_url,
        })
    }
}

/// Finds the cursor or the URL of the next page.
fn next(
    url: &str,
    reading: &Reading,
    rows: &Rows<'_>,
    headers: &HeaderMap,
) -> Result<Option<String>, ReadError> {
    let at = |pointer: &Pointer, text: Option<&str>| {
        let found = as_text(&pointer.find(text?)?);
        (!matches!(found.as_str(), "" | "null" | "false")).then_some(found)
    };
    let found = match &reading.way {
        Way::Link => return next_link(url, headers),
        Way::Body(pointer) => at(pointer, rows.document),
        Way::LastRow(pointer) => at(pointer, rows.last.as_deref()),
        Way::Header(name) => {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        }
        Way::Offset | Way::Page | Way::Again | Way::None => None,
    };
    match found {
        Some(found) if !reading.has_cursor => on_host(url, &found).map(Some),
        found => Ok(found),
    }
}

/// True if the body has all values that end the listing.
fn ends(reading: &Reading, rows: &Rows<'_>) -> bool {
    let is_reached = |(pointer, value): &(Pointer, String)| {
        let found = rows.document.and_then(|text| pointer.find(text));
        found.is_some_and(|found| as_text(&found) == *value)
    };
    !reading.until.is_empty() && reading.until.iter().all(is_reached)
}

#[cfg(test)]
mod tests {
    use truth::target::Listing;

    use super::*;

    fn reading(keys: &str) -> Reading {
        let fields = "fields = { topic = \"t\", event_id = \"i\" }";
        let listing: Listing = toml::from_str(&format!("{keys}\n{fields}")).unwrap();
        listing.reading(None).unwrap().expect("a path")
    }

    fn found(keys: &str, body: &str, header: Option<(&'static str, &str)>) -> Option<String> {
        let reading = reading(keys);
        let rows = rows(body.as_bytes(), &reading, None).unwrap();
        let mut headers = HeaderMap::new();
        header.map(|(name, value)| headers.insert(name, value.parse().unwrap()));
        next("http://h/api/e?l=2", &reading, &rows, &headers).unwrap()
    }

    const ROW: &str = r#"{"t":"a","i":"b","sort":["b",7]}"#;

    #[test]
    fn a_cursor_stands_in_the_body_in_a_header_or_in_the_last_row() {
        let body = format!(r#"{{"rows":[{ROW}],"next":"c1","n":7,"none":null}}"#);
        for (next, expected) in [
            ("\"/next\"", Some("c1")),
            ("\"/n\"", Some("7")),
            ("\"/none\"", None),
            ("\"/other\"", None),
            ("{ last_row = \"/sort\" }", Some(r#"["b",7]"#)),
            ("{ last_row = \"/sort/0\" }", Some("b")),
        ] {
            let keys = format!("path = \"/e?c={{{{cursor}}}}\"\nrows = \"/rows\"\nnext = {next}");
            assert_eq!(found(&keys, &body, None).as_deref(), expected, "{next}");
        }
        let keys = "path = \"/e?c={{cursor}}\"\nrows = \"/rows\"\nnext = \"header:x-next\"";
        assert_eq!(found(keys, &body, Some(("x-next", " c2 "))).as_deref(), Some("c2"));
        assert_eq!(found(keys, &body, None), None);
    }

    #[test]
    fn without_its_hole_it_is_a_url_of_which_path_and_query_are_used() {
        let body = format!("[{ROW}]");
        let keys = "path = \"/e?l={{limit}}\"\nnext = \"header:next-page\"";
        for (value, expected) in [
            ("http://elsewhere:9/x?c=1", "http://h/x?c=1"),
            ("https://h/y", "http://h/y"),
            ("?c=2", "http://h/api/e?c=2"),
        ] {
            assert_eq!(found(keys, &body, Some(("next-page", value))).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn all_values_of_until_have_to_be_there() {
        let reading =
            reading("path = \"/e?l={{limit}}\"\nrows = \"/r\"\nuntil = { \"/done\" = true, \"/left\" = 0 }");
        for (body, expected) in [
            (r#"{"r":[],"done":true,"left":0}"#, true),
            (r#"{"r":[],"done":true,"left":1}"#, false),
            (r#"{"r":[],"done":true}"#, false),
            (r#"{"r":[],"done":"true","left":"0"}"#, true),
        ] {
            assert_eq!(ends(&reading, &rows(body.as_bytes(), &reading, None).unwrap()), expected, "{body}");
        }
    }
}
