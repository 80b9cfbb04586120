//! Charts with one time axis. The axis is in percent of the width, and a curve stretches with it, so
//! that a chart is as sharp on a phone as on a wall.

use super::axis::{Range, marks};
use super::markup::{Markup, html, text};
use crate::fault::FaultSpan;
use crate::units::time;

/// Time axis of all charts.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeAxis<'a> {
    /// Beginning, in microseconds since the first frame of the ledger.
    pub(super) from_us: u64,
    /// Width of a bin.
    pub(super) bin_us: u64,
    /// Number of bins.
    pub(super) bins: usize,
    /// Faults to shade.
    pub(super) faults: &'a [FaultSpan],
}

/// Height of the times below a chart.
const BELOW: u32 = 18;

/// Units of height inside a curve.
const UNITS: f64 = 1000.0;

impl TimeAxis<'_> {
    fn to_us(self) -> u64 {
        self.from_us + self.bin_us * self.bins as u64
    }

    fn range(self) -> Range {
        Range { from: self.from_us as f64, to: self.to_us() as f64 }
    }
}

/// Mark at a moment that a reader should look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    /// Moment, in microseconds since the first frame of the ledger.
    pub(super) t_us: u64,
    pub(super) text: String,
}

/// Chart in the making.
pub(super) struct Plot<'a> {
    axis: TimeAxis<'a>,
    height: u32,
    /// Range of the values, or of their logarithms.
    range: Range,
    curves: Markup,
    pub(super) marks: Vec<Mark>,
}

impl<'a> Plot<'a> {
    pub(super) fn new(axis: TimeAxis<'a>, height: u32, range: Range) -> Self {
        Self { axis, height, range, curves: Markup::default(), marks: Vec::new() }
    }

    fn y(&self, value: f64) -> u32 {
        (UNITS - self.range.place(value) * UNITS).round() as u32
    }

    /// Adds an area of steps from 0 to these values, one for each bin.
    pub(super) fn area(&mut self, class: &str, values: &[f64]) {
        let bottom = self.y(self.range.from);
        html!(self.curves, "<path class=\"area {class}\" d=\"M0 {bottom}");
        let mut last = bottom;
        for (nth, value) in values.iter().enumerate() {
            let y = self.y(*value);
            if y != last {
                html!(self.curves, "H{nth}V{y}");
                last = y;
            }
        }
        html!(self.curves, "H{}V{bottom}Z\"/>", values.len());
    }

    /// Adds an area between two curves.
    pub(super) fn band(&mut self, class: &str, values: &[Option<Range>]) {
        for (first, run) in runs(values) {
            html!(self.curves, "<path class=\"band {class}\" d=\"M{first} {}", self.y(run[0].to));
            for (nth, range) in (first..).zip(&run) {
                html!(self.curves, "V{}H{}", self.y(range.to), nth + 1);
            }
            for (nth, range) in (first..).zip(&run).collect::<Vec<_>>().into_iter().rev() {
                html!(self.curves, "V{}H{nth}", self.y(range.from));
            }
            html!(self.curves, "Z\"/>");
        }
    }

    /// Adds a line of steps, broken where there is no value.
    pub(super) fn line(&mut self, class: &str, values: &[Option<f64>]) {
        html!(self.curves, "<path class=\"line {class}\" d=\"");
        for (first, run) in runs(values) {
            let mut last = self.y(run[0]);
            html!(self.curves, "M{first} {last}");
            for (nth, value) in (first..).zip(&run) {
                let y = self.y(*value);
                if y != last {
                    html!(self.curves, "H{nth}V{y}");
                    last = y;
                }
            }
            html!(self.curves, "H{}", first + run.len());
        }
        html!(self.curves, "\"/>");
    }

