//! Facts: the evidence, with its ledger booked.

use truth::observed::counters::Counters;
use truth::observed::{Observed, Route, Settled};
use truth::record::baseline::ListedBaseline;

use crate::books::epochs::{Epochs, Passage, Reading};
use crate::books::keys::Class;
use crate::books::polled::Polled;
use crate::books::tally::Tally;
use crate::books::walk::{Setting, Walk, WalkError};
use crate::evidence::Evidence;
use crate::verdict::{Attempts, Check, Finding, OPEN_END, Status};

/// Input of all checks: the evidence, and the result of one pass over the ledger.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The evidence.
    pub evidence: &'a Evidence,
    /// The ledger, booked. Its keys know their listed rows.
    pub tally: Tally,
    /// Number of bytes in frames that were never finished.
    pub torn_bytes: u64,
    /// For each run, the readings of the counters from the baseline to the last look.
    pub epochs: Vec<Epochs>,
    /// Number of acknowledged keys that no look shows.
    pub absent: u64,
}

impl<'a> Facts<'a> {
    /// Books the ledger, and then the listed rows.
    pub fn gather(evidence: &'a Evidence) -> Result<Self, WalkError> {
        let (mut tally, torn_bytes) = book(evidence)?;
        tally.keys.see(&evidence.observed.presence);
        tally.keys.see_sentinels(&evidence.observed.listing.sentinels);
        let epochs = evidence.polled.iter().map(|polled| to_the_end(evidence, polled)).collect();
        let absent = tally.keys.of_class(Class::Lost, 0).count;
        Ok(Self { evidence, tally, torn_bytes, epochs, absent })
    }

    /// Returns true if the looks show of every key whether it is stored: they are promised to, or
    /// show all that was acknowledged.
    pub fn tells_presence(&self) -> bool {
        let is_whole = self.reads_database() || self.evidence.listing_is_complete || self.absent == 0;
        is_whole && self.evidence.observed.listing.is_sound()
    }

