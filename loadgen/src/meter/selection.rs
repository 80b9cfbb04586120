//! Selections: the requests and events that bear the tags of a threshold, counted and measured
//! apart.

use std::ops::AddAssign;
use std::sync::Arc;

use hdrhistogram::Histogram;
use truth::plan::event::Events;
use truth::scenario::Demand;
use truth::scenario::threshold::{Fate, Metric, Tags};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

use super::kinds::{ReportedKinds, reported_kinds};
use super::latency::{histogram, micros};

/// Tags of a threshold, and the metrics to measure under them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Selection {
    tags: Tags,
    /// Place of the tagged topic among the plan's, if a topic is tagged.
    topic: Option<usize>,
    /// True if another executor is tagged, so that nothing here bears the tags.
    is_elsewhere: bool,
    /// Metrics of time that are asked for; each has a histogram.
    trends: Vec<Metric>,
}

/// Try that has left and has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// Keys that it carried.
    pub(crate) ordinals: &'a [u64],
    /// Status of the response; 0 without one.
    pub(crate) status: u16,
    pub(crate) answer: &'a Answer,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) t_planned: u64,
    pub(crate) t_start: u64,
    /// Instant of the response or the timeout; none if the try has no duration.
    pub(crate) t_end: Option<u64>,
    /// True if its instant was planned, so that it can be late.
    pub(crate) is_paced: bool,
}

/// Counts of what bears the tags, of one lane or of a sum of lanes.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    selection: Arc<Selection>,
    /// Number of requests.
    pub(crate) requests: u64,
    /// Number of requests that were not acknowledged.
    pub(crate) failed: u64,
    pub(crate) events: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    /// Set if the tags ask for new or duplicate, and some response does not say which a request
    /// was.
    pub(crate) has_unreported_requests: bool,
    /// Set if some response does not say it of single events.
    pub(crate) has_unreported_events: bool,
    /// Histograms of the selection's metrics, in their order.
    trends: Vec<Histogram<u64>>,
}

/// Fates of some events of one try.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Fates {
    all: u64,
    acked: u64,
    rejected: u64,
    unknown: u64,
    /// Number of new events; none if the response does not say it.
    new: Option<u64>,
    duplicate: Option<u64>,
}

impl Selection {
    /// Returns a selection for each set of tags in these thresholds, as the lanes of this executor
    /// see it.
    pub(crate) fn all_of(demands: &[Demand], topics: &[String], executor: Option<&str>) -> Vec<Arc<Self>> {
        let mut all: Vec<Self> = Vec::new();
        // A scenario was checked when it was read.
        for threshold in demands.iter().filter_map(|demand| demand.parse().ok()) {
            let tags = threshold.tags;
            let metric = threshold.metric;
            if tags.is_empty() {
                continue;
            }
            let at = all.iter().position(|selection| selection.tags == tags).unwrap_or_else(|| {
                let named = tags.topic.as_ref();
                let topic = named.and_then(|named| topics.iter().position(|topic| topic == named));
                let is_elsewhere = tags.executor.is_some() && tags.executor.as_deref() != executor;
                all.push(Self { tags, topic, is_elsewhere, trends: Vec::new() });
                all.len() - 1
            });
            let trends = &mut all[at].trends;
            if metric.is_trend() && !trends.contains(&metric) {
                trends.push(metric);
            }
        }
        all.into_iter().map(Arc::new).collect()
    }

    /// True if a request bears the tags; none if its response does not say it.
    fn bears(&self, fates: Fates, outcome: Outcome) -> Option<bool> {
        let all_of = |count: Option<u64>| Some(count? == fates.all);
        match self.tags.outcome {
            None => Some(true),
            Some(Fate::Acked) => Some(outcome == Outcome::Acked),
            Some(Fate::Rejected) => Some(outcome == Outcome::Rejected),
            Some(Fate::Unknown) => Some(matches!(outcome, Outcome::Unknown | Outcome::Unclear)),
            Some(Fate::New | Fate::Duplicate) if outcome != Outcome::Acked => Some(false),
            Some(Fate::New) => all_of(fates.new),
            Some(Fate::Duplicate) => all_of(fates.duplicate),
        }
    }
}

