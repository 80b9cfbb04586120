//! Latencies: response time from the planned instant, service time from the send, side by side.

use std::ops::AddAssign;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

/// From one microsecond to an hour: below it a clock reading is noise, above it every time-out has long passed.
/// The bounds are fixed, because a histogram that grows is memory without a bound.
const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 3_600 * 1_000_000;

/// Three digits keep a p99 exact to a thousandth. They cost 188 KiB of address space a histogram, of which only the
/// pages around the latencies that occur are ever touched.
const DIGITS: u8 = 3;

/// The latencies of attempts that were answered or timed out, and their parts. One whose connection broke has no duration.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    /// From the planned instant to the whole answer.
    pub(crate) response: Histogram<u64>,
    /// From the first byte written to the whole answer.
    pub(crate) service: Histogram<u64>,
    /// Of a run with a rate: from the planned instant to the first byte written.
    pub(crate) lateness: Histogram<u64>,
    /// The part of it that is our own: from the planned instant until it was noticed, where a connection was idle.
    pub(crate) lag: Histogram<u64>,
    /// Of each connection: until it was there.
    pub(crate) connecting: Histogram<u64>,
    /// From then until TLS was agreed on.
    pub(crate) tls_handshaking: Histogram<u64>,
    /// Of each request that was answered: from the first byte written to the first byte of the answer.
    pub(crate) waiting: Histogram<u64>,
    /// From then to the whole answer; nothing for an answer that came at once.
    pub(crate) receiving: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            response: histogram(),
            service: histogram(),
            lateness: histogram(),
            lag: histogram(),
            connecting: histogram(),
            tls_handshaking: histogram(),
            waiting: histogram(),
            receiving: histogram(),
        }
    }
}

impl Latencies {
    /// Records one attempt, in nanoseconds of the monotonic clock.
    pub(crate) fn record(&mut self, t_planned: u64, t_start: u64, t_end: u64) {
        self.response.saturating_record(micros(t_end.saturating_sub(t_planned)));
        self.service.saturating_record(micros(t_end.saturating_sub(t_start)));
    }

    /// Records the parts of one request that was answered.
    pub(crate) fn record_parts(&mut self, t_start: u64, t_first: u64, t_end: u64) {
        self.waiting.saturating_record(micros(t_first.saturating_sub(t_start)));
        self.receiving.saturating_record(micros(t_end.saturating_sub(t_first)));
    }

    /// Records how long after its instant a request left.
    pub(crate) fn record_lateness(&mut self, t_planned: u64, t_start: u64) {
        self.lateness.saturating_record(micros(t_start.saturating_sub(t_planned)));
    }

    /// Records how long after its instant a request was noticed, for which a connection was idle.
    pub(crate) fn record_lag(&mut self, t_planned: u64, now: u64) {
        self.lag.saturating_record(micros(now.saturating_sub(t_planned)));
    }
}

impl AddAssign<&Self> for Latencies {
    /// Adds the histograms of another lane. The sums are exact, because all bounds are the same.
    fn add_assign(&mut self, other: &Self) {
        let Self { response, service, lateness, lag, connecting, tls_handshaking, waiting, receiving } =
            other;
        let same = "histograms of the same bounds";
        self.response.add(response).expect(same);
        self.service.add(service).expect(same);
        self.lateness.add(lateness).expect(same);
        self.lag.add(lag).expect(same);
        self.connecting.add(connecting).expect(same);
        self.tls_handshaking.add(tls_handshaking).expect(same);
        self.waiting.add(waiting).expect(same);
        self.receiving.add(receiving).expect(same);
    }
}

/// A latency as `summary.json` has it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
pub(crate) struct Quantiles {
    /// Requests that were measured.
    pub(crate) samples: u64,
    pub(crate) avg_ms: f64,
    pub(crate) min_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
}

impl Quantiles {
    /// `None` without a sample: no samples are not zero milliseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let ms = |us: u64| us as f64 / 1000.0;
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Self {
            samples: histogram.len(),
            avg_ms: (histogram.mean()).round() / 1000.0,
            min_ms: ms(histogram.min()),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: ms(histogram.max()),
        })
    }
}

/// An empty one.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS).expect("constant bounds that are valid")
}

/// A length of time as histograms have it.
pub(crate) fn micros(ns: u64) -> u64 {
    (ns / 1000).max(LOWEST_US)
}

/// As k6 writes lengths of time: `345µs`, `1.23ms`, `2.5s`.
pub(crate) fn ms(ms: f64) -> String {
    if ms < 1.0 {
        format!("{:.0}µs", ms * 1000.0)
    } else if ms < 1000.0 {
        format!("{ms:.2}ms")
    } else {
        format!("{:.2}s", ms / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_to_a_thousandth_and_lanes_merge() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        for ms in 1..=1000_u64 {
            let lane = if ms % 2 == 0 { &mut one } else { &mut other };
            lane.record(0, 500_000, ms * 1_000_000);
        }
        one += &other;
        let response = Quantiles::of(&one.response).unwrap();
        assert_eq!(response.samples, 1000);
        for (found, expected) in
            [(response.p50_ms, 500.0), (response.p99_ms, 990.0), (response.max_ms, 1000.0)]
        {
            assert!((found / expected - 1.0).abs() < 0.001, "{found} {expected}");
        }
        let service = Quantiles::of(&one.service).unwrap();
        assert!(service.p50_ms < response.p50_ms);
    }

    #[test]
    fn no_sample_is_not_zero() {
        assert_eq!(Quantiles::of(&Latencies::default().response), None);
    }

    #[test]
    fn what_lies_beyond_the_bounds_stands_at_them() {
        let mut latencies = Latencies::default();
        latencies.record(10, 10, 10);
        latencies.record(0, 0, u64::MAX);
        let all = Quantiles::of(&latencies.response).unwrap();
        assert_eq!((all.samples, all.min_ms), (2, 0.001));
        assert!(all.max_ms >= 3_599_000.0);
    }
}
