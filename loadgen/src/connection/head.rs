//! What does not change between the requests of a run.

use std::sync::Arc;

use reader::client::parse_header;
use truth::scenario::Scenario;
use truth::target::wire::post_head;
use truth::target::{Endpoint, Target};

use super::gzip::Packer;
use super::http1::Bodies;
use super::http2::translated;
use crate::error::Failure;

/// Header fields that frame a request, and so are ours alone.
const OURS: [&str; 5] = ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];

/// What all requests have in common.
#[derive(Clone, Debug)]
pub(crate) enum Fixed {
    /// The head of requests with events, but for the length of the body.
    Head(Arc<[u8]>),
    /// All of it.
    Request(Arc<[u8]>),
}

impl Fixed {
    /// What becomes of the bodies of its answers: only of events is something told in them.
    pub(crate) fn bodies(&self) -> Bodies {
        match self {
            Self::Head(_) => Bodies::Kept,
            Self::Request(request) if request.starts_with(b"HEAD ") => Bodies::Absent,
            Self::Request(_) => Bodies::Dropped,
        }
    }

    /// What this scenario sends, with the user's headers, which outrank ours.
    pub(crate) fn of(scenario: &Scenario, endpoint: &Endpoint, headers: &[String]) -> Result<Self, Failure> {
        let fixed = Self::as_told(scenario, endpoint, headers)?;
        if scenario.target.connect.http2 {
            let (head, end) = match &fixed {
                Self::Head(head) => (head, &b"\r\n"[..]),
                Self::Request(request) => (request, &b""[..]),
            };
            translated(&[head, end].concat(), "http").map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(fixed)
    }

    fn as_told(scenario: &Scenario, endpoint: &Endpoint, headers: &[String]) -> Result<Self, Failure> {
        let target = &scenario.target;
        let Some(request) = &scenario.request else {
            let head = fixed_head(
                "POST",
                (Some("application/json"), "application/json"),
                target,
                endpoint,
                headers,
            )?;
            return Ok(Self::Head(head.into()));
        };
        let looks_like_json = serde_json::from_str::<&serde_json::value::RawValue>(&request.body).is_ok();
        let content_type = match (request.body.is_empty(), looks_like_json) {
            (true, _) => None,
            (false, true) => Some("application/json"),
            (false, false) => Some("text/plain; charset=utf-8"),
        };
        let fixed = fixed_head(&request.method, (content_type, "*/*"), target, endpoint, headers)?;
        let mut body = request.body.clone().into_bytes();
        if target.publish.gzip && !body.is_empty() {
            Packer::new().pack(&mut body, 0);
        }
        let mut whole = Vec::new();
        // A request that could have a body says that it has none.
        if body.is_empty() && !matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
            whole.extend_from_slice(&fixed);
            whole.extend_from_slice(b"\r\n");
        } else {
            post_head(&fixed, body.len(), &mut whole);
            whole.extend_from_slice(&body);
        }
        Ok(Self::Request(whole.into()))
    }
}

/// The request line and the header fields of every request; the user's outrank ours.
fn fixed_head(
    method: &str,
    (content_type, accept): (Option<&'static str>, &'static str),
    target: &Target,
    endpoint: &Endpoint,
    headers: &[String],
) -> Result<Vec<u8>, Failure> {
    let mut theirs = Vec::new();
    for header in headers {
        let (name, value) = parse_header(header)?;
        if OURS.contains(&name.as_str()) {
            return Err(Failure::Usage(format!(
                "header `{name}` cannot be set: it frames the request, which loadgen does itself"
            )));
        }
        theirs.push((name, value));
    }
    let ours = [
        ("host", Some(&*endpoint.authority)),
        ("user-agent", Some(concat!("onceproof/", env!("CARGO_PKG_VERSION")))),
        ("content-type", content_type),
        ("content-encoding", (target.publish.gzip && content_type.is_some()).then_some("gzip")),
        ("accept", Some(accept)),
    ];
    let path = format!("{}{}", endpoint.prefix, target.publish.path);
    if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(Failure::Usage(format!(
            "path `{path}` cannot be sent; write it as /publish, with what is not a plain character as %XX"
        )));
    }
    let mut head = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    for (name, value) in ours.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        if !theirs.iter().any(|(their_name, _)| their_name.as_str() == name) {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
    for (name, value) in &theirs {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use truth::scenario::FixedRequest;

    use super::*;

    fn head(headers: &[&str]) -> Result<String, Failure> {
        let target = Target::default();
        let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        let scenario = Scenario { target, ..Scenario::default() };
        let fixed = Fixed::of(&scenario, &scenario.target.endpoint().unwrap(), &headers)?;
        let Fixed::Head(head) = fixed else { panic!("a scenario of events has no fixed request") };
        Ok(String::from_utf8(head.to_vec()).unwrap())
    }

    fn request(method: &str, body: &str) -> String {
        let target = Target::of_url("http://a/b?c").unwrap();
        let request = Some(FixedRequest { method: method.to_owned(), body: body.to_owned() });
        let scenario = Scenario { target, request, ..Scenario::default() };
        let fixed = Fixed::of(&scenario, &scenario.target.endpoint().unwrap(), &[]).unwrap();
        let Fixed::Request(request) = fixed else { panic!("this request is fixed") };
        String::from_utf8(request.to_vec()).unwrap()
    }

    #[test]
    fn a_fixed_request_is_whole() {
        let get = request("GET", "");
        assert!(
            get.starts_with("GET /b?c HTTP/1.1\r\nhost: a\r\n") && get.ends_with("accept: */*\r\n\r\n"),
            "{get}"
        );
        assert!(!get.contains("content-"), "{get}");
        assert!(request("POST", "").ends_with("content-length: 0\r\n\r\n"));
        let put = request("PUT", "{\"a\": 1}");
        assert!(put.contains("content-type: application/json\r\n"), "{put}");
        assert!(put.ends_with("content-length: 8\r\n\r\n{\"a\": 1}"), "{put}");
        assert!(request("PUT", "a=1").contains("content-type: text/plain"));
    }

    #[test]
    fn bodies_are_kept_where_they_tell_of_events() {
        assert_eq!(Fixed::Head(Arc::from(&b"POST / HTTP/1.1"[..])).bodies(), Bodies::Kept);
        for (method, bodies) in
            [("GET", Bodies::Dropped), ("HEAD", Bodies::Absent), ("HEADER", Bodies::Dropped)]
        {
            let request = Fixed::Request(request(method, "").into_bytes().into());
            assert_eq!(request.bodies(), bodies, "{method}");
        }
    }

    #[test]
    fn a_header_of_the_user_replaces_ours_and_others_are_added() {
        let plain = head(&[]).unwrap();
        assert!(plain.starts_with("POST /publish?results=true HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n"));
        let theirs = head(&["Host: example", "X-A: 1", "x-a: 2"]).unwrap();
        assert!(theirs.contains("host: example\r\nx-a: 1\r\nx-a: 2\r\n"), "{theirs}");
        assert!(!theirs.contains("127.0.0.1"));
    }

    #[test]
    fn a_header_that_frames_the_request_or_is_none_is_refused() {
        for header in
            ["Content-Length: 3", "transfer-encoding: chunked", "Connection: close", "no colon", "a b: c"]
        {
            assert!(head(&[header]).is_err(), "{header}");
        }
    }
}
