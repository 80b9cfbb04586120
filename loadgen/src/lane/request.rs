//! Requests of a lane, rendered whole, head and body, into one buffer that is used again and again.
//!
//! The body is rendered first, behind room for the head, because the head states the body's length.
//! So only the head is copied twice. One buffer for the whole lane stays in the processor's cache;
//! what a socket does not take at once is copied.

use std::ops::Range;
use std::sync::Arc;

use truth::clock::utc_ms;
use truth::plan::invalid::Invalid;
use truth::plan::round::Round;
use truth::plan::trace::{Departure, Traces};
use truth::target::Flawed;
use truth::target::request::{Asked, RequestWriter, missing_header};
use truth::target::wire::post_head;

use super::job::Content;
use crate::connection::gzip::Packer;
use crate::connection::head::{Fixed, HeadText};

/// Room for the length field: `content-length: `, at most 20 digits and two line ends.
const LENGTH_FIELD: usize = 40;

/// Capacity beyond which the buffer is given back: batches of thousands of large events.
const KEPT_CAPACITY: usize = 4 << 20;

/// Requests that are being rendered.
#[derive(Debug)]
pub(crate) struct Requests {
    source: Source,
    bytes: Vec<u8>,
    /// Bytes of one part of a request, kept for the next one.
    part: Vec<u8>,
    traces: Traces,
    /// Place of the trace context in each request; none if requests are not traced, or if the text
    /// of the head has its own.
    traced_at: Option<usize>,
}

/// Source of their bytes.
#[derive(Debug)]
enum Source {
    Events {
        writer: Box<RequestWriter>,
        /// Compressor of the bodies; none if they are sent as they are.
        packer: Option<Box<Packer>>,
        head: Head,
        /// Flaws of requests with an invalid event, if the scenario lists them.
        flaws: Vec<Flawed>,
    },
    Fixed(Arc<[u8]>),
}

/// Head of the requests with events.
#[derive(Debug)]
enum Head {
    Fixed(Arc<[u8]>),
    Text(Arc<HeadText>),
}

impl Requests {
    pub(crate) fn new(content: &Content) -> Self {
        let target = &content.target;
        let of_events = |head| Source::Events {
            writer: Box::new(RequestWriter::new(
                Arc::clone(&content.events),
                target,
                Arc::clone(&content.secrets),
            )),
            packer: target.publish.gzip.then(|| Box::new(Packer::new())),
            head,
            flaws: target.publish.invalid.clone(),
        };
        let source = match &content.fixed {
            Fixed::Head(head) => of_events(Head::Fixed(Arc::clone(head))),
            Fixed::Text(head) => of_events(Head::Text(Arc::clone(head))),
            Fixed::Request(request) => Source::Fixed(Arc::clone(request)),
        };
        let traced_at = content.fixed.traceparent_at();
        let traces = Traces::new(&content.plan);
        Self { source, bytes: Vec::new(), part: Vec::new(), traces, traced_at }
    }

    /// Forgets the requests that were rendered before.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
    }

    /// Renders a try of a request, with an invalid event among its events if there is one, and
    /// returns its place in the buffer.
    pub(crate) fn render(
        &mut self,
        round: &Round,
        request: u32,
        try_number: u16,
        invalid: Option<Invalid>,
    ) -> Range<usize> {
        let ordinals = round.request(request);
        let departure = Departure { round: round.index, request, try_number };
        let bytes = &mut self.bytes;
        let start = match &mut self.source {
            Source::Fixed(request) => {
                let start = bytes.len();
                bytes.extend_from_slice(request);
                start
            }
            Source::Events { writer, packer, head, flaws } => {
                let is_text = writer.has_text() || matches!(head, Head::Text(_));
                let asked = Asked {
                    ordinals,
                    origin: round.origin(request),
                    invalid,
                    now_ms: if is_text { utc_ms() } else { 0 },
                    traceparent: is_text.then(|| self.traces.of_request(departure, ordinals)),
                };
                self.part.clear();
                match head {
                    Head::Fixed(head) => behind_head(writer, packer, head, &asked, &mut self.part, bytes),
                    Head::Text(head) => {
                        let without = invalid.and_then(|invalid| missing_header(flaws, invalid));
                        let head = Lacking { head, without };
                        with_text(writer, packer, &head, &asked, &mut self.part, bytes)
                    }
                }
            }
        };
        if let Some(at) = self.traced_at {
            let traceparent = self.traces.of_request(departure, ordinals).text();
            bytes[start + at..][..traceparent.len()].copy_from_slice(&traceparent);
        }
        start..self.bytes.len()
    }

    /// Returns a rendered request.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

