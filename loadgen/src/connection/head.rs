//! Heads of the requests of a run: one for all, or a text with holes.

use std::collections::BTreeMap;
use std::sync::Arc;

use reader::client::parse_header;
use truth::plan::trace::NO_TRACEPARENT;
use truth::scenario::Scenario;
use truth::target::secrets::Secrets;
use truth::target::template::{Fill, FillError, Fit, HoleName};
use truth::target::wire::post_head;
use truth::target::{Endpoint, Flawed, RequestForm, Target, Template};

use super::gzip::Packer;
use super::http1::Bodies;
use super::http2::translated;
use crate::error::Failure;

/// Header fields that frame a request, so that no user may set them.
const OURS: [&str; 5] = ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];

const TRACEPARENT: &str = "traceparent";

const USER_AGENT: &str = concat!("onceproof/", env!("CARGO_PKG_VERSION"));

/// Bytes that all requests have in common.
#[derive(Clone, Debug)]
pub(crate) enum Fixed {
    /// Head of requests with events, without the length of the body.
    Head(Arc<[u8]>),
    /// Head of requests with events that differs between them.
    Text(Arc<HeadText>),
    /// Whole request.
    Request(Arc<[u8]>),
}

/// Head of a request as text with holes, without the length of the body.
#[derive(Clone, Debug)]
pub(crate) struct HeadText {
    method: String,
    /// Path of the target's URL, before each path.
    prefix: String,
    path: Template,
    fields: Vec<(String, Template)>,
    /// True if some requests lack a header field.
    has_flaws: bool,
}

