//! What a lane counts and measures. Nothing here is shared between lanes but [`live::LiveSums`], of which each lane
//! writes its own and others only read.

pub(crate) mod latency;
pub(crate) mod live;
pub(crate) mod selection;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use truth::plan::event::Events;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

use crate::connection::Lost;
use crate::connection::http1::Malformed;
use latency::Latencies;
use live::Told;
use selection::{Ended, Selected};

/// Why attempts are unknown, counted in requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Doubts {
    /// No whole answer in time.
    pub(crate) timed_out: u64,
    /// The connection ended before the answer did.
    pub(crate) connection_broke: u64,
    /// What came is no HTTP.
    pub(crate) answer_malformed: u64,
    /// A whole answer whose status, or body, says nothing certain.
    pub(crate) answer_undeclared: u64,
    /// Given up when the run was cut short.
    pub(crate) cut_short: u64,
}

/// Releases of more than one request, and the pairs of one key that they were to let race.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Races {
    /// Pairs of requests of one release that carry one key.
    pub(crate) pairs_planned: u64,
    /// Those that were under way at the same time.
    pub(crate) pairs_observed: u64,
    /// Releases that went together.
    pub(crate) releases_complete: u64,
    /// Releases that did not find their connections in time.
    pub(crate) releases_incomplete: u64,
}

/// What became of the connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Connections {
    /// All that came about.
    pub(crate) opened: u64,
    /// Under a request, or while idle without a word.
    pub(crate) broken: u64,
    /// Opened in the place of another.
    pub(crate) reconnects: u64,
    /// Tries that did not even connect.
    pub(crate) refused: u64,
}

/// All that one lane, or after [`Tally::add`] a run, counted. Every try is an attempt of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Events by outcome.
    pub(crate) acked: u64,
    pub(crate) told_new: u64,
    pub(crate) told_duplicate: u64,
    pub(crate) rejected: u64,
    pub(crate) unknown: u64,
    pub(crate) never_sent: u64,
    /// Events of the rounds that were opened.
    pub(crate) opened: u64,
    /// Requests that left, and those of them that were not acknowledged.
    pub(crate) requests_sent: u64,
    pub(crate) requests_failed: u64,
    pub(crate) retries: u64,
    /// The sums of the answers, as they count; `untold` says that some answer did not.
    pub(crate) received: u64,
    pub(crate) inserted: u64,
    pub(crate) duplicates: u64,
    pub(crate) inserted_untold: bool,
    pub(crate) duplicates_untold: bool,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Those of answers that say nothing certain.
    pub(crate) undeclared_statuses: BTreeMap<u16, u64>,
    pub(crate) doubts: Doubts,
    pub(crate) races: Races,
    pub(crate) connections: Connections,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) latencies: Latencies,
    /// What thresholds with tags look at; nothing almost always.
    pub(crate) selected: Vec<Selected>,
    /// Monotonic times of the first send and the last end; 0 before them.
    pub(crate) first_start_ns: u64,
    pub(crate) last_end_ns: u64,
}

impl Tally {
    /// Counts a request of which a byte has left.
    pub(crate) fn sent(&mut self, t_start_ns: u64, bytes: u64) {
        self.requests_sent += 1;
        self.sent_bytes += bytes;
        if self.first_start_ns == 0 {
            self.first_start_ns = t_start_ns;
        }
    }

    /// Counts an attempt that left and was answered; tells what the answer told.
    pub(crate) fn answered(&mut self, answer: &Answer, status: u16, events: u64) -> Told {
        *self.statuses.entry(status).or_default() += 1;
        match answer.outcome {
            Outcome::Acked => return self.acknowledged(answer, events),
            Outcome::Rejected => self.rejected += events,
            Outcome::Unknown | Outcome::NeverSent => {
                self.unknown += events;
                self.doubts.answer_undeclared += 1;
                *self.undeclared_statuses.entry(status).or_default() += 1;
            }
        }
        self.requests_failed += 1;
        Told::default()
    }

    /// Counts an attempt that left and has no answer.
    pub(crate) fn lost(&mut self, why: &Lost, events: u64) {
        self.unknown += events;
        self.requests_failed += 1;
        match why {
            Lost::TimedOut => self.doubts.timed_out += 1,
            Lost::Broken(_) | Lost::Malformed(Malformed::Truncated) => {
                self.doubts.connection_broke += 1;
                self.connections.broken += 1;
            }
            Lost::Malformed(_) => self.doubts.answer_malformed += 1,
        }
    }

