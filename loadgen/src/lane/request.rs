//! Requests of a lane, rendered whole, head and body, into one buffer that is used again and again.
//!
//! The body is rendered first, behind room for the head, because the head states the body's length.
//! So only the head is copied twice. One buffer for the whole lane stays in the processor's cache;
//! what a socket does not take at once is copied.

use std::ops::Range;
use std::sync::Arc;

use truth::plan::invalid::Invalid;
use truth::plan::round::Round;
use truth::plan::trace::{Departure, Traces};
use truth::target::wire::{Renderer, post_head};

use super::job::Content;
use crate::connection::gzip::Packer;
use crate::connection::head::Fixed;

/// Room for the length field: `content-length: `, at most 20 digits and two line ends.
const LENGTH_FIELD: usize = 40;

/// Capacity beyond which the buffer is given back: batches of thousands of large events.
const KEPT_CAPACITY: usize = 4 << 20;

/// Requests that are being rendered.
#[derive(Debug)]
pub(crate) struct Requests {
    source: Source,
    bytes: Vec<u8>,
    /// Trace contexts, and the place of one in each request; none if requests are not traced.
    traced: Option<(Traces, usize)>,
}

/// Source of their bytes.
#[derive(Debug)]
enum Source {
    Events {
        renderer: Box<Renderer>,
        /// Compressor of the bodies; none if they are sent as they are.
        packer: Option<Box<Packer>>,
        fixed_head: Arc<[u8]>,
        head: Vec<u8>,
    },
    Fixed(Arc<[u8]>),
}

impl Requests {
    pub(crate) fn new(content: &Content) -> Self {
        let target = &content.target;
        let source = match &content.fixed {
            Fixed::Head(fixed_head) => Source::Events {
                renderer: Box::new(Renderer::new(Arc::clone(&content.events), target)),
                packer: target.publish.gzip.then(|| Box::new(Packer::new())),
                fixed_head: Arc::clone(fixed_head),
                head: Vec::new(),
            },
            Fixed::Request(request) => Source::Fixed(Arc::clone(request)),
        };
        let traced = content.fixed.traceparent_at().map(|at| (Traces::new(&content.plan), at));
        Self { source, bytes: Vec::new(), traced }
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
        let bytes = &mut self.bytes;
        let start = match &mut self.source {
            Source::Fixed(request) => {
                let start = bytes.len();
                bytes.extend_from_slice(request);
                start
            }
            Source::Events { renderer, packer, fixed_head, head } => {
                let body = bytes.len() + fixed_head.len() + LENGTH_FIELD;
                bytes.resize(body, 0);
                let origin = round.origin(request);
                match invalid {
                    None => renderer.body(ordinals, origin, bytes),
                    Some(invalid) => renderer.spoilt_body(ordinals, origin, invalid, bytes),
                }
                if let Some(packer) = packer {
                    packer.pack(bytes, body);
                }
                head.clear();
                post_head(fixed_head, bytes.len() - body, head);
                let start = body - head.len();
                bytes[start..body].copy_from_slice(head);
                start
            }
        };
        if let Some((traces, at)) = &self.traced {
            let departure = Departure { round: round.index, request, try_number };
            let traceparent = traces.of_request(departure, ordinals).text();
            bytes[start + at..][..traceparent.len()].copy_from_slice(&traceparent);
        }
        start..self.bytes.len()
    }

    /// Returns a rendered request.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

#[cfg(test)]
mod tests {
    use truth::plan::Plan;
    use truth::plan::event::Events;
    use truth::scenario::Scenario;

    use super::*;

    fn requests(scenario: Scenario, fixed: Fixed) -> (Requests, Arc<Plan>) {
        let plan = Arc::new(scenario.plan(1, 1).unwrap());
        let events = Arc::new(Events::new(&plan));
        let target = Arc::new(scenario.target);
        let content = Content { events, plan: Arc::clone(&plan), target, fixed };
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
        let fixed = Fixed::of(&scenario, &scenario.target.endpoint().unwrap(), &[]).unwrap();
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