impl HeadText {
    /// Returns the head of a request that carries no events. The user's headers outrank those of the
    /// request, which outrank those of every request.
    pub(crate) fn of_form(
        form: RequestForm<'_>,
        common: &BTreeMap<String, Template>,
        endpoint: &Endpoint,
        headers: &[String],
    ) -> Result<Self, Failure> {
        let usual = [
            ("host", Some(&*endpoint.authority)),
            ("user-agent", Some(USER_AGENT)),
            ("content-type", form.usual_content_type()),
            ("accept", Some("*/*")),
        ];
        let usual =
            usual.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Template::literal(value?))));
        let mut fields: Vec<(String, Template)> = usual.collect();
        let mut written = Vec::new();
        for (name, value) in common.iter().chain(form.headers) {
            let name = name.to_ascii_lowercase();
            parse_header(&format!("{name}: x"))?;
            refuse(&name, false)?;
            written.retain(|(own, _)| *own != name);
            written.push((name, value.clone()));
        }
        for outranking in [written, theirs(headers, false)?] {
            fields.retain(|(name, _)| !outranking.iter().any(|(own, _)| own == name));
            fields.extend(outranking);
        }
        let prefix = endpoint.prefix.clone();
        Ok(Self { method: form.method.to_owned(), prefix, path: form.path.clone(), fields, has_flaws: false })
    }

    /// True if responses have no body.
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Appends the head of the request with these values, without one of its header fields if that
    /// is named.
    pub(crate) fn write<F: Fill>(
        &self,
        values: &F,
        without: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), FillError> {
        for text in [&*self.method, " ", &*self.prefix, &*self.path.path(values)?, " HTTP/1.1\r\n"] {
            out.extend_from_slice(text.as_bytes());
        }
        let is_there = |name: &str| without.is_none_or(|without| !without.eq_ignore_ascii_case(name));
        for (name, value) in self.fields.iter().filter(|(name, _)| is_there(name)) {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            value.write(Fit::Header, values, out)?;
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// True if all requests have the same head.
    fn is_fixed(&self) -> bool {
        // Each request writes its own trace context over the one that all have.
        let fields = self.fields.iter().filter(|(name, _)| name != TRACEPARENT).map(|(_, value)| value);
        let mut holes = [&self.path].into_iter().chain(fields).flat_map(Template::holes);
        !self.has_flaws && holes.all(|hole| matches!(hole.name, HoleName::Env(_) | HoleName::Open))
    }
}

/// Values for a look at a head: the shape is all that matters.
struct Anything;

impl Fill for Anything {
    fn fill(&self, _: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        out.push(b'x');
        Ok(())
    }
}

impl Fixed {
    /// Returns what happens to the bodies of responses: only those to events are read.
    pub(crate) fn bodies(&self) -> Bodies {
        match self {
            Self::Head(_) | Self::Text(_) => Bodies::Kept,
            Self::Request(request) if request.starts_with(b"HEAD ") => Bodies::Absent,
            Self::Request(_) => Bodies::Dropped,
        }
    }

    /// Returns the place of the `traceparent` in each request; none if requests are not traced, or
    /// if each writes its own.
    pub(crate) fn traceparent_at(&self) -> Option<usize> {
        let (Self::Head(bytes) | Self::Request(bytes)) = self else { return None };
        // Its line, which no other field can hold.
        let line = format!("\r\n{TRACEPARENT}: {NO_TRACEPARENT}\r\n").into_bytes();
        let at = bytes.windows(line.len()).position(|window| window == line)?;
        Some(at + line.len() - 2 - NO_TRACEPARENT.len())
    }

    /// Returns the fixed part of this scenario's requests. The user's headers outrank those of the
    /// scenario, and these outrank ours.
    pub(crate) fn of(
        scenario: &Scenario,
        endpoint: &Endpoint,
        headers: &[String],
        secrets: &Secrets,
    ) -> Result<Self, Failure> {
        let fixed = Self::http1(scenario, endpoint, headers, secrets)?;
        if scenario.target.connect.http2 {
            let whole = match &fixed {
                Self::Head(head) => [head, &b"\r\n"[..]].concat(),
                Self::Request(request) => request.to_vec(),
                Self::Text(text) => {
                    let mut head = Vec::new();
                    text.write(&Anything, None, &mut head).map_err(unsendable)?;
                    [&head, &b"\r\n"[..]].concat()
                }
            };
            translated(&whole, "http").map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(fixed)
    }

    fn http1(
        scenario: &Scenario,
        endpoint: &Endpoint,
        headers: &[String],
        secrets: &Secrets,
    ) -> Result<Self, Failure> {
        let target = &scenario.target;
        let is_traced = scenario.load.trace;
        let Some(request) = &scenario.request else {
            let json = "application/json";
            let method = &target.publish.method;
            let line = RequestLine { method, content_type: Some(json), accept: json };
            let text = line.with_fields(target, endpoint, headers, is_traced)?;
            return Ok(if text.is_fixed() {
                let mut head = Vec::new();
                text.write(&Traced(secrets), None, &mut head).map_err(unsendable)?;
                Self::Head(head.into())
            } else {
                Self::Text(text.into())
            });
        };
        let content_type = content_type(request.body.bytes());
        let line = RequestLine { method: &request.method, content_type, accept: "*/*" };
        let text = line.with_fields(target, endpoint, headers, is_traced)?;
        let mut fixed = Vec::new();
        text.write(&Traced(secrets), None, &mut fixed).map_err(unsendable)?;
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

fn unsendable(error: FillError) -> Failure {
    Failure::Usage(error.to_string())
}

/// Values of a head that all requests share: secrets, and a trace context that each request writes
/// its own over.
struct Traced<'a>(&'a Secrets);

impl Fill for Traced<'_> {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        match name {
            HoleName::Traceparent => out.extend_from_slice(NO_TRACEPARENT.as_bytes()),
            other => self.0.fill(other, out)?,
        }
        Ok(())
    }

    fn shown_as(&self, name: &HoleName) -> Option<HoleName> {
        self.0.shown_as(name)
    }
}

/// Request line, and the header fields that depend on the kind of request.
struct RequestLine<'a> {
    method: &'a str,
    content_type: Option<&'static str>,
    accept: &'static str,
}

impl RequestLine<'_> {
    /// Returns the request line and the header fields of every request. The user's headers outrank
    /// those of the scenario, and these outrank ours.
    fn with_fields(
        &self,
        target: &Target,
        endpoint: &Endpoint,
        headers: &[String],
        is_traced: bool,
    ) -> Result<HeadText, Failure> {
        let theirs = theirs(headers, is_traced)?;
        let of_scenario = of_scenario(target, is_traced)?;
        let ours = [
            ("host", Some(&*endpoint.authority)),
            ("user-agent", Some(USER_AGENT)),
            ("content-type", self.content_type),
            ("content-encoding", (target.publish.gzip && self.content_type.is_some()).then_some("gzip")),
            ("accept", Some(self.accept)),
        ];
        let ours =
            ours.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Template::literal(value?))));
        let traced = Template::parse("{{traceparent}}").expect("a hole that there is");
        let traced = is_traced.then(|| (TRACEPARENT.to_owned(), traced));
        let has = |fields: &[(String, Template)], name: &str| fields.iter().any(|(own, _)| own == name);
        let mut fields: Vec<(String, Template)> = ours.chain(traced).collect();
        fields.retain(|(name, _)| !has(&of_scenario, name));
        fields.extend(of_scenario);
        fields.retain(|(name, _)| !has(&theirs, name));
        fields.extend(theirs);
        let path = target.publish.path.clone();
        let whole = format!("{}{}", endpoint.prefix, path.as_str());
        let literals = path.literals().flat_map(|(_, text)| text);
        if !whole.starts_with('/') || literals.into_iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return Err(Failure::Usage(format!(
                "path `{whole}` cannot be sent: it must begin with /, and blanks and control characters must be \
             written as %XX"
            )));
        }
        let lacks = |flawed: &Flawed| matches!(flawed, Flawed::Without { .. });
        Ok(HeadText {
            method: self.method.to_owned(),
            prefix: endpoint.prefix.clone(),
            path,
            fields,
            has_flaws: target.publish.invalid.iter().any(lacks),
        })
    }
}

