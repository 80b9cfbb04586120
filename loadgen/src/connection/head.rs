//! Fixed parts of the requests of a run.

use std::sync::Arc;

use reader::client::parse_header;
use truth::plan::trace::NO_TRACEPARENT;
use truth::scenario::Scenario;
use truth::target::wire::post_head;
use truth::target::{Endpoint, Target};

use super::gzip::Packer;
use super::http1::Bodies;
use super::http2::translated;
use crate::error::Failure;

/// Header fields that frame a request, so that no user may set them.
const OURS: [&str; 5] = ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];

const TRACEPARENT: &str = "traceparent";

/// Bytes that all requests have in common.
#[derive(Clone, Debug)]
pub(crate) enum Fixed {
    /// Head of requests with events, without the length of the body.
    Head(Arc<[u8]>),
    /// Whole request.
    Request(Arc<[u8]>),
}

impl Fixed {
    /// Returns what happens to the bodies of responses: only those to events are read.
    pub(crate) fn bodies(&self) -> Bodies {
        match self {
            Self::Head(_) => Bodies::Kept,
            Self::Request(request) if request.starts_with(b"HEAD ") => Bodies::Absent,
            Self::Request(_) => Bodies::Dropped,
        }
    }

    /// Returns the place of the `traceparent` in each request; none if requests are not traced.
    pub(crate) fn traceparent_at(&self) -> Option<usize> {
        let (Self::Head(bytes) | Self::Request(bytes)) = self;
        // Its line, which no other field can hold.
        let line = format!("\r\n{TRACEPARENT}: {NO_TRACEPARENT}\r\n").into_bytes();
        let at = bytes.windows(line.len()).position(|window| window == line)?;
        Some(at + line.len() - 2 - NO_TRACEPARENT.len())
    }

    /// Returns the fixed part of this scenario's requests. The user's headers outrank ours.
    pub(crate) fn of(scenario: &Scenario, endpoint: &Endpoint, headers: &[String]) -> Result<Self, Failure> {
        let fixed = Self::http1(scenario, endpoint, headers)?;
        if scenario.target.connect.http2 {
            let (head, end) = match &fixed {
                Self::Head(head) => (head, &b"\r\n"[..]),
                Self::Request(request) => (request, &b""[..]),
            };
            translated(&[head, end].concat(), "http").map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(fixed)
    }

    fn http1(scenario: &Scenario, endpoint: &Endpoint, headers: &[String]) -> Result<Self, Failure> {
        let target = &scenario.target;
        let is_traced = scenario.load.trace;
        let Some(request) = &scenario.request else {
            let json = "application/json";
            let line = RequestLine { method: "POST", content_type: Some(json), accept: json };
            return Ok(Self::Head(line.with_fields(target, endpoint, headers, is_traced)?.into()));
        };
        let content_type = content_type(request.body.bytes());
        let line = RequestLine { method: &request.method, content_type, accept: "*/*" };
        let fixed = line.with_fields(target, endpoint, headers, is_traced)?;
        let mut body = request.body.bytes().to_vec();
        if target.publish.gzip && !body.is_empty() {
            Packer::new().pack(&mut body, 0);
        }
        let mut whole = Vec::new();
        // A method that usually has a body states that there is none.
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

/// Returns the type of a body, by its looks; none if there is no body.
fn content_type(body: &[u8]) -> Option<&'static str> {
    if body.is_empty() {
        return None;
    }
    let is_json = serde_json::from_slice::<&serde_json::value::RawValue>(body).is_ok();
    Some(match std::str::from_utf8(body) {
        Ok(_) if is_json => "application/json",
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) => "application/octet-stream",
    })
}

/// Request line, and the header fields that depend on the kind of request.
struct RequestLine<'a> {
    method: &'a str,
    content_type: Option<&'static str>,
    accept: &'static str,
}

impl RequestLine<'_> {
    /// Renders the request line and the header fields of every request. The user's headers outrank
    /// ours.
    fn with_fields(
        &self,
        target: &Target,
        endpoint: &Endpoint,
        headers: &[String],
        is_traced: bool,
    ) -> Result<Vec<u8>, Failure> {
        let mut theirs = Vec::new();
        for header in headers {
            let (name, value) = parse_header(header)?;
            if is_traced && name == TRACEPARENT {
                return Err(Failure::Usage(
                    "header `traceparent` cannot be set beside --trace, which gives each request its own: \
                     leave one out"
                        .to_owned(),
                ));
            }
            if OURS.contains(&name.as_str()) {
                return Err(Failure::Usage(format!(
                    "header `{name}` cannot be set: loadgen sets it itself, because it frames the request"
                )));
            }
            theirs.push((name, value));
        }
        let ours = [
            ("host", Some(&*endpoint.authority)),
            ("user-agent", Some(concat!("onceproof/", env!("CARGO_PKG_VERSION")))),
            ("content-type", self.content_type),
            ("content-encoding", (target.publish.gzip && self.content_type.is_some()).then_some("gzip")),
            ("accept", Some(self.accept)),
            // Each request writes its own over it.
            (TRACEPARENT, is_traced.then_some(NO_TRACEPARENT)),
        ];
        let path = format!("{}{}", endpoint.prefix, target.publish.path);
        if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(Failure::Usage(format!(
                "path `{path}` cannot be sent: it must begin with /, and blanks and control characters must be \
             written as %XX"
            )));
        }
        let mut head = format!("{} {path} HTTP/1.1\r\n", self.method).into_bytes();
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
        let body = body.as_bytes().to_vec().into();
        let request = Some(FixedRequest { method: method.to_owned(), body });
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
    fn a_body_is_named_by_its_looks() {
        for (body, named) in [
            (&b""[..], None),
            (b" [1] ", Some("application/json")),
            (b"a=1", Some("text/plain; charset=utf-8")),
            (&[0x1f, 0x8b, 0x08], Some("application/octet-stream")),
        ] {
            assert_eq!(content_type(body), named, "{body:?}");
        }
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
