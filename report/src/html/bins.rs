//! Series of a run, made fit for charts: values per bin, for the curves and for the cross-hair.

use truth::record::series::times::Times;
use truth::record::series::{Bin, MOST_BINS, Series};

use super::counters::CounterPoint;

/// Returns the series with as many bins as charts show. The more requests, the finer it is: each bin
/// holds some, and a burst is not drawn as a comb.
pub(super) fn fit_for_charts(series: &Series) -> Series {
    let requests: u64 = series.bins.iter().map(|bin| bin.requests).sum();
    series.coarsened(((requests as f64).sqrt() * 2.5).round().clamp(40.0, MOST_BINS as f64) as usize)
}

/// Values of one number, bin by bin.
pub(super) fn values(series: &Series, of: impl Fn(&Bin) -> u64) -> Vec<f64> {
    series.bins.iter().map(|bin| of(bin) as f64).collect()
}

/// Values of one number a second.
pub(super) fn per_second(series: &Series, of: impl Fn(&Bin) -> u64) -> Vec<f64> {
    let seconds = (series.width_ns.max(1) as f64) / 1e9;
    values(series, of).into_iter().map(|value| value / seconds).collect()
}

/// Quantiles that charts show; the last one is the maximum.
pub(super) const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)];

/// A quantile in microseconds, bin by bin; none where no response belongs.
pub(super) fn quantile(series: &Series, times: fn(&Bin) -> &Times, quantile: f64) -> Vec<Option<f64>> {
    series.bins.iter().map(|bin| times(bin).quantile_us(quantile).map(|micros| micros as f64)).collect()
}

/// A value of the last reading of the counters at the end of each bin; none before the first.
pub(super) fn readings<T: Copy>(
    series: &Series,
    points: &[CounterPoint],
    of: impl Fn(&CounterPoint) -> Option<T>,
) -> Vec<Option<T>> {
    let mut points = points.iter().peekable();
    let mut last = None;
    let bins = series.bins.len() as u64;
    let begin = series.start_ns / 1000;
    let reading = |bin: u64| {
        // The closing poll comes after the last response.
        let is_last = bin + 1 == bins;
        let end = if is_last { u64::MAX } else { begin + (bin + 1) * series.width_ns / 1000 };
        while let Some(point) = points.next_if(|point| point.t_us <= end) {
            last = of(point).or(last);
        }
        last
    };
    (0..bins).map(reading).collect()
}
