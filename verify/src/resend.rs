//! Events that `verify` sends while it judges, and only if asked to.
//!
//! *Resolve* sends the keys whose attempts are all unknown and that were not listed, to learn if
//! the target has them. *Replay* sends acknowledged keys, each of which the target must
//! deduplicate. *Sentinels* are events of the run's own, beyond the keys of its plan. A key that
//! could hide a loss is never sent: an acknowledged key that the listing did not show, or an unknown
//! key that it may have shown. The ledger holds every list of keys before the first byte of the list
//! leaves. If the run was traced, so are these requests.

mod sender;

use std::ops::Range;

use judge::books::walk::WalkError;
use judge::evidence::{Evidence, Frames};
use judge::resend::Lists;
use reader::client::{ReadError, TargetClient};
use reader::console::say;
use thiserror::Error;
use truth::chain::chain;
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::files::FolderError;
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Done, Foundation, Frame, Header, LedgerError, MAX_RESEND, Purpose, Scope};
use truth::record::manifest::FolderFormat;
use truth::record::seal::seal_segment;
use truth::target::answer::Outcome;
use truth::target::needed::NeededError;
use truth::target::secrets::Secrets;

use self::sender::{Sender, Sent, Try};

/// Requests in flight at once: enough to keep a target busy, too few to load it.
const IN_FLIGHT: usize = 8;

/// Reason why nothing more could be sent.
#[derive(Debug, Error)]
pub enum ResendError {
    /// A request could not be recorded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The run folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The ledger cannot be read to its end.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A request before the others failed.
    #[error(transparent)]
    Session(#[from] ReadError),
    /// A secret of the requests is not there, or cannot be used.
    #[error(transparent)]
    Secrets(#[from] NeededError),
}

/// One sentinel that was sent. Times are in nanoseconds of the monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentAt {
    /// Ordinal of the sentinel.
    pub ordinal: u64,
    /// Time just before its request was sent.
    pub t_start: u64,
    /// Time of the acknowledgement; none without one.
    pub t_acked: Option<u64>,
}

/// Sends these keys and sentinels to the target of this run, and records the requests in a new
/// segment of the run's ledger. Returns the sentinels.
///
/// Ends early if the target cannot be reached. The other requests are recorded as never sent.
pub async fn send(
    client: &TargetClient,
    folder: &RunFolder,
    evidence: &Evidence,
    timeout: std::time::Duration,
    lists: &Lists,
) -> Result<Vec<SentAt>, ResendError> {
    let secrets = Secrets::needed(client.target(), &evidence.plan.values)?.beside(client.kept());
    client.open_session().await?;
    let lane = folder.next_lane()?;
    // A folder of an earlier release keeps its format.
    let is_sealed = evidence.format == FolderFormat::Sealed;
    let header = Header {
        nonce: evidence.plan.nonce,
        lane,
        boot_id: boot_id(),
        monotonic_ns: monotonic_ns(),
        utc_ms: utc_ms(),
        foundation: is_sealed.then(|| Foundation::of(folder)).transpose()?,
    };
    let mut resending = Resending {
        sender: Sender::new(client, evidence, secrets, timeout),
        ledger: SegmentWriter::create(&folder.segment(lane), header)?,
        batch: evidence.plan.batch as usize,
        next_list: next_list(&evidence.frames)?,
        is_reachable: true,
        has_failed_to_log_in: false,
        sentinels: Vec::new(),
    };
    resending.send(Purpose::Resolve, &lists.resolve).await?;
    resending.send(Purpose::Replay, &lists.replay).await?;
    resending.send(Purpose::Sentinel, &lists.sentinels).await?;
    let Resending { ledger, sentinels, .. } = resending;
    let sum = ledger.close(monotonic_ns())?;
    if is_sealed {
        seal_segment(folder, &folder.segment(lane), sum)?;
    }
    Ok(sentinels)
}

/// Returns the first number that no list of the ledger has.
fn next_list(frames: &Frames) -> Result<u32, WalkError> {
    let mut next = 0;
    frames.for_each(|_, frame| {
        if let Frame::Resend { id, .. } = frame {
            next = next.max(id.saturating_add(1));
        }
        Ok(())
    })?;
    Ok(next)
}

/// Place of a try among those of its request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recorded {
    /// Another follows.
    BeforeAnother,
    Last,
}

