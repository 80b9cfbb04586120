//! Distribution of both latencies: the share of requests by response time, on a logarithmic axis.

use judge::numbers::grouped;
use truth::record::series::times::Times;

use super::axis::{Range, from_zero};
use super::latency_axis;
use super::markup::{Markup, html, text};
use super::plot::draw_values;
use crate::units::{digits, time};

/// Steps of the axis for each tenfold time.
const STEPS: f64 = 12.0;

/// Height of the chart.
const HEIGHT: u32 = 120;

/// Quantiles of the table.
const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// Draws the distribution, and its quantiles as a table; nothing without a response.
pub(super) fn draw(out: &mut Markup, service: &Times, response: &Times) {
    let Some(most) = response.max_us().max(service.max_us()) else { return };
    let bounds = service.buckets().chain(response.buckets()).map(|bucket| bucket.from_us.max(1));
    let least = bounds.min().unwrap_or(1) as f64;
    let range = Range {
        from: (least.log10() * STEPS).floor(),
        to: ((most.max(2) as f64).log10() * STEPS).ceil() + 1.0,
    };
    let [own, planned] = [service, response].map(|times| shares(times, range));
    let top = from_zero(own.iter().chain(&planned).copied().fold(0.0, f64::max));
    html!(
        out,
        "<figure class=\"spread\"><figcaption><h3>Distribution</h3> <span class=\"note\">share of {} responses, by their time</span>",
        grouped(service.count())
    );
    html!(
        out,
        "<div class=\"legend\"><span class=\"key service\"><i></i>service time</span><span class=\"key response\"><i></i>response time, from the planned instant</span></div></figcaption>"
    );
    html!(out, "<div class=\"row\">");
    let highest = format!("{} %", digits(top.to / 1.08 * 100.0));
    let at = f64::from(HEIGHT) * (1.0 - 1.0 / 1.08);
    draw_values(out, HEIGHT + 18, [(at, highest.as_str()), (f64::from(HEIGHT) - 4.0, "0 %")].into_iter());
    html!(
        out,
        "<svg class=\"plot\" role=\"img\" aria-label=\"distribution of both latencies\" width=\"100%\" height=\"{}\">",
        HEIGHT + 18
    );
    html!(
        out,
        "<svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} 1000\" preserveAspectRatio=\"none\">",
        own.len()
    );
    html!(out, "<path class=\"area service\" d=\"M0 1000{}V1000Z\"/>", steps(&own, top));
    html!(out, "<path class=\"line response\" d=\"M0 1000{}V1000\"/></svg>", steps(&planned, top));
    let logarithms = Range { from: range.from / STEPS, to: range.to / STEPS };
    for (mark, shown) in latency_axis::labels(logarithms) {
        let place = logarithms.place(mark) * 100.0;
        let anchor = if place > 94.0 {
            " end"
        } else if place < 3.0 {
            " start"
        } else {
            ""
        };
        html!(
            out,
            "<text class=\"time{anchor}\" x=\"{place:.2}%\" y=\"{}\">{}</text>",
            HEIGHT + 14,
            text(&shown)
        );
    }
    html!(out, "</svg></div></figure>\n");
    table(out, service, response);
}

/// Share of the times in each step of the axis.
fn shares(times: &Times, range: Range) -> Vec<f64> {
    let mut shares = vec![0.0; (range.to - range.from) as usize];
    for bucket in times.buckets() {
        let middle = f64::midpoint(bucket.from_us as f64, bucket.to_us as f64).max(1.0);
        let at = (middle.log10() * STEPS - range.from).clamp(0.0, shares.len() as f64 - 1.0);
        shares[at as usize] += bucket.count as f64 / times.count().max(1) as f64;
    }
    shares
}

fn steps(shares: &[f64], range: Range) -> String {
    let step =
        |(nth, share): (usize, &f64)| format!("V{:.0}H{}", 1000.0 - range.place(*share) * 1000.0, nth + 1);
    shares.iter().enumerate().map(step).collect()
}

fn table(out: &mut Markup, service: &Times, response: &Times) {
    html!(out, "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>latency</th>");
    for (name, _) in QUANTILES {
        html!(out, "<th class=\"n\">{name}</th>");
    }
    html!(out, "</tr></thead><tbody>");
    for (name, times) in [("service time", service), ("response time", response)] {
        html!(out, "<tr><td>{name}</td>");
        for (_, quantile) in QUANTILES {
            let shown = times.quantile_us(quantile).map_or_else(|| "-".to_owned(), time);
            html!(out, "<td class=\"n\">{shown}</td>");
        }
        html!(out, "</tr>");
    }
    html!(
        out,
        "</tbody></table></div><p class=\"note\">Quantiles are exact to 1 in 32, the maximum to the microsecond. Requests without a response have no time.</p>\n"
    );
}
