//! Sending again, the only thing that `verify` ever writes to a target, and only when asked to.
//!
//! *Resolve* sends the keys whose attempts are all unknown and that were not listed, to learn what the target makes of
//! them. *Replay* sends keys that were acknowledged, all of which must be known. What could hide a loss is never sent:
//! no acknowledged key that a listing did not show, and no key in doubt that one may have shown. Every list of keys is
//! in the ledger before its first byte leaves.

mod sender;

use std::ops::Range;

use thiserror::Error;
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::files::FolderError;
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Done, Frame, Header, LedgerError, MAX_EXTRA, Purpose, Scope};
use truth::scenario::share::Share;
use truth::target::answer::Outcome;

use self::sender::{Sender, Sent};
use crate::evidence::{Evidence, Frames};
use crate::judge::Facts;
use crate::judge::walk::WalkError;
use crate::observe::client::TargetClient;

/// Requests under way at once: enough to keep a target busy, too few to be a load.
const IN_FLIGHT: usize = 8;

/// What is to be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// Keys whose fate is unknown.
    pub resolve: bool,
    /// This share of the acknowledged keys.
    pub replay: Option<Share>,
}

impl Wish {
    /// Whether there is anything to send.
    pub fn sends(&self) -> bool {
        self.resolve || self.replay.is_some()
    }
}

/// Why nothing more could be sent.
#[derive(Debug, Error)]
pub enum ResendError {
    /// What was sent could not be recorded, so nothing more was sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The run folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The lists that were sent before cannot be counted.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

/// The keys to send.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lists {
    /// No acknowledgement, some attempt whose fate is unknown, not listed.
    pub resolve: Vec<u64>,
    /// Acknowledged, and listed wherever the target lists.
    pub replay: Vec<u64>,
    /// Why keys that were wished for are not among them.
    pub withheld: Vec<&'static str>,
}

impl Lists {
    /// What a wish comes to after a first look.
    pub fn choose(wish: &Wish, facts: &Facts<'_>) -> Self {
        let mut lists = Self::default();
        if !facts.is_at_rest() {
            lists.withheld.push("nothing is sent again: the target is not at rest");
            return lists;
        }
        let keys = &facts.tally.keys;
        let events = &facts.evidence.events;
        if events.has_variants() {
            lists
                .withheld
                .push("keys of two payloads ([traps]) are not sent again: that would decide which one stays");
        }
        let has_one_payload = |ordinal: &u64| events.variant(*ordinal).is_none();
        if wish.resolve && facts.tells_presence() {
            let in_doubt =
                keys.iter().filter(|(_, key)| key.acked() == 0 && key.unknown() > 0 && key.seen() == 0);
            lists.resolve = in_doubt.map(|(ordinal, _)| ordinal).filter(has_one_payload).collect();
        } else if wish.resolve {
            lists.withheld.push(
                "nothing is resolved: only a whole listing tells which keys are absent, and sending one that is there \
                 would tell nothing",
            );
        }
        if let Some(share) = wish.replay {
            let is_listed = facts.evidence.observed.listing.offered;
            let acked = keys.iter().filter(|(_, key)| key.acked() > 0 && (key.seen() > 0 || !is_listed));
            let acked = acked.filter(|(ordinal, _)| has_one_payload(ordinal));
            let chosen = (0..).zip(acked).filter(|(index, _)| share.holds(*index));
            lists.replay = chosen.map(|(_, (ordinal, _))| ordinal).collect();
        }
        lists
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.resolve.is_empty() && self.replay.is_empty()
    }
}

/// Sends these keys to the target of this run, and records it in a further segment of the run's ledger.
///
/// Ends early if the target cannot be reached: what is left is on record as never sent.
pub async fn send(
    client: &TargetClient,
    folder: &RunFolder,
    evidence: &Evidence,
    timeout: std::time::Duration,
    lists: &Lists,
) -> Result<(), ResendError> {
    let lane = folder.next_lane()?;
    let header = Header {
        nonce: evidence.plan.nonce,
        lane,
        boot_id: boot_id(),
        monotonic_ns: monotonic_ns(),
        utc_ms: utc_ms(),
    };
    let mut resending = Resending {
        sender: Sender::new(client, &evidence.events, timeout),
        ledger: SegmentWriter::create(&folder.segment(lane), header)?,
        batch: evidence.plan.batch as usize,
        next_list: next_list(&evidence.frames)?,
        is_reachable: true,
    };
    resending.send(Purpose::Resolve, &lists.resolve).await?;
    resending.send(Purpose::Replay, &lists.replay).await?;
    Ok(resending.ledger.close(monotonic_ns())?)
}

/// The first number that no list of the ledger has.
fn next_list(frames: &Frames) -> Result<u32, WalkError> {
    let mut next = 0;
    frames.for_each(|_, frame| {
        if let Frame::Extra { id, .. } = frame {
            next = next.max(id.saturating_add(1));
        }
        Ok(())
    })?;
    Ok(next)
}

struct Resending {
    sender: Sender,
    ledger: SegmentWriter,
    batch: usize,
    next_list: u32,
    is_reachable: bool,
}

impl Resending {
    async fn send(&mut self, purpose: Purpose, ordinals: &[u64]) -> Result<(), ResendError> {
        // Whole requests, as many as one frame holds.
        let list = (MAX_EXTRA / self.batch).max(1) * self.batch;
        for ordinals in ordinals.chunks(list) {
            let id = self.next_list;
            self.next_list += 1;
            self.ledger.extra(id, purpose, ordinals)?;
            self.send_list(id, ordinals).await?;
        }
        Ok(())
    }

    async fn send_list(&mut self, id: u32, ordinals: &[u64]) -> Result<(), ResendError> {
        let requests: Vec<&[u64]> = ordinals.chunks(self.batch).collect();
        let mut waiting = 0..requests.len();
        let mut under_way = tokio::task::JoinSet::new();
        loop {
            while self.is_reachable && under_way.len() < IN_FLIGHT && !waiting.is_empty() {
                let request = next(&mut waiting);
                under_way.spawn(self.sender.request(request, requests[request]));
            }
            let Some(ended) = under_way.join_next().await else { break };
            let sent = ended.expect("a request neither panics nor is aborted");
            self.is_reachable &= sent.answer.outcome != Outcome::NeverSent;
            self.record(id, sent)?;
        }
        for request in waiting {
            self.record(id, Sent::never(request))?;
        }
        Ok(())
    }

    fn record(&mut self, id: u32, sent: Sent) -> Result<(), LedgerError> {
        let request = sent.request as u32;
        self.ledger.done(Done {
            scope: Scope::Extra(id),
            request,
            try_number: 0,
            is_final: true,
            // Each has one of its own.
            connection: request,
            t_planned: sent.t_start,
            t_start: sent.t_start,
            // Ended tries of a segment are in the order of their ends.
            t_end: monotonic_ns(),
            status: sent.status,
            answer: sent.answer,
        })
    }
}

fn next(range: &mut Range<usize>) -> usize {
    range.next().expect("checked not to be empty")
}
