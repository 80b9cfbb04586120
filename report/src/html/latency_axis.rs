//! Axis of latencies: logarithms to base 10 of microseconds.

use truth::record::series::times::Times;
use truth::record::series::{Bin, Series};

use super::axis::{Range, decades};
use crate::units::time;

/// Returns the range of a chart; none without a response.
pub(super) fn range(whole: &Times, series: &Series, times: fn(&Bin) -> &Times) -> Option<Range> {
    let most = whole.max_us()?.max(1) as f64;
    let medians = series.bins.iter().filter_map(|bin| times(bin).quantile_us(0.5));
    let least = medians.min().unwrap_or(1).max(1) as f64;
    // A little room on either side.
    Some(Range { from: least.log10() - 0.12, to: most.log10().max(least.log10() + 0.4) + 0.12 })
}

/// Returns the marks of an axis with their texts: decades, and steps between them where there are
/// few.
pub(super) fn labels(range: Range) -> Vec<(f64, String)> {
    let mut marks = decades(range);
    if marks.len() < 3 {
        let low = range.from.floor() as i64;
        let high = range.to.ceil() as i64;
        let steps = [1.0_f64, 2.0, 5.0].map(f64::log10);
        let all = (low..=high).flat_map(|decade| steps.map(|step| decade as f64 + step));
        marks = all.filter(|mark| (range.from..=range.to).contains(mark)).collect();
    }
    marks.into_iter().map(|mark| (mark, time(10_f64.powf(mark).round() as u64))).collect()
}
