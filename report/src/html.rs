//! The judgement as one page: the verdict, the findings with their swim lanes, charts over time, and
//! tables. It needs no network and no script, and its policy forbids both but for its own script.
//!
//! The arrows between the modules. Each uses only those to the left of it:
//!
//! ```text
//! { markup, axis, scale, policy } < { attempts, counters, detail, frame, gauge, premises, words }
//! < material < { bins, brief, latency_axis, plot, swimlane } < { charts, distribution, top }
//! < counter_charts < { over_time, pictures, tables, settings } < { findings, running } < html
//! ```

mod attempts;
mod axis;
mod bins;
mod brief;
mod charts;
mod counter_charts;
mod counters;
mod detail;
mod distribution;
mod findings;
mod frame;
mod gauge;
mod latency_axis;
mod markup;
mod material;
mod over_time;
mod pictures;
mod plot;
mod policy;
mod premises;
mod running;
mod scale;
mod settings;
mod swimlane;
mod tables;
mod top;
mod words;

use judge::verdict::{Judgement, Observation};

use self::charts::Charts;
use self::markup::{Markup, html, text};
pub use self::material::Material;
use self::over_time::OverTime;
use self::policy::Network;
pub use self::running::{Progress, Running};
use crate::cause;
use crate::fault::FaultSpan;
use crate::units::time;

/// Name of the page in a run folder.
pub const FILE: &str = "report.html";

/// Prints the page.
pub fn render(verdict: &Judgement, material: &Material<'_>) -> String {
    let mut out = Markup::default();
    frame::begin(&mut out, verdict.verdict.text(), &verdict.target, Network::None);
    html!(out, "<body class=\"{}\"><main>\n", top::class(verdict.verdict));
    let series = bins::fit_for_charts(&material.series);
    let faults = faults(verdict, material);
    top::write(&mut out, verdict, material, &faults);
    let mut charts = Charts::new(&series, &faults);
    findings::write(&mut out, verdict, material, &mut charts);
    let unread = material.series_unread.as_deref();
    OverTime { charts: &mut charts, unread, readings: &material.readings }.write(&mut out);
    tables::write(&mut out, verdict, material);
    settings::write(&mut out, verdict, material);
    let began = verdict.began_utc.as_deref().unwrap_or("the first frame of the ledger");
    let several = match material.clocks_are_several {
        true => ", by the wall clocks of several machines, which may be apart",
        false => "",
    };
    html!(
        out,
        "</main>\n<footer>onceproof {} · times count from {}{several}; the first request was due {} later</footer>\n",
        text(&verdict.onceproof),
        text(began),
        time(material.series.start_ns / 1000)
    );
    html!(out, "<script>{}</script>\n</body></html>\n", policy::SCRIPT);
    out.into_string()
}

/// Returns the likely cause of what a FAIL shows first, in a sentence; none without a FAIL.
pub fn likely_cause(verdict: &Judgement, material: &Material<'_>) -> Option<&'static str> {
    cause::of_first(verdict, &faults(verdict, material))
}

/// Faults to shade: those on record, and the restarts that the verdict tells of.
fn faults(verdict: &Judgement, material: &Material<'_>) -> Vec<FaultSpan> {
    let is_told = verdict.observations.iter().any(|one| matches!(one, Observation::Restarted { .. }));
    let restarts = material.readings.restarts.iter().filter(|_| is_told);
    material.faults.iter().chain(restarts).cloned().collect()
}
