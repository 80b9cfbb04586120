//! Meter: counts and measurements of a lane.
//!
//! Lanes share nothing here but [`live::LiveSums`]: each lane writes its own, and others only read
//! them.

pub(crate) mod counts;
mod kinds;
pub(crate) mod latency;
pub(crate) mod live;
pub(crate) mod selection;
pub(crate) mod troubles;

use std::ops::AddAssign;

use counts::Counts;
use kinds::{NotTaken, reported_kinds};
use latency::Latencies;
use live::Reported;
use selection::{Ended, Selected};
use truth::plan::event::Events;
use truth::target::Target;
use truth::target::answer::{Answer, Outcome};

use crate::connection::attempt::Lost;
use crate::connection::http1::malformed::Malformed;

/// Counts and measurements of one lane, or of a sum of lanes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    pub(crate) latencies: Latencies,
    /// Selections of the thresholds with tags; most runs have none.
    pub(crate) selected: Vec<Selected>,
}

impl Tally {
    /// Counts a request of which a byte has left.
    pub(crate) fn sent(&mut self, t_start_ns: u64, bytes: u64) {
        let counts = &mut self.counts;
        counts.requests_sent += 1;
        counts.sent_bytes += bytes;
        if counts.first_start_ns == 0 {
            counts.first_start_ns = t_start_ns;
        }
    }

    /// Counts an attempt with a response, and returns what the response reports.
    pub(crate) fn answered(&mut self, answer: &Answer, status: u16, events: u64) -> Reported {
        let counts = &mut self.counts;
        *counts.statuses.entry(status).or_default() += 1;
        match answer.outcome {
            Outcome::Acked => return self.acknowledged(answer, events),
            // The status is that of a success; the judge decides on the body.
            Outcome::Unclear => {
                counts.unclear += events;
                return Reported::default();
            }
            Outcome::Rejected => {
                counts.rejected += events;
                *counts.rejected_statuses.entry(status).or_default() += 1;
            }
            Outcome::Unknown | Outcome::NeverSent => {
                counts.unknown += events;
                counts.doubts.answer_undeclared += 1;
                *counts.undeclared_statuses.entry(status).or_default() += 1;
            }
        }
        counts.requests_failed += 1;
        Reported::default()
    }

    /// Counts an attempt that left and has no response.
    pub(crate) fn lost(&mut self, why: &Lost, events: u64) {
        let counts = &mut self.counts;
        counts.unknown += events;
        counts.requests_failed += 1;
        counts.troubles.lose(why);
        match why {
            Lost::TimedOut => counts.doubts.timed_out += 1,
            Lost::Broken(_) | Lost::Malformed(Malformed::Truncated) => {
                counts.doubts.connection_broke += 1;
                counts.connections.broken += 1;
            }
            Lost::Malformed(_) => counts.doubts.answer_malformed += 1,
        }
    }

    /// Counts an attempt that left and whose response is awaited no longer.
    pub(crate) fn given_up(&mut self, events: u64) {
        self.counts.unknown += events;
        self.counts.requests_failed += 1;
        self.counts.doubts.cut_short += 1;
    }

    /// Counts a try that has ended in the selections whose tags it bears.
    pub(crate) fn select(&mut self, ended: &Ended<'_>, events: &Events) {
        for selected in &mut self.selected {
            selected.record(ended, events);
        }
    }

    fn acknowledged(&mut self, answer: &Answer, events: u64) -> Reported {
        let kinds = reported_kinds(answer, events);
        let NotTaken { refused, unknown } = NotTaken::of(answer);
        let reported = Reported {
            acked: events - refused - unknown,
            new: kinds.new.unwrap_or(0),
            duplicate: kinds.duplicate.unwrap_or(0),
        };
        let counts = &mut self.counts;
        counts.rejected += refused;
        counts.unknown += unknown;
        counts.doubts.answer_undeclared += u64::from(unknown > 0);
        counts.acked += reported.acked;
        counts.reported_new += reported.new;
        counts.reported_duplicate += reported.duplicate;
        counts.received += answer.accepted.map_or(reported.acked, u64::from);
        match answer.inserted.map(u64::from).or(kinds.new) {
            Some(count) => counts.inserted += count,
            None => counts.inserted_unreported = true,
        }
        match answer.duplicates.map(u64::from).or(kinds.duplicate) {
            Some(count) => counts.duplicates += count,
            None => counts.duplicates_unreported = true,
        }
        reported
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        let Self { counts, latencies, selected } = other;
        self.counts += counts;
        self.latencies += latencies;
        // All lanes of a run have the same selections, in the same order; a sum begins without any.
        for (sum, more) in self.selected.iter_mut().zip(selected) {
            *sum += more;
        }
        self.selected.extend(selected.iter().skip(self.selected.len()).cloned());
    }
}

/// Tallies of what is measured, and of the warm-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tallies {
    /// Requests that count in rates, latencies and thresholds. Rounds, races and connections of the
    /// warm-up are counted here as well, because they belong to no single request.
    pub(crate) measured: Tally,
    /// Requests of the warm-up; none without one. Sums of it hold counts alone.
    pub(crate) warm_up: Option<Box<Tally>>,
}

impl Tallies {
    /// Adds all counts of an executor that is a warm-up as a whole.
    pub(crate) fn add_as_warm_up(&mut self, other: &Self) {
        self.warm_up.get_or_insert_default().counts += &other.counts();
    }

