//! Charts of a run with one time axis, and the distribution of its latencies.

use super::charts::{Charts, LATENCIES};
use super::counter_charts;
use super::counters::Readings;
use super::distribution;
use super::markup::{Markup, html, isolated, prose};

/// Run over time.
pub(super) struct OverTime<'a, 'c> {
    pub(super) charts: &'a mut Charts<'c>,
    /// Reason why the ledger could not be read to its end.
    pub(super) unread: Option<&'a str>,
    pub(super) readings: &'a Readings,
}

impl OverTime<'_, '_> {
    /// Writes the section.
    pub(super) fn write(self, out: &mut Markup) {
        html!(out, "<section id=\"charts\"><h2>Over time</h2>\n");
        if let Some(reason) = self.unread {
            html!(out, "<p>The ledger could not be read to its end: {}</p>\n", prose(reason));
        }
        if self.charts.are_empty() {
            html!(out, "<p>No request ended, so there is nothing to draw.</p></section>\n");
            return;
        }
        self.charts.rate(out);
        LATENCIES.iter().for_each(|latency| self.charts.latency(out, latency));
        counter_charts::draw(self.charts, out, self.readings);
        self.charts.busy(out);
        write_faults(self.charts, out);
        let sum = self.charts.series.sum();
        distribution::draw(out, &sum.service, &sum.response);
        html!(
            out,
            "<script type=\"application/json\" id=\"values\">{}</script>\n</section>\n",
            self.charts.data()
        );
    }
}

fn write_faults(charts: &Charts<'_>, out: &mut Markup) {
    if charts.axis.faults.is_empty() {
        return;
    }
    html!(
        out,
        "<p class=\"legend\"><span class=\"key fault\"><i></i>faults, shaded in all charts</span></p><ul class=\"faults\">"
    );
    for fault in charts.axis.faults {
        html!(out, "<li>{}</li>", isolated(&fault.label()));
    }
    html!(out, "</ul>\n");
}
