//! Pictures of faults that are on no key: the charts and gauges on which such a fault can be seen.

use judge::verdict::{Check, CheckId, Judgement};

use super::charts::Charts;
use super::counter_charts;
use super::counters::{Oddity, Readings};
use super::gauge;
use super::markup::Markup;

/// Draws what shows the fault of a check; nothing where no picture would.
pub(super) fn draw(
    out: &mut Markup,
    check: &Check,
    verdict: &Judgement,
    charts: &mut Charts<'_>,
    readings: &Readings,
) {
    match check.name {
        CheckId::Counters | CheckId::Replay => {
            counter_charts::draw_odd(charts, out, readings, Oddity::Above);
            if let Some(slack) = &verdict.counters {
                gauge::draw(out, slack);
            }
        }
        CheckId::Epochs => counter_charts::draw_odd(charts, out, readings, Oddity::Fell),
        CheckId::Liveness => counter_charts::waiting(charts, out, readings),
        CheckId::RepeatRefused | CheckId::BatchCounts if !charts.are_empty() => charts.rate(out),
        _ => {}
    }
}