impl Selected {
    /// Returns empty counts.
    pub(crate) fn new(selection: &Arc<Selection>) -> Self {
        Self {
            selection: Arc::clone(selection),
            requests: 0,
            failed: 0,
            events: 0,
            sent_bytes: 0,
            received_bytes: 0,
            has_unreported_requests: false,
            has_unreported_events: false,
            trends: selection.trends.iter().map(|_| histogram()).collect(),
        }
    }

    /// True if these are its tags.
    pub(crate) fn is_of(&self, tags: &Tags) -> bool {
        self.selection.tags == *tags
    }

    /// Returns the times of a metric that some threshold asks for under these tags.
    pub(crate) fn trend(&self, metric: Metric) -> Option<&Histogram<u64>> {
        let at = self.selection.trends.iter().position(|known| *known == metric)?;
        self.trends.get(at)
    }

    /// Counts a try if it bears the tags.
    pub(crate) fn record(&mut self, ended: &Ended<'_>, events: &Events) {
        let selection = Arc::clone(&self.selection);
        if selection.is_elsewhere || selection.tags.status.is_some_and(|status| status != ended.status) {
            return;
        }
        let of_request = Fates::of(ended.answer, 0..ended.ordinals.len(), ended.ordinals.len());
        let of_events = match selection.topic {
            None => of_request,
            Some(topic) => {
                let is_of_it = |place: &usize| events.topic_index(ended.ordinals[*place]) == topic;
                let places: Vec<usize> = (0..ended.ordinals.len()).filter(is_of_it).collect();
                if places.is_empty() {
                    return;
                }
                Fates::of(ended.answer, places.iter().copied(), ended.ordinals.len())
            }
        };
        let counted = of_events.of_fate(selection.tags.outcome);
        self.events += counted.unwrap_or(0);
        self.has_unreported_events |= counted.is_none();
        let bears = selection.bears(of_request, ended.answer.outcome);
        self.has_unreported_requests |= bears.is_none();
        if bears == Some(true) {
            self.record_request(ended);
        }
    }

    fn record_request(&mut self, ended: &Ended<'_>) {
        self.requests += 1;
        self.failed += u64::from(!matches!(ended.answer.outcome, Outcome::Acked | Outcome::Unclear));
        self.sent_bytes += ended.sent_bytes;
        self.received_bytes += ended.received_bytes;
        for (metric, histogram) in self.selection.trends.iter().zip(&mut self.trends) {
            let span = match metric {
                Metric::HttpReqDuration => ended.t_end.map(|t_end| (ended.t_start, t_end)),
                Metric::ResponseTime => ended.t_end.map(|t_end| (ended.t_planned, t_end)),
                _ => ended.is_paced.then_some((ended.t_planned, ended.t_start)),
            };
            if let Some((from, to)) = span {
                histogram.saturating_record(micros(to.saturating_sub(from)));
            }
        }
    }
}

impl AddAssign<&Self> for Selected {
    /// Adds the counts of another lane for the same selection. The sums are exact, because all
    /// bounds are the same.
    fn add_assign(&mut self, other: &Self) {
        let Self {
            selection: _,
            requests,
            failed,
            events,
            sent_bytes,
            received_bytes,
            has_unreported_requests,
            has_unreported_events,
            trends,
        } = other;
        self.requests += requests;
        self.failed += failed;
        self.events += events;
        self.sent_bytes += sent_bytes;
        self.received_bytes += received_bytes;
        self.has_unreported_requests |= has_unreported_requests;
        self.has_unreported_events |= has_unreported_events;
        for (sum, more) in self.trends.iter_mut().zip(trends) {
            sum.add(more).expect("histograms of the same bounds");
        }
    }
}

impl Fates {
    /// Returns the fates of the events at these places of a request of `sent` events.
    fn of(answer: &Answer, places: impl ExactSizeIterator<Item = usize>, sent: usize) -> Self {
        let all = places.len() as u64;
        let nothing = Self { all, new: Some(0), duplicate: Some(0), ..Self::default() };
        match (answer.outcome, &answer.kinds) {
            (Outcome::Rejected, _) => Self { rejected: all, ..nothing },
            (Outcome::Unknown | Outcome::Unclear | Outcome::NeverSent, _) => Self { unknown: all, ..nothing },
            (Outcome::Acked, Kinds::Each(kinds)) => {
                let kinds = places.map(|place| kinds.get(place).copied().unwrap_or(Kind::Accepted));
                kinds.fold(nothing, Self::and)
            }
            // Counts say nothing of a part of the events.
            (Outcome::Acked, Kinds::Unreported) if all < sent as u64 => {
                Self { acked: all, new: None, duplicate: None, ..nothing }
            }
            (Outcome::Acked, Kinds::Unreported | Kinds::AllNew | Kinds::AllDuplicate) => {
                let ReportedKinds { new, duplicate } = reported_kinds(answer, all);
                Self { acked: all, new, duplicate, ..nothing }
            }
        }
    }

