//! Charts of a run with one time axis, and the distribution of its latencies.

use truth::record::series::Series;

use super::bins;
use super::charts::{Charts, LATENCIES};
use super::counters::CounterPoint;
use super::distribution;
use super::fault::FaultSpan;
use super::markup::{Markup, html, prose, text};

/// Run over time.
pub(super) struct OverTime<'a> {
    pub(super) series: &'a Series,
    /// Reason why the ledger could not be read to its end.
    pub(super) unread: Option<&'a str>,
    pub(super) faults: &'a [FaultSpan],
    pub(super) counters: &'a [CounterPoint],
}

impl OverTime<'_> {
    /// Writes the section.
    pub(super) fn write(&self, out: &mut Markup) {
        html!(out, "<section id=\"charts\"><h2>Over time</h2>\n");
        if let Some(reason) = self.unread {
            html!(out, "<p>The ledger could not be read to its end: {}</p>\n", prose(reason));
        }
        if self.series.bins.is_empty() {
            html!(out, "<p>No request ended, so there is nothing to draw.</p></section>\n");
            return;
        }
        let series = self.series.coarsened(bins::shown_bins(self.series));
        let mut charts = Charts::new(&series, self.faults);
        charts.rate(out);
        LATENCIES.iter().for_each(|latency| charts.latency(out, latency));
        charts.counters(out, self.counters);
        charts.busy(out);
        self.write_faults(out);
        let sum = series.sum();
        distribution::draw(out, &sum.service, &sum.response);
        html!(
            out,
            "<script type=\"application/json\" id=\"values\">{}</script>\n</section>\n",
            charts.data()
        );
    }

    fn write_faults(&self, out: &mut Markup) {
        if self.faults.is_empty() {
            return;
        }
        html!(
            out,
            "<p class=\"legend\"><span class=\"key fault\"><i></i>faults, shaded in all charts</span></p><ul class=\"faults\">"
        );
        for fault in self.faults {
            html!(out, "<li>{}</li>", text(&fault.label()));
        }
        html!(out, "</ul>\n");
    }
}