    /// Returns the tally of requests that are planned for this instant.
    pub(crate) fn of(&mut self, t_planned: u64, measured_from_ns: u64) -> &mut Tally {
        if t_planned < measured_from_ns { self.warm_up.get_or_insert_default() } else { &mut self.measured }
    }

    /// Counts unclear events as acknowledged if no response of the run fits the description of the
    /// target: then the status alone acknowledges. Rules say what each status means, so nothing is
    /// acknowledged beside them.
    #[must_use]
    pub(crate) fn with_unclear_settled(mut self, target: &Target) -> Self {
        if target.answers.is_empty() && self.counts().acked == 0 {
            self.measured.counts.acknowledge_unclear();
            if let Some(warm_up) = &mut self.warm_up {
                warm_up.counts.acknowledge_unclear();
            }
        }
        self
    }

    /// Returns all counts, those of the warm-up included.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.measured.counts.clone();
        if let Some(warm_up) = &self.warm_up {
            counts += &warm_up.counts;
        }
        counts
    }

    /// Returns all counts, with the latencies that were measured.
    pub(crate) fn into_whole(self) -> Tally {
        Tally { counts: self.counts(), ..self.measured }
    }
}

impl AddAssign<&Self> for Tallies {
    fn add_assign(&mut self, other: &Self) {
        let Self { measured, warm_up } = other;
        self.measured += measured;
        if let Some(warm_up) = warm_up {
            self.warm_up.get_or_insert_default().counts += &warm_up.counts;
        }
    }
}

#[cfg(test)]
mod tests {
    use truth::target::answer::{Kind, Kinds};

    use super::*;

    fn count(body: &str, events: u32) -> (Tally, Reported) {
        let answer = Answer::classify(&Target::default(), 200, body.as_bytes(), events);
        let mut tally = Tally::default();
        let reported = tally.answered(&answer, 200, u64::from(events));
        (tally, reported)
    }

    #[test]
    fn the_sums_of_the_answers_are_what_the_answers_say() {
        let (mut tally, reported) = count(r#"{"accepted":3,"inserted":2,"duplicates":1}"#, 3);
        assert_eq!((reported.acked, reported.new, reported.duplicate), (3, 2, 1));
        assert_eq!((tally.counts.received, tally.counts.inserted, tally.counts.duplicates), (3, 2, 1));
        let (other, reported) = count(r#"{"results":["inserted","duplicate","duplicate"]}"#, 3);
        assert_eq!(
            (reported.new, reported.duplicate),
            (1, 2),
            "what is said of each counts where there are no counts"
        );
        tally += &other;
        assert_eq!((tally.counts.received, tally.counts.inserted, tally.counts.duplicates), (6, 3, 3));
        assert!(!tally.counts.inserted_unreported);
    }

    #[test]
    fn an_answer_that_does_not_tell_leaves_the_sum_open() {
        let (tally, reported) = count(r#"{"status":"ok"}"#, 5);
        assert_eq!((reported.acked, reported.new), (5, 0));
        assert!(tally.counts.inserted_unreported && tally.counts.duplicates_unreported);
        assert_eq!(
            tally.counts.received, 5,
            "an acknowledgement without a count is one of all that was sent"
        );
    }

    #[test]
    fn a_part_that_was_refused_is_not_acknowledged() {
        let kinds =
            Kinds::Each(vec![Kind::New, Kind::Rejected, Kind::Duplicate, Kind::Accepted, Kind::Unknown]);
        let answer = Answer { kinds, ..Answer::bare(Outcome::Acked) };
        let mut tally = Tally::default();
        let reported = tally.answered(&answer, 200, 5);
        assert_eq!((reported.acked, reported.new, reported.duplicate), (3, 1, 1));
        assert_eq!((tally.counts.rejected, tally.counts.unknown, tally.counts.received), (1, 1, 3));
        assert_eq!((tally.counts.attempted(), tally.counts.doubts.answer_undeclared), (5, 1));
    }

    #[test]
    fn an_unclear_answer_is_no_failure_and_acknowledges_where_no_other_fits() {
        let tallies = |bodies: &[&str]| {
            let mut measured = Tally::default();
            for body in bodies {
                let (tally, reported) = count(body, 5);
                assert_eq!(reported.acked, tally.counts.acked);
                measured += &tally;
            }
            Tallies { measured, warm_up: None }.with_unclear_settled(&Target::default()).measured.counts
        };
        let mixed = tallies(&["OK", r#"{"accepted":5}"#, r#"{"accepted":4}"#]);
        assert_eq!((mixed.acked, mixed.unclear, mixed.received), (5, 10, 5));
        assert_eq!((mixed.attempted(), mixed.requests_failed), (15, 0));
        let text = tallies(&["OK", "OK"]);
        assert_eq!((text.acked, text.unclear, text.received), (10, 0, 10));
        assert!(text.inserted_unreported && text.duplicates_unreported);
    }

    #[test]
    fn counts_beyond_what_was_sent_are_no_bound_for_polls() {
        let (tally, reported) = count(r#"{"accepted":3,"inserted":300,"duplicates":0}"#, 3);
        assert_eq!(reported.new, 0);
        assert_eq!(tally.counts.inserted, 300, "but the sum shows what was claimed");
    }
}
