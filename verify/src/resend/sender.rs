//! Requests, each on a connection of its own: a pool could hold a dead connection, and a library
//! would send again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use judge::evidence::Evidence;
use reader::client::{Posted, TargetClient};
use truth::clock::{monotonic_ns, utc_ms};
use truth::plan::trace::Traces;
use truth::plan::variant::Origin;
use truth::target::Target;
use truth::target::answer::{Answer, Outcome};
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
        let writer = RequestWriter::new(Arc::new(evidence.events.clone()), &target, Arc::new(secrets));
        let traces = Traces::new(&evidence.plan);
        Self { client: client.clone(), target, writer, traces, is_traced: evidence.traces.is_some(), timeout }
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
        let events = ordinals.len() as u32;
        async move {
            let t_start = monotonic_ns();
            let ended = |status, answer| Sent { request, t_start, status, answer };
            match client.send_once(whole, timeout).await {
                Posted::Answered { status, body } => {
                    ended(status, Answer::classify(&target, status, &body, events))
                }
                Posted::NotConnected => ended(0, Answer::bare(Outcome::NeverSent)),
                Posted::Lost => ended(0, Answer::bare(Outcome::Unknown)),
            }
        }
    }
}