/// Appends a request whose head is that of all requests. The body comes first, behind room for the
/// head. Returns the place where the request begins.
fn behind_head(
    writer: &mut RequestWriter,
    packer: &mut Option<Box<Packer>>,
    fixed: &[u8],
    asked: &Asked<'_>,
    head: &mut Vec<u8>,
    bytes: &mut Vec<u8>,
) -> usize {
    let body = bytes.len() + fixed.len() + LENGTH_FIELD;
    bytes.resize(body, 0);
    writer.body(asked, bytes);
    if let Some(packer) = packer {
        packer.pack(bytes, body);
    }
    post_head(fixed, bytes.len() - body, head);
    let start = body - head.len();
    bytes[start..body].copy_from_slice(head);
    start
}

/// Head of a request that may lack one of its header fields.
struct Lacking<'a> {
    head: &'a HeadText,
    without: Option<&'a str>,
}

/// Appends a request whose head has values of its own, among them perhaps a signature of the body.
/// Returns the place where the request begins.
fn with_text(
    writer: &mut RequestWriter,
    packer: &mut Option<Box<Packer>>,
    head: &Lacking<'_>,
    asked: &Asked<'_>,
    body: &mut Vec<u8>,
    bytes: &mut Vec<u8>,
) -> usize {
    let start = bytes.len();
    writer.body(asked, body);
    let signature = writer.signature(asked, body);
    let values = writer.values(asked, signature.as_deref());
    let written = head.head.write(&values, head.without, bytes);
    written.expect("the scenario's check found a value for each hole");
    if let Some(packer) = packer {
        packer.pack(body, 0);
    }
    post_head(b"", body.len(), bytes);
    bytes.extend_from_slice(body);
    start
}

#[cfg(test)]
mod tests {
    use truth::plan::Plan;
    use truth::plan::event::Events;
    use truth::scenario::Scenario;
    use truth::target::secrets::Secrets;

    use super::*;

    fn requests(scenario: Scenario, fixed: Fixed) -> (Requests, Arc<Plan>) {
        let plan = Arc::new(scenario.plan(1, 1).unwrap());
        let events = Arc::new(Events::new(&plan));
        let target = Arc::new(scenario.target);
        let secrets = Arc::new(Secrets::none());
        let content = Content { events, plan: Arc::clone(&plan), target, secrets, fixed };
        (Requests::new(&content), plan)
    }

    fn head() -> Fixed {
        Fixed::Head(Arc::from(&b"POST /p HTTP/1.1\r\nhost: h\r\n"[..]))
    }

    #[test]
    fn a_request_is_its_head_and_then_its_body() {
        let (mut requests, plan) = requests(Scenario::default(), head());
        let round = plan.round(0);
        let one = requests.render(&round, 0, 0, None);
        let another = requests.render(&round, 1, 0, None);
        for range in [one, another] {
            let text = std::str::from_utf8(requests.bytes(range)).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("POST /p HTTP/1.1\r\nhost: h\r\ncontent-length: "), "{head}");
            assert!(head.ends_with(&body.len().to_string()), "{head}");
            assert!(body.starts_with('[') && body.ends_with(']'));
        }
    }

    #[test]
    fn each_try_of_a_traced_request_has_its_own_traceparent_and_the_rest_is_the_same() {
        let mut scenario = Scenario::default();
        scenario.load.trace = true;
        let fixed =
            Fixed::of(&scenario, &scenario.target.endpoint().unwrap(), &[], &Secrets::none()).unwrap();
        let (mut requests, plan) = requests(scenario, fixed);
        let round = plan.round(0);
        let mut render = |request, try_number| {
            let range = requests.render(&round, request, try_number, None);
            let text = String::from_utf8(requests.bytes(range).to_vec()).unwrap();
            let departure = Departure { round: 0, request, try_number };
            let traceparent = Traces::new(&plan).of_request(departure, round.request(request)).to_string();
            assert_eq!(text.matches(&format!("\r\ntraceparent: {traceparent}\r\n")).count(), 1, "{text}");
            text.replace(&traceparent, "")
        };
        assert_eq!(render(0, 0), render(0, 1));
        assert_ne!(render(0, 0), render(1, 0));
    }
}