    /// Counts an attempt that left and that nobody waits for any longer.
    pub(crate) fn given_up(&mut self, events: u64) {
        self.unknown += events;
        self.requests_failed += 1;
        self.doubts.cut_short += 1;
    }

    /// Counts a try that has ended under the tags that it bears.
    pub(crate) fn select(&mut self, ended: &Ended<'_>, events: &Events) {
        for selected in &mut self.selected {
            selected.record(ended, events);
        }
    }

    fn acknowledged(&mut self, answer: &Answer, events: u64) -> Told {
        let (new, duplicate) = told_of(answer, events);
        let refused = refused_of(answer);
        self.rejected += refused;
        let told = Told { acked: events - refused, new: new.unwrap_or(0), duplicate: duplicate.unwrap_or(0) };
        self.acked += told.acked;
        self.told_new += told.new;
        self.told_duplicate += told.duplicate;
        self.received += answer.accepted.map_or(told.acked, u64::from);
        match answer.inserted.map(u64::from).or(new) {
            Some(count) => self.inserted += count,
            None => self.inserted_untold = true,
        }
        match answer.duplicates.map(u64::from).or(duplicate) {
            Some(count) => self.duplicates += count,
            None => self.duplicates_untold = true,
        }
        told
    }

    /// Adds what another lane counted and measured.
    pub(crate) fn add(&mut self, other: &Self) {
        self.add_counts(other);
        self.latencies.add(&other.latencies);
        self.add_selected(&other.selected);
    }

    /// Adds what was counted alone.
    fn add_counts(&mut self, other: &Self) {
        let pairs = [
            (&mut self.acked, other.acked),
            (&mut self.told_new, other.told_new),
            (&mut self.told_duplicate, other.told_duplicate),
            (&mut self.rejected, other.rejected),
            (&mut self.unknown, other.unknown),
            (&mut self.never_sent, other.never_sent),
            (&mut self.opened, other.opened),
            (&mut self.requests_sent, other.requests_sent),
            (&mut self.requests_failed, other.requests_failed),
            (&mut self.retries, other.retries),
            (&mut self.received, other.received),
            (&mut self.inserted, other.inserted),
            (&mut self.duplicates, other.duplicates),
            (&mut self.doubts.timed_out, other.doubts.timed_out),
            (&mut self.doubts.connection_broke, other.doubts.connection_broke),
            (&mut self.doubts.answer_malformed, other.doubts.answer_malformed),
            (&mut self.doubts.answer_undeclared, other.doubts.answer_undeclared),
            (&mut self.doubts.cut_short, other.doubts.cut_short),
            (&mut self.races.pairs_planned, other.races.pairs_planned),
            (&mut self.races.pairs_observed, other.races.pairs_observed),
            (&mut self.races.releases_complete, other.races.releases_complete),
            (&mut self.races.releases_incomplete, other.races.releases_incomplete),
            (&mut self.connections.opened, other.connections.opened),
            (&mut self.connections.broken, other.connections.broken),
            (&mut self.connections.reconnects, other.connections.reconnects),
            (&mut self.connections.refused, other.connections.refused),
            (&mut self.sent_bytes, other.sent_bytes),
            (&mut self.received_bytes, other.received_bytes),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
        let statuses = [
            (&mut self.statuses, &other.statuses),
            (&mut self.undeclared_statuses, &other.undeclared_statuses),
        ];
        for (sums, more) in statuses {
            for (status, count) in more {
                *sums.entry(*status).or_default() += count;
            }
        }
        self.inserted_untold |= other.inserted_untold;
        self.duplicates_untold |= other.duplicates_untold;
        self.first_start_ns = match (self.first_start_ns, other.first_start_ns) {
            (0, first) | (first, 0) => first,
            (one, another) => one.min(another),
        };
        self.last_end_ns = self.last_end_ns.max(other.last_end_ns);
    }

    /// All lanes of a run have the same selections, in the same order; a sum begins without any.
    fn add_selected(&mut self, others: &[Selected]) {
        for (sum, more) in self.selected.iter_mut().zip(others) {
            sum.add(more);
        }
        self.selected.extend(others.iter().skip(self.selected.len()).cloned());
    }
}

/// What was counted, and of it what was sent while the target warmed up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tallies {
    /// What counts in rates, latencies and thresholds, and what is of no request alone: rounds, races and connections.
    pub(crate) measured: Tally,
    /// Requests that do not count there, if there are any.
    pub(crate) warm_up: Option<Box<Tally>>,
}