struct Resending {
    sender: Sender,
    ledger: SegmentWriter,
    batch: usize,
    next_list: u32,
    is_reachable: bool,
    /// True once a login has failed, which is told once.
    has_failed_to_log_in: bool,
    /// Sentinels that were sent.
    sentinels: Vec<SentAt>,
}

impl Resending {
    async fn send(&mut self, purpose: Purpose, ordinals: &[u64]) -> Result<(), ResendError> {
        // A list consists of whole requests, as many as one frame of the ledger holds.
        let list = (MAX_RESEND / self.batch).max(1) * self.batch;
        for ordinals in ordinals.chunks(list) {
            let id = self.next_list;
            self.next_list += 1;
            self.ledger.extra(id, purpose, ordinals)?;
            self.send_list(id, purpose, ordinals).await?;
        }
        Ok(())
    }

    async fn send_list(&mut self, id: u32, purpose: Purpose, ordinals: &[u64]) -> Result<(), ResendError> {
        let requests: Vec<&[u64]> = ordinals.chunks(self.batch).collect();
        let mut waiting = 0..requests.len();
        let mut under_way = tokio::task::JoinSet::new();
        loop {
            while self.is_reachable && under_way.len() < IN_FLIGHT && !waiting.is_empty() {
                let request = next(&mut waiting);
                let first = Try { request, number: 0 };
                under_way.spawn(self.sender.request(id, first, requests[request]));
            }
            let Some(ended) = under_way.join_next().await else { break };
            let sent = ended.expect("a request neither panics nor is aborted");
            self.is_reachable &= sent.answer.outcome != Outcome::NeverSent;
            let t_end = monotonic_ns();
            if self.logs_in_after(&sent).await {
                let again = Try { request: sent.request, number: sent.try_number + 1 };
                self.record(id, sent, t_end, Recorded::BeforeAnother)?;
                under_way.spawn(self.sender.request(id, again, requests[again.request]));
                continue;
            }
            if purpose == Purpose::Sentinel {
                self.note_sentinels(requests[sent.request], &sent, t_end);
            }
            self.record(id, sent, t_end, Recorded::Last)?;
        }
        for request in waiting {
            self.record(id, Sent::never(request), monotonic_ns(), Recorded::Last)?;
        }
        Ok(())
    }

    /// Opens the session again if a response asks for it. Returns true if the request is to be sent
    /// once more. A login that fails leaves the response as the last one.
    async fn logs_in_after(&mut self, sent: &Sent) -> bool {
        match self.sender.logs_in_after(sent).await {
            Ok(is_opened) => is_opened,
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed_to_log_in, true) {
                    say(&format!("warning: the login after a response of 401 failed: {}", chain(&error)));
                }
                false
            }
        }
    }

    fn note_sentinels(&mut self, ordinals: &[u64], sent: &Sent, t_end: u64) {
        let is_acked =
            |place: usize| sent.answer.outcome == Outcome::Acked && sent.answer.kinds.of(place).is_taken();
        let sent_at = |(place, ordinal): (usize, &u64)| SentAt {
            ordinal: *ordinal,
            t_start: sent.t_start,
            t_acked: is_acked(place).then_some(t_end),
        };
        self.sentinels.extend(ordinals.iter().enumerate().map(sent_at));
    }

    fn record(&mut self, id: u32, sent: Sent, t_end: u64, as_the: Recorded) -> Result<(), LedgerError> {
        let request = sent.request as u32;
        self.ledger.done(Done {
            scope: Scope::Resend(id),
            request,
            try_number: sent.try_number,
            is_final: as_the == Recorded::Last,
            // Each request has a connection of its own.
            connection: request,
            t_planned: sent.t_start,
            t_start: sent.t_start,
            // Ended tries of a segment are in the order of their ends.
            t_end,
            status: sent.status,
            answer: sent.answer,
        })
    }
}

fn next(range: &mut Range<usize>) -> usize {
    range.next().expect("checked not to be empty")
}
