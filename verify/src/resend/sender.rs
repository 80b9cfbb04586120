//! Requests, each on a connection of its own: a pool could hold a dead connection, and a library
//! would send again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use judge::evidence::Evidence;
use reader::client::{Posted, ReadError, TargetClient, UNAUTHORIZED};
use truth::clock::{monotonic_ns, utc_ms};
use truth::plan::event::Events;
use truth::plan::trace::Traces;
use truth::plan::variant::Origin;
use truth::target::Target;
use truth::target::answer::{self, Answer, Outcome, Response};
use truth::target::request::{Asked, RequestWriter};
use truth::target::secrets::Secrets;

/// Try of a request of a list.
#[derive(Clone, Copy)]
pub(super) struct Try {
    /// Number of the request in its list.
    pub(super) request: usize,
    /// Number of the try: 1 after a login.
    pub(super) number: u16,
}

/// Result of one try of a request.
pub(super) struct Sent {
    pub(super) request: usize,
    pub(super) try_number: u16,
    /// Number of the session that it was written in.
    session: u64,
    pub(super) t_start: u64,
    pub(super) status: u16,
    pub(super) answer: Answer,
}

impl Sent {
    /// Result of a request that was never begun.
    pub(super) fn never(request: usize) -> Self {
        let answer = Answer::bare(Outcome::NeverSent);
        Self { request, try_number: 0, session: 0, t_start: monotonic_ns(), status: 0, answer }
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

    /// Opens the target's session again if a response asks for it. Returns true if the request is to
    /// be sent once more.
    pub(super) async fn logs_in_after(&self, sent: &Sent) -> Result<bool, ReadError> {
        if sent.status != UNAUTHORIZED {
            self.client.note_served();
            return Ok(false);
        }
        let is_first = sent.try_number == 0 && sent.answer.outcome != Outcome::Acked;
        match self.client.has_session() && is_first {
            true => self.client.renew_session(sent.session).await,
            false => Ok(false),
        }
    }

    /// Makes a try of a request of a list with these keys. It is sent when the future is polled.
    pub(super) fn request(
        &mut self,
        list: u32,
        Try { request, number: try_number }: Try,
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
        let session = client.session();
        async move {
            let t_start = monotonic_ns();
            let ended = |status, answer| Sent { request, try_number, session, t_start, status, answer };
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