    /// Draws the chart, with marks at these values.
    pub(super) fn draw(self, out: &mut Markup, label: &str, values: &[(f64, String)]) {
        let Self { axis, height, range, curves, .. } = &self;
        let whole = height + BELOW;
        html!(out, "<div class=\"row\">");
        draw_values(
            out,
            whole,
            values
                .iter()
                .map(|(value, shown)| (f64::from(*height) * (1.0 - range.place(*value)), shown.as_str())),
        );
        html!(
            out,
            "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" width=\"100%\" height=\"{whole}\">",
            text(label)
        );
        for (value, _) in values {
            let y = f64::from(*height) * (1.0 - range.place(*value));
            html!(out, "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        }
        self.draw_faults(out);
        html!(
            out,
            "<svg width=\"100%\" height=\"{height}\" viewBox=\"0 0 {} 1000\" preserveAspectRatio=\"none\">",
            axis.bins
        );
        out.append(curves);
        html!(out, "</svg>");
        self.draw_marks(out);
        self.draw_times(out, whole - 4);
        html!(out, "</svg></div>\n");
    }

    fn draw_faults(&self, out: &mut Markup) {
        let range = self.axis.range();
        for fault in self.axis.faults {
            let from = range.place(fault.from_us as f64) * 100.0;
            let width = (range.place(fault.to_us as f64) * 100.0 - from).max(0.2);
            let height = self.height;
            html!(out, "<g class=\"fault\"><title>{}</title>", text(&fault.label()));
            html!(out, "<rect x=\"{from:.2}%\" width=\"{width:.2}%\" y=\"0\" height=\"{height}\"/></g>");
        }
    }

    fn draw_marks(&self, out: &mut Markup) {
        for Mark { t_us, text: said } in &self.marks {
            let place = self.axis.range().place(*t_us as f64) * 100.0;
            let anchor = if place > 50.0 { " end" } else { "" };
            let height = self.height;
            let shift = if place > 50.0 { -5 } else { 5 };
            html!(
                out,
                "<g class=\"mark\"><line x1=\"{place:.2}%\" x2=\"{place:.2}%\" y1=\"0\" y2=\"{height}\"/>"
            );
            html!(
                out,
                "<text class=\"said{anchor}\" x=\"{place:.2}%\" dx=\"{shift}\" y=\"{}\">{}</text></g>",
                height - 6,
                text(said)
            );
        }
    }

    fn draw_times(&self, out: &mut Markup, y: u32) {
        let range = self.axis.range();
        for mark in marks(range, 10) {
            let place = range.place(mark);
            let anchor = if place > 0.94 {
                " end"
            } else if place < 0.03 {
                " start"
            } else {
                ""
            };
            html!(
                out,
                "<text class=\"time{anchor}\" x=\"{:.2}%\" y=\"{y}\">{}</text>",
                place * 100.0,
                time(mark as u64)
            );
        }
    }
}

/// Draws the column of values at the left of a chart, each with its place from the top.
pub(super) fn draw_values<'a>(out: &mut Markup, height: u32, values: impl Iterator<Item = (f64, &'a str)>) {
    html!(out, "<svg class=\"values\" width=\"52\" height=\"{height}\" aria-hidden=\"true\">");
    for (place, shown) in values {
        // The topmost value stays within the chart.
        let y = (place + 4.0).max(9.0);
        html!(out, "<text class=\"end\" x=\"46\" y=\"{y:.1}\">{}</text>", text(shown));
    }
    html!(out, "</svg>");
}

/// Runs of values without a gap, each with the place of its first value.
fn runs<T: Copy>(values: &[Option<T>]) -> Vec<(usize, Vec<T>)> {
    let mut runs: Vec<(usize, Vec<T>)> = Vec::new();
    for (nth, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        match runs.last_mut().filter(|(first, run)| first + run.len() == nth) {
            Some((_, run)) => run.push(*value),
            None => runs.push((nth, vec![*value])),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: TimeAxis<'_> = TimeAxis { from_us: 0, bin_us: 10, bins: 4, faults: &[] };

    #[test]
    fn a_curve_has_a_step_for_each_change_and_none_where_nothing_changes() {
        let mut plot = Plot::new(AXIS, 100, Range { from: 0.0, to: 10.0 });
        plot.area("new", &[5.0, 5.0, 10.0, 0.0]);
        plot.line("max", &[None, Some(5.0), None, Some(10.0)]);
        plot.band(
            "b",
            &[Some(Range { from: 0.0, to: 5.0 }), Some(Range { from: 5.0, to: 10.0 }), None, None],
        );
        assert_eq!(
            plot.curves.into_string(),
            "<path class=\"area new\" d=\"M0 1000H0V500H2V0H3V1000H4V1000Z\"/>\
             <path class=\"line max\" d=\"M1 500H2M3 0H4\"/>\
             <path class=\"band b\" d=\"M0 500V500H1V0H2V500H1V1000H0Z\"/>"
        );
    }
}
