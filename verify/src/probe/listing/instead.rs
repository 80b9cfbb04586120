//! Description of a URL that does not list an event of the probe, and advice on what to do.

use super::super::response::Response;
use super::super::rows::Sent;
use super::question::longest_list;

/// Way to describe a listing that no URL alone says.
const DESCRIBE: &str = "describe the listing under [target.listing] in a file, and give it with --scenario";

/// Says why a listing was not read.
pub(super) fn of(path: &str, answer: &Result<Response, String>, event: &Sent) -> String {
    let response = match answer {
        Ok(response) => response,
        Err(reason) => return format!("GET {path} was not read: {reason}"),
    };
    let answered = format!("GET {path} answered {}", response.in_one_line());
    match response.status {
        200..=299 => {}
        401 | 403 => {
            return format!(
                "{answered}. It was sent the secrets of the request: if the listing needs others, {DESCRIBE}, with \
                 headers = {{ authorization = \"Bearer {{{{env:NAME}}}}\" }}"
            );
        }
        404 | 405 | 501 => return format!("{answered}: nothing is listed there. Give --listing URL"),
        304 | 412 => {
            return format!(
                "{answered}, as to a request with a condition (If-None-Match, If-Match). None was sent; {DESCRIBE}"
            );
        }
        _ => {
            return format!(
                "{answered}. It was sent the secrets of the request, and then its fixed header fields, too: if the \
                 listing needs a parameter, a header or another method, {DESCRIBE}"
            );
        }
    }
    if response.json.is_none() {
        return format!(
            "{answered}, which is neither JSON nor lines of JSON. If it is CSV, write format = \"csv\": {DESCRIBE}"
        );
    }
    match longest_list(response) {
        None if !response.text.contains(&event.id) => format!("{answered}, in which no list has a row"),
        Some(rows) if !response.text.contains(&event.id) || event.id.is_empty() => format!(
            "GET {path} shows {rows} rows, but no event of the probe, and no further page that has one"
        ),
        _ => format!(
            "GET {path} shows the id of an event of the probe, but not as a value of a row, where a field could name \
             it: {answered}. Say where it stands under fields: {DESCRIBE}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> Sent {
        Sent {
            id: id.to_owned(),
            topic: String::new(),
            source: String::new(),
            has_time: false,
            timestamp_ms: 0,
            precision_ms: 1,
            payload: String::new(),
        }
    }

    fn said(status: u16, body: &str) -> String {
        let event = event("id-1");
        of("/e", &Ok(Response::of(status, Vec::new(), body.as_bytes(), None)), &event)
    }

    #[test]
    fn the_status_and_the_remedy_are_said() {
        for (status, body, says) in [
            (412, "no match", ["answered 412 no match", "If-None-Match"]),
            (401, "{}", ["answered 401", "headers = { authorization"]),
            (400, "tenant?", ["answered 400 tenant?", "[target.listing]"]),
            (404, "", ["answered 404", "--listing URL"]),
            (200, "<p>", ["neither JSON", "format = \"csv\""]),
            (200, "{\"n\":1}", ["no list has a row", "answered 200"]),
            (200, "[{\"a\":1}]", ["shows 1 rows", "no further page"]),
            (200, "[{\"a\":\"x id-1 y\"}]", ["not as a value of a row", "under fields"]),
        ] {
            let said = said(status, body);
            assert!(says.iter().all(|part| said.contains(part)), "{status}: {said}");
        }
        let unread = of("/e", &Err("no connection could be made".to_owned()), &event(""));
        assert_eq!(unread, "GET /e was not read: no connection could be made");
    }
}