    /// Returns why the looks may not show every row of the target; none if they do.
    pub fn why_not_every_row(&self) -> Option<&'static str> {
        if !self.evidence.observed.listing.all_topics {
            return Some("the target is listed topic by topic, which shows no row of other topics");
        }
        if !self.evidence.observed.listing.is_sound() {
            return Some("the target changed while it was listed");
        }
        (!self.tells_presence())
            .then_some("acknowledged keys are absent, so the listing may not show every row of the target")
    }

    /// Returns true if the database was read, which holds all that is stored.
    pub fn reads_database(&self) -> bool {
        self.evidence.observed.database.as_ref().is_some_and(|database| database.unread.is_none())
    }

    /// Returns true if it is promised that nobody else writes.
    pub fn is_alone(&self) -> bool {
        self.evidence.promises.shared == Some(false)
    }

    /// Listing before the run, by the route that serves now.
    pub fn listed_before(&self) -> Option<ListedBaseline> {
        let baseline = self.evidence.baseline.as_ref()?;
        match self.evidence.observed.listing.route {
            Route::Api => baseline.listed,
            Route::Database => baseline.stored,
        }
    }

    /// Number of rows with ids of this run that were listed before it, as far as that was looked at.
    pub fn rows_of_ours_before(&self) -> u64 {
        self.listed_before().map_or(0, |listed| listed.rows.saturating_sub(listed.foreign.count))
    }

    /// Returns true if the target has done all that it accepted, as far as it tells. Otherwise an
    /// absent key may still appear. Rows that rest need no counters that do: those of two instances
    /// alternate for ever.
    pub fn is_at_rest(&self) -> bool {
        let Observed { stats, looks, .. } = &self.evidence.observed;
        (looks.listing_rested || stats.settled != Settled::Moving)
            && stats.stats.as_ref().is_none_or(|stats| stats.backlog() == 0)
    }

    /// Returns true if the counters have come to rest as well.
    pub fn counters_rest(&self) -> bool {
        self.is_at_rest() && self.evidence.observed.stats.settled != Settled::Moving
    }

    /// Returns true if the counters of before and of now count from one start. Counters that do not
    /// survive a restart do so only if the target shows that one process answered all along.
    pub fn counts_on(&self) -> bool {
        let is_one = |epochs: &Epochs| epochs.compared > 0 && epochs.is_one();
        let was_restarted = self.evidence.faults.iter().any(|struck| struck.restart().is_some());
        self.evidence.promises.counts_on()
            || (!was_restarted && !self.epochs.is_empty() && self.epochs.iter().all(is_one))
    }

    /// Cause for which the counters do not count on.
    pub fn why_not_counted_on(&self) -> &'static str {
        if self.evidence.faults.iter().any(|struck| struck.restart().is_some()) {
            return "the counters do not survive a restart, and the target was restarted";
        }
        match self.epochs.iter().find_map(|epochs| epochs.broken) {
            Some(Passage::Restarted) => "the counters do not survive a restart, and the target restarted",
            Some(Passage::Another) => "the counters are each process's own, and more than one answered",
            Some(Passage::Same | Passage::Unclear) | None => {
                "the counters do not survive a restart, and there may have been one (`stats.uptime` or \
                 `stats.instance` would show it)"
            }
        }
    }

    /// Returns true if the ledger may lack the last requests. A killed sender leaves all of them,
    /// but nothing tells its folder from one that was copied while loadgen still sent, or from a
    /// power failure.
    pub fn may_lack_the_end(&self) -> bool {
        self.tally.is_open || self.torn_bytes > 0
    }

    /// Makes a failure UNKNOWN if requests that are not on record would explain it.
    pub(crate) fn if_all_is_known(&self, check: Check) -> Check {
        if check.status != Status::Fail || !self.may_lack_the_end() {
            return check;
        }
        Check::unknown(check.name, check.count, format!("{}; but {OPEN_END}", check.summary))
    }

    /// Closing poll, moved forward by the requests that `verify` sent after it. None if the two
    /// looks around those leave room for another writer.
    ///
    /// For example, the closing poll says unique 1,400. The first look says 1,400, the second
    /// 1,403, and three keys have appeared in the listing in between. The moved poll says 1,403. If
    /// only two keys have appeared, another writer has stored the third, and there is no moved
    /// poll.
    pub fn closing(&self) -> Option<Counters> {
        let closing = self.closing_with_sentinels()?;
        let Some(earlier) = &self.evidence.earlier else { return Some(closing) };
        let before = earlier.stats.stats.as_ref()?;
        let now = self.evidence.observed.stats.stats.as_ref()?;
        let grown = |of: fn(&Counters) -> Option<u64>| of(now)?.checked_sub(of(before)?);
        let resent = self.tally.resent.all();
        let presence = &self.evidence.observed.presence;
        let was = &earlier.presence;
        let appeared = |ordinal: &u64| presence.seen(*ordinal) > 0 && was.seen(*ordinal) == 0;
        let listed = &self.evidence.observed.listing.sentinels;
        let new_sentinel = |ordinal: &&u64| !earlier.listing.sentinels.contains(ordinal);
        let stored = self.evidence.keys.clone().filter(appeared).count() as u64
            + listed.iter().filter(new_sentinel).count() as u64;
        let ours_alone = resent.uncertain() == 0
            && earlier.listing.is_sound()
            && self.tells_presence()
            && grown(|counters| counters.received) == Some(resent.acked)
            && grown(|counters| counters.unique) == Some(stored);
        let plus = |of: fn(&Counters) -> Option<u64>| of(&closing)?.checked_add(grown(of)?);
        ours_alone.then(|| Counters {
            received: plus(|counters| counters.received),
            unique: plus(|counters| counters.unique),
            duplicates: plus(|counters| counters.duplicates),
            ..closing.clone()
        })
    }

    /// Closing poll, with the sentinels counted that were sent before the first look of this
    /// evidence. Each was sent once.
    fn closing_with_sentinels(&self) -> Option<Counters> {
        let closing = self.evidence.closing.as_ref()?;
        let earlier = self.evidence.earlier.as_ref();
        let is_before = |ordinal: &u64| earlier.is_none_or(|look| look.listing.sentinels.contains(ordinal));
        let sentinels = self.tally.keys.sentinels();
        let counted = sentinels.filter(|(ordinal, state)| state.acked() > 0 && is_before(ordinal)).count();
        let plus = |count: Option<u64>| count.map(|count| count + counted as u64);
        Some(Counters { received: plus(closing.received), unique: plus(closing.unique), ..closing.clone() })
    }

    /// Makes a finding on a key of the plan.
    pub fn finding(&self, ordinal: u64, detail: impl Into<String>) -> Finding {
        let events = &self.evidence.events;
        Finding {
            ordinal: Some(ordinal),
            topic: Some(events.topic(ordinal).to_owned()),
            event_id: Some(events.id_text(ordinal)),
            ..Finding::plain(detail.into())
        }
    }

    pub(crate) fn attempts(&self) -> Attempts {
        let sums = self.tally.sums - self.tally.resent.all();
        let keys = &self.tally.keys;
        let doubtful = |acked: u8, unknown: u8| acked == 0 && unknown > 0;
        Attempts {
            planned: self.evidence.plan.total.unwrap_or(0),
            sent: sums.sent(),
            acked: sums.acked,
            reported_new: sums.reported_new,
            reported_duplicate: sums.reported_duplicate,
            unknown: sums.unknown,
            unclear: sums.unclear,
            rejected: sums.rejected,
            never_sent: sums.never_sent,
            acked_keys: keys.iter().filter(|(_, state)| state.acked() > 0).count() as u64,
            doubtful_keys: keys.iter().filter(|(_, state)| doubtful(state.acked(), state.unknown())).count()
                as u64,
        }
    }
}

