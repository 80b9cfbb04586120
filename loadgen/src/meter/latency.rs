//! Latencies: response time from the planned instant, and service time from the send, side by side.

use std::ops::AddAssign;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

/// Lowest value: a microsecond, below which a clock reading is noise.
///
/// The bounds are fixed, because a histogram that grows has no bound on its memory.
const LOWEST_US: u64 = 1;

/// Highest value: an hour, after which every timeout has long passed.
const HIGHEST_US: u64 = 3_600 * 1_000_000;

/// Significant digits: three keep a p99 exact to a thousandth. They cost 188 KiB of address space a
/// histogram, of which only the pages around the occurring latencies are touched.
const DIGITS: u8 = 3;

/// Latencies of attempts that were answered or timed out, and their parts. An attempt whose
/// connection broke has no duration.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    /// Time from the planned instant to the whole response.
    pub(crate) response: Histogram<u64>,
    /// Time from the first byte sent to the whole response.
    pub(crate) service: Histogram<u64>,
    /// Time from the planned instant to the first byte sent, at a rate.
    pub(crate) lateness: Histogram<u64>,
    /// Lateness that the generator itself caused: time from the planned instant until it was
    /// noticed, where a connection was idle.
    pub(crate) lag: Histogram<u64>,
    /// Time to open each connection.
    pub(crate) connecting: Histogram<u64>,
    /// Time of each TLS handshake.
    pub(crate) tls_handshaking: Histogram<u64>,
    /// Time from the first byte sent to the first byte of the response.
    pub(crate) waiting: Histogram<u64>,
    /// Time from the first byte of the response to the last; 0 for a response that came at once.
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

    /// Records the time between a request's instant and its departure.
    pub(crate) fn record_lateness(&mut self, t_planned: u64, t_start: u64) {
        self.lateness.saturating_record(micros(t_start.saturating_sub(t_planned)));
    }

    /// Records the time between a request's instant and the moment it was noticed, where a
    /// connection was idle.
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

/// Latency as `summary.json` has it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
pub(crate) struct Quantiles {
    /// Number of requests that were measured.
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
    /// Returns the quantiles; none without a sample, because no sample is not 0 ms.
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

/// Returns an empty histogram.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS).expect("constant bounds that are valid")
}

/// Returns a time in the unit of the histograms.
pub(crate) fn micros(ns: u64) -> u64 {
    (ns / 1000).max(LOWEST_US)
}

/// Formats a time as k6 does: `345µs`, `1.23ms`, `2.5s`.
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
        let mut one = Latencies::default();
        let mut other = Latencies::default();
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
