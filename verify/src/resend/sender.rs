//! Requests, each on a connection of its own: a pool could hold a dead connection, and a library
//! would send again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use judge::evidence::Evidence;
use reader::client::{Posted, TargetClient};
use truth::clock::{monotonic_ns, utc_ms};
use truth::plan::event::Events;
use truth::plan::trace::Traces;
use truth::plan::variant::Origin;
use truth::target::Target;
use truth::target::answer::{self, Answer, Outcome, Response};
use truth::target::request::{Asked, RequestWriter};
use truth::target::secrets::Secrets;

/// Result of one request.
pub(super) struct Sent {
    pub(super) request: usize,
    pub(super) t_start: u64,
    pub(super) status: u16,
    pub(super) answer: Answer,
}

impl Sent {
    /// Result of a request that was never begun.
    pub(super) fn never(request: usize) -> Self {
        Self { request, t_start: monotonic_ns(), status: 0, answer: Answer::bare(Outcome::NeverSent) }
    }
}

/// Sender of requests to one target.
pub(super) struct Sender {
    client: TargetClient,
    target: Arc<Target>,
    events: Arc<Events>,
    writer: RequestWriter,
    traces: Traces,
    /// True if the run was traced: its requests have a header of their own.
    is_traced: bool,
    timeout: Duration,
}

impl Sender {
    pub(super) fn new(
        client: &TargetClient,
        evidence: &Evidence,
        secrets: Secrets,
        timeout: Duration,
    ) -> Self {
        let target = Arc::new(client.target().clone());
        let events = Arc::new(evidence.events.clone());
        let writer = RequestWriter::new(Arc::clone(&events), &target, Arc::new(secrets));
        let traces = Traces::new(&evidence.plan);
        let is_traced = evidence.traces.is_some();
        Self { client: client.clone(), target, events, writer, traces, is_traced, timeout }
    }

    /// Makes a request of a list with these keys. It is sent when the future is polled.
    pub(super) fn request(
        &mut self,
        list: u32,
        request: usize,
        ordinals: &[u64],
    ) -> impl Future<Output = Sent> + Send + 'static {
        let traceparent = self.traces.of_listed(list, request as u32, ordinals);
        let asked = Asked { traceparent: Some(traceparent), ..Asked::of(ordinals, Origin::Later, utc_ms()) };
        let mut whole = self.writer.whole(&asked);
        if self.is_traced {
            whole.fields.push(("traceparent".to_owned(), traceparent.text().to_vec()));
        }
        let client = self.client.clone();
        let target = Arc::clone(&self.target);
        let timeout = self.timeout;
        let events = Arc::clone(&self.events);
        let ordinals = ordinals.to_vec();
        async move {
            let t_start = monotonic_ns();
            let ended = |status, answer| Sent { request, t_start, status, answer };
            match client.send_once(whole, timeout).await {
                Posted::Answered { status, headers, body } => {
                    let field = |name: &str| headers.get(name).map(|value| value.as_bytes());
                    let response = Response { status, field: &field, body: &body };
                    let sent = answer::Sent { ordinals: &ordinals, events: &events, invalid: None };
                    ended(status, Answer::read(&target, &response, sent).answer)
                }
                Posted::NotConnected => ended(0, Answer::bare(Outcome::NeverSent)),
                Posted::Lost => ended(0, Answer::bare(Outcome::Unknown)),
            }
        }
    }
}
