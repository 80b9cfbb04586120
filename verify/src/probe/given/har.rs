//! A HAR: what a browser recorded. One of its entries is the request.

use serde_json::Value;

use super::text::{Given, GivenError, bare};

/// Methods of requests that send something.
const SENDING: [&str; 3] = ["POST", "PUT", "PATCH"];

/// Reads an entry, by its number from 1, or the only one that sends a body.
pub(super) fn read(text: &str, entry: Option<usize>) -> Result<Given, GivenError> {
    let refuse = |reason: String| GivenError::Form { form: "HAR", reason };
    let har: Value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    let entries = har.pointer("/log/entries").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| refuse("it has no list at /log/entries".to_owned()))?;
    let text_of = |entry: &Value, name: &str| {
        entry.pointer(&format!("/request/{name}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let sends = |entry: &&Value| SENDING.contains(&text_of(entry, "method").as_str());
    let chosen = match entry {
        Some(number) => {
            let found = number.checked_sub(1).and_then(|at| entries.get(at));
            found.ok_or_else(|| refuse(format!("it has {} entries, and no entry {number}", entries.len())))?
        }
        None => {
            let all: Vec<&Value> = entries.iter().filter(sends).collect();
            match all.as_slice() {
                [one] => *one,
                [] => return Err(refuse("it has no POST, PUT or PATCH".to_owned())),
                _ => {
                    let numbered = entries.iter().enumerate().filter(|(_, entry)| sends(entry));
                    let shown = numbered.map(|(at, entry)| {
                        let url = bare(&text_of(entry, "url"));
                        format!("{} {} {url}", at + 1, text_of(entry, "method"))
                    });
                    return Err(GivenError::Several { choice: shown.collect::<Vec<_>>().join("; ") });
                }
            }
        }
    };
    let pairs = |pointer: &str| -> Vec<(String, String)> {
        let list = chosen.pointer(pointer).and_then(Value::as_array);
        let pair =
            |pair: &Value| Some((pair["name"].as_str()?.to_owned(), pair["value"].as_str()?.to_owned()));
        list.into_iter().flatten().filter_map(pair).collect()
    };
    let mut headers = pairs("/request/headers");
    headers.retain(|(name, _)| !name.starts_with(':'));
    let kind = text_of(chosen, "postData/mimeType");
    if !kind.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), kind.clone()));
    }
    if kind.starts_with("multipart/") {
        return Err(refuse("its body has several parts, which no scenario can describe".to_owned()));
    }
    let mut body = text_of(chosen, "postData/text");
    if body.is_empty() {
        let pair = |(name, value): &(String, String)| {
            url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
        };
        body = pairs("/request/postData/params").iter().map(pair).collect::<Vec<_>>().join("&");
    }
    Ok(Given {
        method: text_of(chosen, "method"),
        url: text_of(chosen, "url"),
        headers,
        body,
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(method: &str, url: &str, body: Value) -> Value {
        let headers = json!([{"name": ":authority", "value": "h"}, {"name": "X-A", "value": "1"}]);
        json!({"request": {"method": method, "url": url, "headers": headers, "postData": body}})
    }

    fn har(entries: &[Value]) -> String {
        json!({"log": {"entries": entries}}).to_string()
    }

    #[test]
    fn the_one_request_that_sends_is_read_or_the_one_that_was_named() {
        let page = entry("GET", "https://h/", Value::Null);
        let event =
            entry("POST", "https://h/e?k=s", json!({"mimeType": "application/json", "text": "{\"id\":1}"}));
        let form = entry(
            "POST",
            "https://h/f",
            json!({"mimeType": "application/x-www-form-urlencoded",
            "params": [{"name": "a", "value": "x y"}, {"name": "b", "value": "1"}]}),
        );
        let given = read(&har(&[page.clone(), event.clone()]), None).unwrap();
        assert_eq!((given.url.as_str(), given.body.as_str()), ("https://h/e?k=s", "{\"id\":1}"));
        assert_eq!(given.headers.len(), 2, "a name that begins with a colon is no header field");
        let both = har(&[page, event, form]);
        assert_eq!(read(&both, Some(3)).unwrap().body, "a=x+y&b=1");
        let login = entry("POST", "https://me:hunter2@h/e?k=s", Value::Null);
        let error = read(&har(&[login.clone(), login]), None).unwrap_err().to_string();
        assert!(error.contains("1 POST https://h/e; 2 POST https://h/e"), "{error}");
        let error = read(&both, None).unwrap_err().to_string();
        assert!(
            error.contains("2 POST https://h/e; 3 POST https://h/f") && !error.contains("k=s"),
            "{error}"
        );
        assert!(read(&both, Some(9)).unwrap_err().to_string().contains("3 entries"));
        assert!(read("{", None).is_err() && read("{}", None).is_err() && read(&har(&[]), None).is_err());
    }
}
