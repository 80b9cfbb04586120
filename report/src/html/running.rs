//! Page of a run that goes on: the same charts, from what its folder holds by now.

use judge::numbers::grouped;
use truth::files::FolderError;
use truth::record::baseline::Baseline;
use truth::record::faults::{self, Struck};
use truth::record::folder::RunFolder;
use truth::record::ledger::reader::SegmentReader;
use truth::record::manifest::Manifest;
use truth::record::series::{Series, SeriesWalk};

use super::counters;
use super::fault::FaultSpan;
use super::frame;
use super::markup::{Markup, html, text};
use super::over_time::OverTime;
use super::policy::{self, Network};
use crate::units::time;

/// Run that goes on.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Its folder, which somebody writes to.
    pub folder: &'a RunFolder,
    /// Content of its `run.json`.
    pub manifest: &'a Manifest,
}

impl Running<'_> {
    /// Prints the page. A browser with scripts draws it again every second.
    pub fn render(&self) -> Result<String, FolderError> {
        let Self { folder, manifest } = self;
        let series = self.series()?;
        let baseline = Baseline::load(folder)?;
        let counters = counters::points(folder, manifest, baseline.as_ref(), series.origin_ns)?;
        let struck = Struck::of(manifest, faults::read(folder, manifest.format())?);
        let faults = FaultSpan::all_of(&struck, series.origin_ns);
        let mut out = Markup::default();
        frame::begin(&mut out, "running", &manifest.scenario.target.url, Network::Own);
        html!(out, "<body class=\"void\"><main>\n");
        self.write_head(&mut out, &series);
        OverTime { series: &series, unread: None, faults: &faults, counters: &counters }.write(&mut out);
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
    fn series(&self) -> Result<Series, FolderError> {
        let mut walk = SeriesWalk::new(&self.manifest.plan);
        for (nth, path) in self.folder.segments()?.iter().enumerate() {
            let frames = SegmentReader::open(path).into_iter().flatten().map_while(Result::ok);
            frames.for_each(|frame| walk.take(nth, &frame));
        }
        Ok(walk.finish())
    }

    fn write_head(&self, out: &mut Markup, series: &Series) {
        let sum = series.sum();
        let seconds = (series.length_ns() as f64 / 1e9).max(1e-3);
        let planned = self.manifest.plan.total.map_or_else(|| "no end".to_owned(), grouped);
        let ended = format!("The run has ended. Its folder is {}.", self.folder.path().display());
        html!(
            out,
            "<header class=\"void\"><p class=\"verdict\">RUNNING</p><h1>{}</h1>\n",
            text(&self.manifest.scenario.target.url)
        );
        html!(out, "<p id=\"state\" role=\"status\" data-ended=\"{}\"></p>", text(&ended));
        html!(out, "<dl class=\"numbers\">");
        for (name, number) in [
            ("attempts sent", grouped(sum.sent.sum())),
            ("planned", planned),
            ("sending for", time(series.length_ns() / 1000)),
            ("events a second", grouped((sum.sent.sum() as f64 / seconds).round() as u64)),
            (
                "not acknowledged",
                grouped(sum.sent.sum() - sum.sent.new - sum.sent.duplicate - sum.sent.accepted),
            ),
        ] {
            html!(out, "<div><dt>{name}</dt><dd>{number}</dd></div>");
        }
        html!(out, "</dl></header>\n");
    }
}
