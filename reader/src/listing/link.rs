//! Links from one page to the next. Of a URL that a target gives, only path and query are used: the
//! headers may hold a secret, which no other host may see.

use reqwest::header::{HeaderMap, LINK};
use truth::target::secrets::masked;
use url::Url;

use crate::client::ReadError;

/// Returns the URL of `Link: <...>; rel="next"` (RFC 8288), on the host of the page.
pub fn next_link(url: &str, headers: &HeaderMap) -> Result<Option<String>, ReadError> {
    for header in headers.get_all(LINK) {
        let Ok(text) = header.to_str() else { continue };
        for link in text.split(",<").flat_map(|part| part.split(", <")) {
            let Some((reference, parameters)) = link.trim_start_matches('<').split_once('>') else {
                continue;
            };
            let is_next = |parameter: &str| {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
                name.trim().eq_ignore_ascii_case("rel")
                    && relations.any(|rel| rel.eq_ignore_ascii_case("next"))
            };
            if parameters.split(';').any(is_next) {
                return on_host(url, reference).map(Some);
            }
        }
    }
    Ok(None)
}

/// Returns the URL that a reference names, on the host of the page that gave it.
pub(super) fn on_host(url: &str, reference: &str) -> Result<String, ReadError> {
    let shape = |reason: String| ReadError::Shape { url: masked(url).into_owned(), reason };
    let mut page = Url::parse(url).map_err(|error| shape(error.to_string()))?;
    let next = page.join(reference).map_err(|error| shape(format!("its next page is no URL: {error}")))?;
    page.set_path(next.path());
    page.set_query(next.query());
    page.set_fragment(None);
    Ok(page.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(header: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, header.parse().unwrap());
        next_link("http://h/events?limit=2", &headers).unwrap()
    }

    #[test]
    fn the_next_page_is_found_in_any_spelling_of_link() {
        let table = [
            (r#"</events?cursor=5>; rel="next""#, Some("http://h/events?cursor=5")),
            (
                r#"<http://h/a>; rel=prev, <?cursor=9>; title="x"; rel="last next""#,
                Some("http://h/events?cursor=9"),
            ),
            (r#"<http://h/a>; rel="prev""#, None),
            ("rubbish", None),
        ];
        for (header, expected) in table {
            assert_eq!(next(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn a_page_does_not_lead_to_another_host() {
        for header in [
            r#"<http://elsewhere/events?cursor=5>; rel="next""#,
            r#"<https://me:hunter2@elsewhere:1/events?cursor=5#x>; rel="next""#,
            r#"<//elsewhere/events?cursor=5>; rel="next""#,
        ] {
            assert_eq!(next(header).as_deref(), Some("http://h/events?cursor=5"), "{header}");
        }
    }
}
