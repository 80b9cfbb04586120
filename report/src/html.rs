//! The judgement as one page: the verdict, the findings with their swim lanes, charts over time, and
//! tables. It needs no network and no script, and its policy forbids both but for its own script.
//!
//! The arrows between the modules. Each uses only those to the left of it:
//!
//! ```text
//! { markup, axis, scale, fault, policy } < counters < material < { bins, latency_axis, plot, lane }
//! < { charts, distribution, findings, top } < { tables, settings } < html
//! ```

mod axis;
mod bins;
mod charts;
mod counters;
mod distribution;
mod fault;
mod findings;
mod lane;
mod latency_axis;
mod markup;
mod material;
mod plot;
mod policy;
mod scale;
mod settings;
mod tables;
mod top;

use judge::verdict::Judgement;

use self::charts::{Charts, LATENCIES};
use self::markup::{Markup, html, prose, text};
pub use self::material::Material;
pub use self::policy::Network;

/// Name of the page in a run folder.
pub const FILE: &str = "report.html";

/// Prints the page.
pub fn render(verdict: &Judgement, material: &Material<'_>) -> String {
    let mut out = Markup::default();
    head(&mut out, verdict, Network::None);
    html!(out, "<body class=\"{}\"><main>\n", top::class(verdict.verdict));
    top::write(&mut out, verdict, material);
    findings::write(&mut out, verdict, material);
    over_time(&mut out, material);
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

fn head(out: &mut Markup, verdict: &Judgement, network: Network) {
    html!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    html!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", policy::policy(network));
    html!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html!(
        out,
        "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
    );
    html!(out, "<title>{}: {}</title>\n", verdict.verdict.text(), text(&verdict.target));
    html!(out, "<style>{}</style></head>\n", policy::STYLE);
}

/// Charts with one time axis, and the distribution of the latencies.
fn over_time(out: &mut Markup, material: &Material<'_>) {
    html!(out, "<section id=\"charts\"><h2>Over time</h2>\n");
    if let Some(reason) = &material.series_unread {
        html!(out, "<p>The ledger could not be read to its end: {}</p>\n", prose(reason));
    }
    if material.series.bins.is_empty() {
        html!(out, "<p>No request ended, so there is nothing to draw.</p></section>\n");
        return;
    }
    let series = material.series.coarsened(bins::shown_bins(&material.series));
    let mut charts = Charts::new(&series, &material.faults);
    charts.rate(out);
    LATENCIES.iter().for_each(|latency| charts.latency(out, latency));
    charts.counters(out, &material.counters);
    charts.busy(out);
    faults(out, material);
    let sum = series.sum();
    distribution::draw(out, &sum.service, &sum.response);
    html!(out, "<script type=\"application/json\" id=\"values\">{}</script>\n</section>\n", charts.data());
}

fn faults(out: &mut Markup, material: &Material<'_>) {
    if material.faults.is_empty() {
        return;
    }
    html!(
        out,
        "<p class=\"legend\"><span class=\"key fault\"><i></i>faults, shaded in all charts</span></p><ul class=\"faults\">"
    );
    for fault in &material.faults {
        html!(out, "<li>{}</li>", text(&fault.label()));
    }
    html!(out, "</ul>\n");
}
