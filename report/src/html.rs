//! The judgement as one page: the verdict, the findings with their swim lanes, charts over time, and
//! tables. It needs no network and no script, and its policy forbids both but for its own script.
//!
//! The arrows between the modules. Each uses only those to the left of it:
//!
//! ```text
//! { markup, axis, scale, fault, policy } < { counters, frame } < material
//! < { bins, latency_axis, plot, lane } < { charts, distribution, findings, top }
//! < { over_time, tables, settings } < running < html
//! ```

mod axis;
mod bins;
mod charts;
mod counters;
mod distribution;
mod fault;
mod findings;
mod frame;
mod lane;
mod latency_axis;
mod markup;
mod material;
mod over_time;
mod plot;
mod policy;
mod running;
mod scale;
mod settings;
mod tables;
mod top;

use judge::verdict::Judgement;

use self::markup::{Markup, html, text};
pub use self::material::Material;
use self::over_time::OverTime;
use self::policy::Network;
pub use self::running::Running;

/// Name of the page in a run folder.
pub const FILE: &str = "report.html";

/// Prints the page.
pub fn render(verdict: &Judgement, material: &Material<'_>) -> String {
    let mut out = Markup::default();
    frame::begin(&mut out, verdict.verdict.text(), &verdict.target, Network::None);
    html!(out, "<body class=\"{}\"><main>\n", top::class(verdict.verdict));
    top::write(&mut out, verdict, material);
    findings::write(&mut out, verdict, material);
    let series = &material.series;
    let unread = material.series_unread.as_deref();
    let faults = &material.faults;
    OverTime { series, unread, faults, counters: &material.counters }.write(&mut out);
    tables::write(&mut out, verdict, material);
    settings::write(&mut out, verdict, material);
    html!(
        out,
        "</main>\n<footer>onceproof {} · attempts are timed from {}</footer>\n",
        text(&verdict.onceproof),
        text(verdict.began_utc.as_deref().unwrap_or("the first frame of the ledger"))
    );
    html!(out, "<script>{}</script>\n</body></html>\n", policy::SCRIPT);
    out.into_string()
}