/// Adds the readings of the looks to those of the run.
fn to_the_end(evidence: &Evidence, polled: &Polled) -> Epochs {
    let mut epochs = polled.epochs.clone();
    for look in evidence.earlier.iter().chain([&evidence.observed]) {
        let answered_ns = look.stats.read_ns.filter(|_| evidence.one_clock);
        let asked_ns = look.stats.asked_ns.filter(|_| evidence.one_clock).or(answered_ns);
        if let Some(counters) = look.stats.stats.clone() {
            epochs.take(Reading { asked_ns, answered_ns, counters });
        }
    }
    epochs
}

/// Books a ledger in one pass, without the listed rows. Returns the bytes of torn frames too.
pub fn book(evidence: &Evidence) -> Result<(Tally, u64), WalkError> {
    if let Some(path) = &evidence.gone {
        return Err(WalkError::Gone { path: path.clone() });
    }
    let runs = evidence.frames.runs();
    let setting = Setting {
        plan: &evidence.plan,
        events: &evidence.events,
        can_race: evidence.can_race,
        batch: evidence.promises.batch,
        window: evidence.promises.window,
        ack: evidence.promises.ack,
        refused: evidence.promises.refused,
        looked: evidence.looked,
        one_clock: evidence.one_clock,
        runs: &runs,
        ended: &evidence.ended,
    };
    let mut walk = Walk::new(setting, evidence.keys.clone());
    let walked = evidence.for_each_frame(|segment, frame| walk.take(segment, frame));
    // Frames that were doubled or moved contradict each other before the end of their segment shows
    // that it is another than the one that was written.
    let torn_bytes = walked.map_err(|error| evidence.frames.altered().map_or(error, WalkError::from))?;
    let mut tally = walk.finish();
    if let Some(segment) = tally.cut_off {
        return Err(WalkError::CutOff { path: evidence.frames.path(segment) });
    }
    tally.coverage.take_keys(&evidence.events, &tally.keys);
    Ok((tally, torn_bytes))
}
