//! Counts of a lane, an executor or a run. Sums take both sides apart, so that no field can be
//! forgotten.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::Serialize;

use super::troubles::Troubles;

/// Reasons why attempts are unknown, counted in requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Doubts {
    /// No whole response within the timeout.
    pub(crate) timed_out: u64,
    /// The connection ended before the response did.
    pub(crate) connection_broke: u64,
    /// The response is not HTTP.
    pub(crate) answer_malformed: u64,
    /// A whole response whose status or body does not say what happened to the request.
    pub(crate) answer_undeclared: u64,
    /// Requests in flight when the run was cut short.
    pub(crate) cut_short: u64,
}

impl AddAssign for Doubts {
    fn add_assign(&mut self, other: Self) {
        let Self { timed_out, connection_broke, answer_malformed, answer_undeclared, cut_short } = other;
        self.timed_out += timed_out;
        self.connection_broke += connection_broke;
        self.answer_malformed += answer_malformed;
        self.answer_undeclared += answer_undeclared;
        self.cut_short += cut_short;
    }
}

/// Releases of more than one request, and the pairs of one key that they let race.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Races {
    /// Pairs of requests of one release that carry the same key.
    pub(crate) pairs_planned: u64,
    /// Pairs that were in flight at the same time.
    pub(crate) pairs_observed: u64,
    /// Releases whose requests left together.
    pub(crate) releases_complete: u64,
    /// Releases that did not find their connections in time.
    pub(crate) releases_incomplete: u64,
}

impl AddAssign for Races {
    fn add_assign(&mut self, other: Self) {
        let Self { pairs_planned, pairs_observed, releases_complete, releases_incomplete } = other;
        self.pairs_planned += pairs_planned;
        self.pairs_observed += pairs_observed;
        self.releases_complete += releases_complete;
        self.releases_incomplete += releases_incomplete;
    }
}

/// Connections by what happened to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Connections {
    /// Connections that were opened.
    pub(crate) opened: u64,
    /// Connections that ended during a request, or unexpectedly while idle.
    pub(crate) broken: u64,
    /// Connections that replaced another one.
    pub(crate) reconnects: u64,
    /// Tries to connect that failed.
    pub(crate) refused: u64,
}

impl AddAssign for Connections {
    fn add_assign(&mut self, other: Self) {
        let Self { opened, broken, reconnects, refused } = other;
        self.opened += opened;
        self.broken += broken;
        self.reconnects += reconnects;
        self.refused += refused;
    }
}

/// Counts of attempts. Every try of a request is an attempt of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Events that were acknowledged.
    pub(crate) acked: u64,
    /// Acknowledged events that the response calls new.
    pub(crate) reported_new: u64,
    /// Acknowledged events that the response calls duplicates.
    pub(crate) reported_duplicate: u64,
    pub(crate) rejected: u64,
    pub(crate) unknown: u64,
    /// Events of responses whose status acknowledges and whose body contradicts the description.
    pub(crate) unclear: u64,
    /// Events of which no byte left, in rounds that were opened.
    pub(crate) never_sent: u64,
    /// Events of the rounds that were opened.
    pub(crate) opened: u64,
    pub(crate) requests_sent: u64,
    /// Requests that were sent and not acknowledged.
    pub(crate) requests_failed: u64,
    pub(crate) retries: u64,
    /// Sum of the events that responses acknowledge.
    pub(crate) received: u64,
    /// Sum of the events that responses call new.
    pub(crate) inserted: u64,
    /// Sum of the events that responses call duplicates.
    pub(crate) duplicates: u64,
    /// Set when some response does not say how many events were new.
    pub(crate) inserted_unreported: bool,
    /// Set when some response does not say how many events were duplicates.
    pub(crate) duplicates_unreported: bool,
    /// Responses by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Responses by status that leave their events unknown.
    pub(crate) undeclared_statuses: BTreeMap<u16, u64>,
    /// Responses by status that reject all their events.
    pub(crate) rejected_statuses: BTreeMap<u16, u64>,
    pub(crate) doubts: Doubts,
    pub(crate) troubles: Troubles,
    pub(crate) races: Races,
    pub(crate) connections: Connections,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    /// Monotonic time of the first send; 0 before it.
    pub(crate) first_start_ns: u64,
    /// Monotonic time of the last end; 0 before it.
    pub(crate) last_end_ns: u64,
}

impl Counts {
    /// Returns the attempts that left, in events.
    pub(crate) fn attempted(&self) -> u64 {
        self.acked + self.rejected + self.unknown + self.unclear
    }

    /// Counts unclear events as acknowledged, without a report of new or duplicate.
    pub(super) fn acknowledge_unclear(&mut self) {
        let unclear = std::mem::take(&mut self.unclear);
        self.acked += unclear;
        self.received += unclear;
        self.inserted_unreported |= unclear > 0;
        self.duplicates_unreported |= unclear > 0;
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        let Self {
            acked,
            reported_new,
            reported_duplicate,
            rejected,
            unknown,
            unclear,
            never_sent,
            opened,
            requests_sent,
            requests_failed,
            retries,
            received,
            inserted,
            duplicates,
            inserted_unreported,
            duplicates_unreported,
            statuses,
            undeclared_statuses,
            rejected_statuses,
            doubts,
            troubles,
            races,
            connections,
            sent_bytes,
            received_bytes,
            first_start_ns,
            last_end_ns,
        } = other;
        self.acked += acked;
        self.reported_new += reported_new;
        self.reported_duplicate += reported_duplicate;
        self.rejected += rejected;
        self.unknown += unknown;
        self.unclear += unclear;
        self.never_sent += never_sent;
        self.opened += opened;
        self.requests_sent += requests_sent;
        self.requests_failed += requests_failed;
        self.retries += retries;
        self.received += received;
        self.inserted += inserted;
        self.duplicates += duplicates;
        self.inserted_unreported |= inserted_unreported;
        self.duplicates_unreported |= duplicates_unreported;
        add_each(&mut self.statuses, statuses);
        add_each(&mut self.undeclared_statuses, undeclared_statuses);
        add_each(&mut self.rejected_statuses, rejected_statuses);
        self.doubts += *doubts;
        self.troubles += troubles;
        self.races += *races;
        self.connections += *connections;
        self.sent_bytes += sent_bytes;
        self.received_bytes += received_bytes;
        self.first_start_ns = match (self.first_start_ns, *first_start_ns) {
            (0, first) | (first, 0) => first,
            (one, another) => one.min(another),
        };
        self.last_end_ns = self.last_end_ns.max(*last_end_ns);
    }
}

fn add_each(sums: &mut BTreeMap<u16, u64>, more: &BTreeMap<u16, u64>) {
    for (status, count) in more {
        *sums.entry(*status).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_the_first_start_and_the_last_end() {
        let mut sum = Counts::default();
        for (first_start_ns, last_end_ns) in [(0, 0), (7, 9), (5, 8), (0, 0)] {
            sum += &Counts { first_start_ns, last_end_ns, ..Counts::default() };
        }
        assert_eq!((sum.first_start_ns, sum.last_end_ns), (5, 9));
    }

    #[test]
    fn statuses_are_added_one_by_one() {
        let mut sum = Counts { statuses: BTreeMap::from([(200, 1), (503, 2)]), ..Counts::default() };
        sum += &Counts { statuses: BTreeMap::from([(200, 3), (404, 4)]), ..Counts::default() };
        assert_eq!(sum.statuses, BTreeMap::from([(200, 4), (404, 4), (503, 2)]));
    }
}
