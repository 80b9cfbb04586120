//! Page of a run that goes on: the same charts, from what its folder holds by now.

use std::path::PathBuf;

use judge::numbers::grouped;
use truth::files::FolderError;
use truth::record::baseline::Baseline;
use truth::record::clocks::Clocks;
use truth::record::faults::{self, Struck};
use truth::record::folder::RunFolder;
use truth::record::ledger::reader::{self, SegmentReader};
use truth::record::manifest::Manifest;
use truth::record::series::{Series, SeriesWalk};

use super::bins;
use super::charts::Charts;
use super::counters::Readings;
use super::frame;
use super::markup::{Markup, html, text};
use super::over_time::OverTime;
use super::policy::{self, Network};
use crate::fault::FaultSpan;
use crate::units::time;

/// Run that goes on.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Its folder, which somebody writes to.
    pub folder: &'a RunFolder,
    /// Content of its `run.json`.
    pub manifest: &'a Manifest,
    /// Numbers of the run by now; none before it sends.
    pub progress: Option<Progress>,
}

/// Numbers of a run that goes on. The ledger on disk is behind them by what its writers gather.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Attempts that have begun.
    pub started: u64,
    /// Attempts that have ended for good.
    pub ended: u64,
    /// Attempts that were acknowledged.
    pub acked: u64,
}

impl Running<'_> {
    /// Prints the page. A browser with scripts draws it again every second.
    pub fn render(&self) -> Result<String, FolderError> {
        let Self { folder, manifest, .. } = self;
        let segments = folder.segments()?;
        let headers: Vec<_> = segments.iter().map(|path| reader::header(path)).collect();
        let clocks = Clocks::of(&headers);
        let since = |t: u64| clocks.since_us(0, t);
        let series = self.series(&segments, &clocks);
        let baseline = Baseline::load(folder)?;
        let readings = Readings::of(folder, manifest, baseline.as_ref(), since)?;
        let struck = Struck::of(manifest, faults::read(folder, manifest.format())?);
        let faults = FaultSpan::all_of(&struck, since);
        let mut out = Markup::default();
        frame::begin(&mut out, "running", &manifest.scenario.target.url, Network::Own);
        html!(out, "<body class=\"void\"><main>\n");
        self.write_head(&mut out, &series);
        let shown = bins::fit_for_charts(&series);
        let mut charts = Charts::new(&shown, &faults);
        OverTime { charts: &mut charts, unread: None, readings: &readings }.write(&mut out);
        html!(out, "</main>\n<footer>onceproof {}</footer>\n", text(&manifest.onceproof));
        html!(
            out,
            "<script>{}</script>\n<script>{}</script>\n</body></html>\n",
            policy::SCRIPT,
            policy::LIVE
        );
        Ok(out.into_string())
    }

    /// Reads what the ledger holds by now. A frame that is half written ends a segment.
    fn series(&self, segments: &[PathBuf], clocks: &Clocks) -> Series {
        let mut walk = SeriesWalk::new(&self.manifest.plan, clocks.clone());
        for (nth, path) in segments.iter().enumerate() {
            let frames = SegmentReader::open(path).into_iter().flatten().map_while(Result::ok);
            frames.for_each(|frame| walk.take(nth, &frame));
        }
        walk.finish()
    }

    fn write_head(&self, out: &mut Markup, series: &Series) {
        let sum = series.sum();
        let seconds = (series.length_ns() as f64 / 1e9).max(1e-3);
        let planned = self.manifest.plan.total.map_or_else(|| "no end".to_owned(), grouped);
        let over = format!("The run has ended. Its folder is {}.", self.folder.path().display());
        let drawn = sum.sent.sum() + series.never_sent;
        let acked = sum.sent.new + sum.sent.duplicate + sum.sent.accepted;
        let now = self.progress.unwrap_or(Progress { started: drawn, ended: drawn, acked });
        html!(
            out,
            "<header class=\"void\"><p class=\"verdict\">RUNNING</p><h1>{}</h1>\n",
            text(&self.manifest.scenario.target.url)
        );
        html!(out, "<p id=\"state\" role=\"status\" data-ended=\"{}\"></p>", text(&over));
        html!(out, "<dl class=\"numbers\">");
        for (name, number) in [
            ("attempts ended", grouped(now.ended)),
            ("under way", grouped(now.started.saturating_sub(now.ended))),
            ("planned", planned),
            ("sending for", time(series.length_ns() / 1000)),
            ("events a second", grouped((sum.sent.sum() as f64 / seconds).round() as u64)),
            ("not acknowledged", grouped(now.ended.saturating_sub(now.acked))),
        ] {
            html!(out, "<div><dt>{name}</dt><dd>{number}</dd></div>");
        }
        html!(out, "</dl>");
        let undrawn = now.ended.saturating_sub(drawn);
        if undrawn > 0 {
            html!(
                out,
                "<p class=\"note\">The charts are drawn from the ledger on disk. {} more attempts have ended since it was written, within the last second.</p>",
                grouped(undrawn)
            );
        }
        html!(out, "</header>\n");
    }
}