/// Returns the header fields that the user gave beside the scenario.
fn theirs(headers: &[String], is_traced: bool) -> Result<Vec<(String, Template)>, Failure> {
    let mut theirs = Vec::new();
    for header in headers {
        let (name, value) = parse_header(header)?;
        refuse(name.as_str(), is_traced)?;
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        theirs.push((name.as_str().to_owned(), Template::literal(&value)));
    }
    Ok(theirs)
}

/// Returns the header fields of the scenario.
fn of_scenario(target: &Target, is_traced: bool) -> Result<Vec<(String, Template)>, Failure> {
    let mut fields = Vec::new();
    for (name, value) in target.publish_headers() {
        parse_header(&format!("{name}: x"))?;
        refuse(&name, is_traced)?;
        fields.push((name, value.clone()));
    }
    Ok(fields)
}

fn refuse(name: &str, is_traced: bool) -> Result<(), Failure> {
    if is_traced && name == TRACEPARENT {
        return Err(Failure::Usage(
            "header `traceparent` cannot be set beside --trace, which gives each request its own: leave one out"
                .to_owned(),
        ));
    }
    if OURS.contains(&name) {
        return Err(Failure::Usage(format!(
            "header `{name}` cannot be set: loadgen sets it itself, because it frames the request"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use truth::scenario::FixedRequest;

    use super::*;

    fn head(headers: &[&str]) -> Result<String, Failure> {
        let target = Target::default();
        let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        let scenario = Scenario { target, ..Scenario::default() };
        let fixed = Fixed::of(&scenario, &scenario.target.endpoint().unwrap(), &headers, &Secrets::none())?;
        let Fixed::Head(head) = fixed else { panic!("a scenario of events has no fixed request") };
        Ok(String::from_utf8(head.to_vec()).unwrap())
    }

    fn request(method: &str, body: &str) -> String {
        let target = Target::of_url("http://a/b?c").unwrap();
        let body = body.as_bytes().to_vec().into();
        let request = Some(FixedRequest { method: method.to_owned(), body });
        let scenario = Scenario { target, request, ..Scenario::default() };
        let fixed =
            Fixed::of(&scenario, &scenario.target.endpoint().unwrap(), &[], &Secrets::none()).unwrap();
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
    fn a_head_with_holes_is_written_for_each_request_and_speaks_http2() {
        let text = "[load]\nbatch = 1\n[target]\nconnect = { http2 = true }\n\
                    headers = { accept = \"x/y\", x-key = \"{{env:KEY}}\" }\n\
                    [target.publish]\nmethod = \"PUT\"\npath = \"/{{topic}}?at={{now.date}}\"\n";
        let scenario = Scenario::parse(text, "s.toml").unwrap();
        let endpoint = scenario.target.endpoint().unwrap();
        let of = |headers: &[String]| Fixed::of(&scenario, &endpoint, headers, &Secrets::by_name(["KEY"]));
        let Fixed::Text(head) = of(&["x-key: theirs".to_owned()]).unwrap() else { panic!("heads differ") };
        let mut written = Vec::new();
        head.write(&Anything, None, &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.starts_with("PUT /x?at=x HTTP/1.1\r\nhost: "), "{written}");
        for line in ["accept: x/y\r\n", "x-key: theirs\r\n", "content-type: application/json\r\n"] {
            assert_eq!(written.matches(line).count(), 1, "{line} {written}");
        }
        let mut lacking = Vec::new();
        head.write(&Anything, Some("X-Key"), &mut lacking).unwrap();
        assert!(!String::from_utf8(lacking).unwrap().contains("x-key"));
        let (parsed, _) = translated(&[written.as_bytes(), b"\r\n"].concat(), "http").unwrap();
        assert_eq!((parsed.method().as_str(), parsed.uri().path()), ("PUT", "/x"));
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
