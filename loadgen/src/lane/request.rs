//! Requests of a lane, rendered whole, head and body, into one buffer that is used again and again.
//!
//! The body is rendered first, behind room for the head, because the head states the body's length.
//! So only the head is copied twice. One buffer for the whole lane stays in the processor's cache;
//! what a socket does not take at once is copied.

use std::ops::Range;
use std::sync::Arc;

use truth::plan::invalid::Invalid;
use truth::plan::variant::Origin;
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
        Self { source, bytes: Vec::new() }
    }

    /// Forgets the requests that were rendered before.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
    }

    /// Renders a request that carries these keys, and returns its place in the buffer.
    pub(crate) fn render(&mut self, ordinals: &[u64], origin: Origin) -> Range<usize> {
        self.rendered(|renderer, bytes| renderer.body(ordinals, origin, bytes))
    }

    /// Renders a request with an invalid event among its events.
    pub(crate) fn render_invalid(
        &mut self,
        ordinals: &[u64],
        origin: Origin,
        invalid: Invalid,
    ) -> Range<usize> {
        self.rendered(|renderer, bytes| renderer.spoilt_body(ordinals, origin, invalid, bytes))
    }

    fn rendered(&mut self, body_of: impl FnOnce(&mut Renderer, &mut Vec<u8>)) -> Range<usize> {
        let bytes = &mut self.bytes;
        match &mut self.source {
            Source::Fixed(request) => {
                let start = bytes.len();
                bytes.extend_from_slice(request);
                start..bytes.len()
            }
            Source::Events { renderer, packer, fixed_head, head } => {
                let body = bytes.len() + fixed_head.len() + LENGTH_FIELD;
                bytes.resize(body, 0);
                body_of(renderer, bytes);
                if let Some(packer) = packer {
                    packer.pack(bytes, body);
                }
                head.clear();
                post_head(fixed_head, bytes.len() - body, head);
                let start = body - head.len();
                bytes[start..body].copy_from_slice(head);
                start..bytes.len()
            }
        }
    }

    /// Returns a rendered request.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

#[cfg(test)]
mod tests {
    use truth::plan::event::Events;
    use truth::scenario::Scenario;

    use super::*;

    #[test]
    fn a_request_is_its_head_and_then_its_body() {
        let scenario = Scenario::default();
        let plan = Arc::new(scenario.plan(1, 1).unwrap());
        let content = Content {
            events: Arc::new(Events::new(&plan)),
            plan,
            target: Arc::new(scenario.target),
            fixed: Fixed::Head(Arc::from(&b"POST /p HTTP/1.1\r\nhost: h\r\n"[..])),
        };
        let mut requests = Requests::new(&content);
        let one = requests.render(&[1], Origin::Later);
        let many = requests.render(&[1, 2, 3], Origin::Later);
        for range in [one, many] {
            let text = std::str::from_utf8(requests.bytes(range)).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("POST /p HTTP/1.1\r\nhost: h\r\ncontent-length: "), "{head}");
            assert!(head.ends_with(&body.len().to_string()), "{head}");
            assert!(body.starts_with('[') && body.ends_with(']'));
        }
    }
}
