//! The first request of an `.http` file, as editors and REST clients write them.

use std::collections::BTreeMap;

use super::text::{Given, GivenError, mark};

/// Methods of requests that send something.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Reads the first request.
pub(super) fn read(text: &str) -> Result<Given, GivenError> {
    let refuse = |reason: &str| GivenError::Form {
        form: "curl line, an .http file or a HAR",
        reason: reason.to_owned(),
    };
    let text = text.replace("\r\n", "\n");
    let mut variables = BTreeMap::new();
    let mut lines = text.lines().skip_while(|line| {
        if let Some((name, value)) = line.strip_prefix('@').and_then(|line| line.split_once('=')) {
            variables.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        line.trim().is_empty() || line.starts_with(['#', '@']) || line.starts_with("//")
    });
    let first = lines.next().ok_or_else(|| refuse("it has no request"))?;
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("###")).collect();
    let mut words = first.split_whitespace();
    let word = words.next().unwrap_or_default();
    let (method, url) = match METHODS.contains(&word) {
        true => (word, words.next().ok_or_else(|| refuse("its first line has no URL"))?),
        false if word.contains("://") => ("GET", word),
        false => {
            return Err(refuse(
                "its first line is not `POST URL`, such as `POST http://127.0.0.1:8080/events`",
            ));
        }
    };
    let mut url = url.to_owned();
    let mut rest = lines.as_slice();
    while let Some((line, further)) = rest.split_first()
        && line.trim_start().starts_with(['?', '&'])
    {
        url.push_str(line.trim());
        rest = further;
    }
    let mut headers = Vec::new();
    while let Some((line, further)) = rest.split_first() {
        rest = further;
        if line.trim().is_empty() {
            break;
        }
        match line.split_once(':') {
            _ if line.starts_with('#') || line.starts_with("//") => {}
            Some((name, value)) => headers.push((name.trim().to_owned(), filled(value.trim(), &variables))),
            None => return Err(refuse("a line between the URL and the body is no header field")),
        }
    }
    if rest.first().is_some_and(|line| line.starts_with("< ") || line.starts_with("<@ ")) {
        return Err(refuse("its body is another file; write the body into it"));
    }
    let mut body = rest.join("\n").trim_end().to_owned();
    if headers.iter().any(|(_, value): &(String, String)| value.contains("ndjson")) {
        body.push('\n');
    }
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let url = match host {
        Some((_, host)) if url.starts_with('/') => format!("http://{host}{url}"),
        _ => url,
    };
    Ok(Given {
        method: method.to_owned(),
        url: filled(&url, &variables),
        headers,
        body: filled(&body, &variables),
        notes: Vec::new(),
    })
}

/// Returns a text with its `{{name}}` filled: by a variable of the file, by a value of the kind that
/// `$guid` or `$timestamp` makes, or by a mark of the environment's variable.
fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, further)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let name = name.trim();
        let word = name.trim_start_matches(['$', '%']).split([' ', '.']).next().unwrap_or_default();
        match (variables.get(name), word) {
            (Some(value), _) => out.push_str(value),
            (None, "guid" | "uuid") => out.push_str("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
            (None, "timestamp") => out.push_str("1735689600"),
            (None, "isoTimestamp" | "datetime" | "localDatetime") => out.push_str("2025-01-01T00:00:00.250Z"),
            (None, "randomInt") => out.push_str("4711"),
            (None, _) => {
                let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
                let variable = name.rsplit([' ', '.', '$']).next().unwrap_or_default();
                out.push_str(&mark(&variable.replace(|one: char| !is_part(one), "_")));
            }
        }
        rest = further;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::super::text::marked;
    use super::*;

    #[test]
    fn the_first_request_is_read() {
        let text =
            "@host = https://h\n# comment\n### one\nPOST {{host}}/v1/events\n  ?a=1\n  &b=2 HTTP/1.1\n";
        let text = format!(
            "{text}Content-Type: application/json\n// no header\nX: {{{{token}}}}\n\n[\n\
             {{\"id\":\"{{{{$guid}}}}\"}}]\n\n### two\nGET /x\n"
        );
        let given = read(&text.replace(" HTTP/1.1", "")).unwrap();
        assert_eq!((given.method.as_str(), given.url.as_str()), ("POST", "https://h/v1/events?a=1&b=2"));
        assert_eq!(given.body, "[\n{\"id\":\"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"}]");
        assert_eq!(marked(given.header("x").unwrap()).collect::<Vec<_>>(), ["token"]);
        let relative = read("PUT /a\r\nHost: h:1\r\n\r\nx").unwrap();
        assert_eq!((relative.url.as_str(), relative.body.as_str()), ("http://h:1/a", "x"));
        let lines = read("POST http://h\ncontent-type: application/x-ndjson\n\n{}\n{}\n\n").unwrap();
        assert_eq!(lines.body, "{}\n{}\n");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (text, says) in [
            ("", "no request"),
            ("hello", "not `POST URL`"),
            ("POST", "no URL"),
            ("POST http://h\nrubbish\n\n", "no header field"),
            ("POST http://h\n\n< body.json", "another file"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