impl Tallies {
    /// Adds those of another lane.
    pub(crate) fn add(&mut self, other: &Self) {
        self.measured.add(&other.measured);
        if let Some(warm_up) = &other.warm_up {
            self.warm_up.get_or_insert_default().add_counts(warm_up);
        }
    }

    /// Adds all that was counted there as what does not count here.
    pub(crate) fn add_as_warm_up(&mut self, other: &Self) {
        self.warm_up.get_or_insert_default().add_counts(&other.whole());
    }

    /// Where what was planned for this moment is counted.
    pub(crate) fn of(&mut self, t_planned: u64, measured_from_ns: u64) -> &mut Tally {
        if t_planned < measured_from_ns { self.warm_up.get_or_insert_default() } else { &mut self.measured }
    }

    /// All that was counted; latencies are those that were measured.
    pub(crate) fn whole(&self) -> Tally {
        let mut whole = self.measured.clone();
        self.warm_up.iter().for_each(|warm_up| whole.add_counts(warm_up));
        whole
    }
}

/// How many events an acknowledgement of others refuses.
fn refused_of(answer: &Answer) -> u64 {
    match &answer.kinds {
        Kinds::Each(kinds) => kinds.iter().filter(|kind| **kind == Kind::Rejected).count() as u64,
        Kinds::Untold | Kinds::AllNew | Kinds::AllDuplicate => 0,
    }
}

/// How many events an acknowledgement says were new and were duplicates: from what it says of each, else from its
/// counts, unless these claim more than was sent.
fn told_of(answer: &Answer, events: u64) -> (Option<u64>, Option<u64>) {
    match &answer.kinds {
        Kinds::AllNew => (Some(events), Some(0)),
        Kinds::AllDuplicate => (Some(0), Some(events)),
        Kinds::Each(kinds) => {
            let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count() as u64;
            (Some(count(Kind::New)), Some(count(Kind::Duplicate)))
        }
        Kinds::Untold => {
            let (inserted, duplicates) = (answer.inserted.map(u64::from), answer.duplicates.map(u64::from));
            let claimed = inserted.unwrap_or(0) + duplicates.unwrap_or(0);
            if claimed <= events { (inserted, duplicates) } else { (None, None) }
        }
    }
}

#[cfg(test)]
mod tests {
    use truth::target::Target;

    use super::*;

    fn count(body: &str, events: u32) -> (Tally, Told) {
        let answer = Answer::classify(&Target::default(), 200, body.as_bytes(), events);
        let mut tally = Tally::default();
        let told = tally.answered(&answer, 200, u64::from(events));
        (tally, told)
    }

    #[test]
    fn the_sums_of_the_answers_are_what_the_answers_say() {
        let (mut tally, told) = count(r#"{"accepted":3,"inserted":2,"duplicates":1}"#, 3);
        assert_eq!((told.acked, told.new, told.duplicate), (3, 2, 1));
        assert_eq!((tally.received, tally.inserted, tally.duplicates), (3, 2, 1));
        let (other, told) = count(r#"{"results":["inserted","duplicate","duplicate"]}"#, 3);
        assert_eq!(
            (told.new, told.duplicate),
            (1, 2),
            "what is said of each counts where there are no counts"
        );
        tally.add(&other);
        assert_eq!((tally.received, tally.inserted, tally.duplicates), (6, 3, 3));
        assert!(!tally.inserted_untold);
    }

    #[test]
    fn an_answer_that_does_not_tell_leaves_the_sum_open() {
        let (tally, told) = count(r#"{"status":"ok"}"#, 5);
        assert_eq!((told.acked, told.new), (5, 0));
        assert!(tally.inserted_untold && tally.duplicates_untold);
        assert_eq!(tally.received, 5, "an acknowledgement without a count is one of all that was sent");
    }

    #[test]
    fn a_part_that_was_refused_is_not_acknowledged() {
        let kinds = Kinds::Each(vec![Kind::New, Kind::Rejected, Kind::Duplicate, Kind::Accepted]);
        let answer = Answer { kinds, ..Answer::bare(Outcome::Acked) };
        let mut tally = Tally::default();
        let told = tally.answered(&answer, 200, 4);
        assert_eq!((told.acked, told.new, told.duplicate), (3, 1, 1));
        assert_eq!((tally.rejected, tally.received), (1, 3));
    }

    #[test]
    fn counts_beyond_what_was_sent_are_no_bound_for_polls() {
        let (tally, told) = count(r#"{"accepted":3,"inserted":300,"duplicates":0}"#, 3);
        assert_eq!(told.new, 0);
        assert_eq!(tally.inserted, 300, "but the sum shows what was claimed");
    }
}
