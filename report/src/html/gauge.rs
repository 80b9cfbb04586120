//! Gauges: the growth of each counter beside the values that it must have.

use judge::books::region::Bounds;
use judge::numbers::{counted, grouped, grouped_signed};
use judge::verdict::CounterSlack;

use super::axis::Range;
use super::markup::{Markup, html};

/// Height of a row.
const ROW: usize = 38;

/// Draws the counters that are reported, one below the other.
pub(super) fn draw(out: &mut Markup, slack: &CounterSlack) {
    let deltas = &slack.deltas;
    let all = [
        ("received", deltas.received, slack.received),
        ("unique", deltas.unique, slack.unique),
        ("duplicates", deltas.duplicates, slack.duplicates),
    ];
    let reported: Vec<(&str, i128, Bounds)> =
        all.into_iter().filter_map(|(name, grown, bounds)| Some((name, grown?, bounds))).collect();
    if reported.is_empty() {
        return;
    }
    html!(
        out,
        "<p class=\"legend\"><span class=\"key limits\"><i></i>growth that the counter must have</span>\
         <span class=\"key seen\"><i></i>growth, as it should be</span>\
         <span class=\"key off\"><i></i>growth, outside</span></p>\n"
    );
    html!(
        out,
        "<div class=\"scroll\" tabindex=\"0\"><svg class=\"swimlane\" role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"counters beside the values that they must have\">",
        ROW * reported.len() + 4
    );
    for (nth, (name, grown, bounds)) in reported.into_iter().enumerate() {
        draw_row(out, Row { name, grown, bounds }, ROW * nth);
    }
    html!(out, "</svg></div>\n");
}

struct Row<'a> {
    name: &'a str,
    grown: i128,
    bounds: Bounds,
}

fn draw_row(out: &mut Markup, row: Row<'_>, y: usize) {
    let Row { name, grown, bounds } = row;
    let Bounds { low, high } = bounds;
    let label = y + 12;
    let bar = y + 14;
    let middle = y + 24;
    let least = (low as f64).min(grown as f64);
    let most = (high as f64).max(grown as f64);
    // Room on either side, so that a value at the end of the band does not stand at the edge.
    let room = ((most - least) * 0.35).max(most.abs() * 0.02).max(1.0);
    let range = Range { from: least - room, to: most + room };
    let place = |value: f64| range.place(value) * 100.0;
    let from = place(low as f64);
    let width = (place(high as f64) - from).max(0.4);
    let at = place(grown as f64);
    let class = if off_by(grown, bounds) == 0 { "seen" } else { "off" };
    html!(out, "<line class=\"rail\" x1=\"0\" x2=\"100%\" y1=\"{middle}\" y2=\"{middle}\"/>");
    html!(
        out,
        "<text class=\"who\" x=\"0\" y=\"{label}\">{name}: must have grown by {}</text>",
        must_be(bounds)
    );
    html!(out, "<text class=\"said\" x=\"100%\" y=\"{label}\">{}</text>", said(grown, bounds));
    html!(
        out,
        "<rect class=\"bar limits\" x=\"{from:.2}%\" width=\"{width:.2}%\" y=\"{bar}\" height=\"20\"/>"
    );
    html!(out, "<circle class=\"{class}\" cx=\"{at:.2}%\" cy=\"{middle}\" r=\"5\"/>");
}

/// Distance of a growth from the values that are allowed; negative if it is too small.
fn off_by(grown: i128, bounds: Bounds) -> i128 {
    let low = i128::from(bounds.low);
    let high = i128::from(bounds.high);
    grown - grown.clamp(low, high)
}

fn said(grown: i128, bounds: Bounds) -> String {
    let off = off_by(grown, bounds);
    let events = |count: i128| counted(count.unsigned_abs() as u64, "event", "events");
    match off {
        0 => format!("grew by {}", grouped_signed(grown)),
        1.. => format!("grew by {}: {} too many", grouped_signed(grown), events(off)),
        _ => format!("grew by {}: {} too few", grouped_signed(grown), events(off)),
    }
}

/// Writes the values that are allowed: `14,000`, `14,000 to 14,020`.
pub(super) fn must_be(bounds: Bounds) -> String {
    match bounds.slack() {
        0 => grouped(bounds.low),
        _ => format!("{} to {}", grouped(bounds.low), grouped(bounds.high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_says_how_far_a_counter_is_from_its_band() {
        let bounds = Bounds { low: 1_000, high: 1_020 };
        assert_eq!(said(1_020, bounds), "grew by 1,020");
        assert_eq!(said(1_021, bounds), "grew by 1,021: 1 event too many");
        assert_eq!(said(-5, bounds), "grew by -5: 1,005 events too few");
        assert_eq!(must_be(bounds), "1,000 to 1,020");
    }
}