    /// Adds one more event, of which the response says this kind.
    fn and(mut self, kind: Kind) -> Self {
        let more = |count: Option<u64>| count.map(|count| count + 1);
        self.acked += u64::from(kind.is_taken());
        match kind {
            Kind::New => self.new = more(self.new),
            Kind::Duplicate => self.duplicate = more(self.duplicate),
            Kind::Accepted => (self.new, self.duplicate) = (None, None),
            Kind::Rejected => self.rejected += 1,
            Kind::Unknown => self.unknown += 1,
        }
        self
    }

    /// Returns how many events had this fate; none if that was not reported.
    fn of_fate(self, fate: Option<Fate>) -> Option<u64> {
        match fate {
            None => Some(self.all),
            Some(Fate::Acked) => Some(self.acked),
            Some(Fate::New) => self.new,
            Some(Fate::Duplicate) => self.duplicate,
            Some(Fate::Rejected) => Some(self.rejected),
            Some(Fate::Unknown) => Some(self.unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use truth::scenario::Scenario;

    use super::*;
    use crate::meter::Tally;

    fn demand(threshold: &str) -> Demand {
        Demand {
            threshold: threshold.to_owned(),
            abort_on_fail: false,
            delay_abort_eval: std::time::Duration::ZERO,
        }
    }

    /// Lane whose thresholds have these metrics.
    struct Lane {
        events: Events,
        tally: Tally,
    }

    impl Lane {
        fn new(metrics: &[&str]) -> Self {
            let plan = Scenario::default().plan(1, 1).unwrap();
            let demands: Vec<Demand> =
                metrics.iter().map(|metric| demand(&format!("{metric}: count<1"))).collect();
            let selections = Selection::all_of(&demands, &plan.topics, Some("steady"));
            let selected = selections.iter().map(Selected::new).collect();
            Self { events: Events::new(&plan), tally: Tally { selected, ..Tally::default() } }
        }

        /// Returns keys of this topic.
        fn keys(&self, topic: &str, count: usize) -> Vec<u64> {
            (0..).filter(|ordinal| self.events.topic(*ordinal) == topic).take(count).collect()
        }

        /// Records a try that took `ms` milliseconds, and had waited for as long.
        fn record(&mut self, ordinals: &[u64], status: u16, answer: &Answer, ms: u64) {
            let ended = Ended {
                ordinals,
                status,
                answer,
                sent_bytes: 10,
                received_bytes: 20,
                t_planned: 5,
                t_start: 5 + ms * 1_000_000,
                t_end: (status > 0).then_some(5 + 2 * ms * 1_000_000),
                is_paced: true,
            };
            self.tally.select(&ended, &self.events);
        }

        /// Returns the requests and events of the selections, in order.
        fn counts(&self) -> Vec<(u64, u64)> {
            self.tally.selected.iter().map(|selected| (selected.requests, selected.events)).collect()
        }
    }

    fn acked(kinds: Kinds) -> Answer {
        Answer { kinds, ..Answer::bare(Outcome::Acked) }
    }

    #[test]
    fn a_request_bears_its_status_its_outcome_and_every_topic_that_it_carries() {
        let mut lane = Lane::new(&[
            "http_reqs{status:200}",
            "http_reqs{status:0}",
            "http_reqs{topic:auth}",
            "http_reqs{topic:orders}",
            "http_reqs{topic:orders,status:503}",
            "http_reqs{outcome:acked}",
            "http_reqs{outcome:rejected}",
            "http_reqs{outcome:unknown}",
            "http_reqs{executor:steady}",
            "http_reqs{executor:burst}",
        ]);
        let auth = lane.keys("auth", 3);
        let orders = lane.keys("orders", 2);
        let both = [&auth[..], &orders].concat();
        lane.record(&both, 200, &acked(Kinds::Unreported), 1);
        lane.record(&orders, 503, &Answer::bare(Outcome::Rejected), 1);
        lane.record(&auth, 0, &Answer::bare(Outcome::Unknown), 1);
        let expected = [(1, 5), (1, 3), (2, 6), (2, 4), (1, 2), (1, 5), (1, 2), (1, 3), (3, 10), (0, 0)];
        assert_eq!(lane.counts(), expected);
        let of_orders = &lane.tally.selected[3];
        assert_eq!((of_orders.failed, of_orders.sent_bytes, of_orders.received_bytes), (1, 20, 40));
    }

    #[test]
    fn a_request_is_new_if_all_its_events_are_and_events_are_one_by_one() {
        let mut lane = Lane::new(&[
            "events{outcome:new}",
            "events{outcome:duplicate}",
            "events{outcome:rejected}",
            "events{outcome:duplicate,topic:orders}",
        ]);
        let auth = lane.keys("auth", 2);
        let orders = lane.keys("orders", 2);
        let both = [&auth[..], &orders].concat();
        let kinds = vec![Kind::New, Kind::Rejected, Kind::Duplicate, Kind::New];
        lane.record(&both, 200, &acked(Kinds::Each(kinds)), 1);
        assert_eq!(lane.counts(), [(0, 2), (0, 1), (0, 1), (0, 1)]);
        lane.record(&auth, 200, &acked(Kinds::AllNew), 1);
        lane.record(&orders, 200, &acked(Kinds::AllDuplicate), 1);
        assert_eq!(lane.counts(), [(1, 4), (1, 3), (0, 1), (1, 3)]);
        assert!(
            !lane.tally.selected.iter().any(|one| one.has_unreported_requests || one.has_unreported_events)
        );
    }

    #[test]
    fn counts_tell_of_all_events_together_and_not_of_a_topic() {
        let mut lane = Lane::new(&["events{outcome:new}", "events{outcome:new,topic:orders}"]);
        let both = [lane.keys("auth", 2), lane.keys("orders", 2)].concat();
        let counted = Answer { inserted: Some(3), duplicates: Some(1), ..acked(Kinds::Unreported) };
        lane.record(&both, 200, &counted, 1);
        assert_eq!(lane.counts(), [(0, 3), (0, 0)]);
        let unreported = |lane: &Lane| -> Vec<(bool, bool)> {
            let selected = lane.tally.selected.iter();
            selected.map(|one| (one.has_unreported_requests, one.has_unreported_events)).collect()
        };
        assert_eq!(unreported(&lane), [(false, false), (false, true)]);
        lane.record(&both, 200, &acked(Kinds::Unreported), 1);
        assert_eq!(unreported(&lane), [(true, true), (true, true)], "nothing at all was reported");
    }

    #[test]
    fn latencies_are_measured_where_they_are_asked_for_and_lanes_add_up() {
        let metrics = ["http_req_duration{status:200}", "lateness{status:200}", "response_time{status:0}"];
        let mut one = Lane::new(&metrics);
        let mut other = Lane::new(&metrics);
        assert_eq!(one.tally.selected.len(), 2, "one for each set of tags");
        one.record(&[1], 200, &acked(Kinds::Unreported), 3);
        one.record(&[1], 503, &Answer::bare(Outcome::Rejected), 30);
        other.record(&[1], 200, &acked(Kinds::Unreported), 4);
        other.record(&[1], 0, &Answer::bare(Outcome::Unknown), 40);
        let mut all = Tally::default();
        all += &one.tally;
        all += &other.tally;
        let samples = |place: usize, metric| {
            all.selected[place].trend(metric).map(|samples: &Histogram<u64>| samples.len())
        };
        let max = |metric| all.selected[0].trend(metric).map(Histogram::max).unwrap();
        assert_eq!(samples(0, Metric::HttpReqDuration), Some(2));
        assert!(
            (4_000..4_010).contains(&max(Metric::HttpReqDuration))
                && (4_000..4_010).contains(&max(Metric::Lateness))
        );
        assert_eq!(samples(0, Metric::ResponseTime), None, "nobody asks for it");
        assert_eq!(samples(1, Metric::ResponseTime), Some(0), "what was given up has no duration");
        assert_eq!(all.selected.iter().map(|one| one.requests).collect::<Vec<_>>(), [2, 1]);
    }
}
