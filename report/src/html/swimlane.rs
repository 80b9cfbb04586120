//! Swim lane of a key: each try on its connection, when it was due and when it went, what was
//! answered, which faults struck meanwhile, and what the looks showed afterwards.

use judge::verdict::{Attempt, Fate};

use super::markup::{Markup, html, text};
use super::scale::{Scale, Span};
use crate::fault::FaultSpan;
use crate::sight::{self, Seen, Sight};
use crate::story::{Group, groups};
use crate::units::{moment, time};

/// Height of the row with times.
const TOP: usize = 20;

/// Height of a row.
const ROW: usize = 38;

/// Place at which the looks begin, in percent, if there are any.
const LOOKS_FROM: f64 = 80.0;

/// Most looks that are drawn for a key.
const MOST_LOOKS: usize = 24;

/// Swim lane of a key, or of a request.
pub(super) struct Swimlane<'a> {
    /// Label for a reader who does not see it.
    pub(super) label: String,
    pub(super) attempts: &'a [Attempt],
    pub(super) sights: &'a [Sight],
    pub(super) faults: Vec<&'a FaultSpan>,
    /// True if the attempts are those of a key, which has a place in each request.
    pub(super) has_places: bool,
}

impl Swimlane<'_> {
    /// Draws it; nothing without an attempt or a look.
    pub(super) fn draw(&self, out: &mut Markup) {
        let groups = groups(self.attempts);
        if groups.is_empty() && self.sights.is_empty() {
            return;
        }
        let right = if self.sights.is_empty() { 99.0 } else { LOOKS_FROM - 4.0 };
        let struck = self.faults.iter().map(|fault| Span { from: fault.from_us, to: fault.to_us });
        let scale = Scale::of(&groups.iter().map(span).chain(struck).collect::<Vec<_>>(), 0.5, right);
        let rows = groups.len() + self.faults.len() + usize::from(!self.sights.is_empty());
        let height = TOP + ROW * rows + 6;
        let label = &self.label;
        let wide = self.width(&groups);
        html!(
            out,
            "<div class=\"scroll\" tabindex=\"0\"><svg class=\"swimlane {wide}\" role=\"img\" width=\"100%\" height=\"{height}\" aria-label=\"{label}\">"
        );
        self.draw_faults(out, &scale, height - 6);
        draw_times(out, &scale, height);
        for (nth, group) in groups.iter().enumerate() {
            draw_try(out, &scale, group, &self.who(group), Frame { y: TOP + nth * ROW, right });
        }
        for (nth, fault) in self.faults.iter().enumerate() {
            let y = TOP + (groups.len() + nth) * ROW + 12;
            html!(out, "<text class=\"who\" x=\"0\" y=\"{y}\">fault: {}</text>", text(&fault.label()));
        }
        if !self.sights.is_empty() {
            draw_looks(out, self.sights, TOP + (groups.len() + self.faults.len()) * ROW);
        }
        html!(out, "</svg></div>\n");
    }

    fn draw_faults(&self, out: &mut Markup, scale: &Scale, bottom: usize) {
        for fault in &self.faults {
            let from = scale.place(fault.from_us);
            let width = (scale.place(fault.to_us) - from).max(0.4);
            let height = bottom - 14;
            html!(out, "<g class=\"fault\"><title>{}</title>", text(&fault.label()));
            html!(out, "<rect x=\"{from:.2}%\" width=\"{width:.2}%\" y=\"14\" height=\"{height}\"/></g>");
        }
    }

    /// Says who sent a try.
    fn who(&self, group: &Group<'_>) -> String {
        let connection = group.connection();
        match self.has_places {
            true => format!("{connection} · {} · {}", group.request(), group.places()),
            false => format!("{connection} · {}", group.request()),
        }
    }

    /// Class of the least width at which the two texts of a row stand beside each other.
    fn width(&self, groups: &[Group<'_>]) -> &'static str {
        let letters = |group: &Group<'_>| self.who(group).chars().count() + group.answer().chars().count();
        match groups.iter().map(letters).max().unwrap_or(0) {
            0..=62 => "narrow",
            63..=84 => "middling",
            _ => "wide",
        }
    }
}

/// Limits of the drawing of a try.
#[derive(Clone, Copy)]
struct Frame {
    y: usize,
    right: f64,
}

/// Span in which a try is drawn, from its planned instant on.
fn span(group: &Group<'_>) -> Span {
    let attempt = group.first;
    let from = attempt.planned_us.map_or(attempt.start_us, |planned| planned.min(attempt.start_us));
    Span { from, to: attempt.end_us.unwrap_or(attempt.start_us + 1_000).max(attempt.start_us) }
}

fn draw_times(out: &mut Markup, scale: &Scale, height: usize) {
    let bottom = height - 6;
    for (nth, piece) in scale.pieces.iter().enumerate() {
        let (left, from) = (piece.left, moment(piece.span.from));
        html!(out, "<line class=\"grid\" x1=\"{left:.2}%\" x2=\"{left:.2}%\" y1=\"14\" y2=\"{bottom}\"/>");
        html!(out, "<text class=\"tick\" x=\"{left:.2}%\" y=\"10\">{from}</text>");
        if nth + 1 == scale.pieces.len() {
            let (right, to) = (piece.right, moment(piece.span.to));
            html!(out, "<text class=\"tick end\" x=\"{right:.2}%\" y=\"10\">{to}</text>");
        }
        if let Some(next) = scale.pieces.get(nth + 1) {
            let middle = f64::midpoint(piece.right, next.left);
            html!(
                out,
                "<line class=\"break\" x1=\"{middle:.2}%\" x2=\"{middle:.2}%\" y1=\"14\" y2=\"{bottom}\"/>"
            );
        }
    }
}

/// Class of an outcome, which gives it its color.
fn class(fate: Fate) -> &'static str {
    match fate {
        Fate::New => "new",
        Fate::Duplicate => "duplicate",
        Fate::Accepted => "accepted",
        Fate::Rejected => "rejected",
        Fate::Unclear => "unclear",
        Fate::Unknown | Fate::NeverEnded => "unknown",
        Fate::NeverSent => "unsent",
    }
}

fn draw_try(out: &mut Markup, scale: &Scale, group: &Group<'_>, who: &str, frame: Frame) {
    let attempt = group.first;
    let class = class(attempt.outcome);
    let label = frame.y + 12;
    let bar = frame.y + 18;
    let middle = frame.y + 24;
    let answer = group.answer();
    let from = scale.place(attempt.start_us);
    let to = attempt.end_us.map_or(frame.right, |end| scale.place(end));
    let width = (to - from).max(0.3);
    let when = match attempt.end_us {
        Some(end) => format!("{} to {}", moment(attempt.start_us), moment(end)),
        None => format!("{}, no end on record", moment(attempt.start_us)),
    };
    html!(out, "<g class=\"try {class}\"><title>{who}: {when}: {answer}</title>");
    html!(out, "<line class=\"rail\" x1=\"0\" x2=\"{:.2}%\" y1=\"{middle}\" y2=\"{middle}\"/>", frame.right);
    html!(out, "<text class=\"who\" x=\"0\" y=\"{label}\">{who}</text>");
    html!(out, "<text class=\"said\" x=\"{:.2}%\" y=\"{label}\">{answer}</text>", frame.right);
    let planned = attempt.planned_us.map(|planned| scale.place(planned));
    if attempt.outcome == Fate::NeverSent {
        let at = planned.unwrap_or(from);
        html!(out, "<circle class=\"unsent\" cx=\"{at:.2}%\" cy=\"{middle}\" r=\"5\"/></g>");
        return;
    }
    if let Some(planned) = planned {
        html!(
            out,
            "<line class=\"wait\" x1=\"{planned:.2}%\" x2=\"{from:.2}%\" y1=\"{middle}\" y2=\"{middle}\"/>"
        );
        html!(
            out,
            "<line class=\"plan\" x1=\"{planned:.2}%\" x2=\"{planned:.2}%\" y1=\"{}\" y2=\"{}\"/>",
            bar - 2,
            bar + 14
        );
    }
    html!(
        out,
        "<rect class=\"bar\" x=\"{from:.2}%\" width=\"{width:.2}%\" y=\"{bar}\" height=\"12\" rx=\"2\"/></g>"
    );
}

/// Draws the looks. Of very many, some in the middle are left out.
fn draw_looks(out: &mut Markup, sights: &[Sight], y: usize) {
    let label = y + 12;
    let middle = y + 24;
    let way = sight::summary(sights);
    let first = sights.first().map_or(0, |sight| sight.to_ms);
    let last = sights.last().map_or(0, |sight| sight.to_ms);
    let length = (last - first).max(1) as f64;
    let step = sights.len().div_ceil(MOST_LOOKS).max(1);
    html!(
        out,
        "<g class=\"looks\"><line class=\"split\" x1=\"{:.1}%\" x2=\"{:.1}%\" y1=\"0\" y2=\"{}\"/>",
        LOOKS_FROM - 2.0,
        LOOKS_FROM - 2.0,
        y + ROW
    );
    html!(out, "<text class=\"tick\" x=\"{LOOKS_FROM:.1}%\" y=\"10\">after the run</text>");
    html!(out, "<text class=\"tick end\" x=\"100%\" y=\"10\">+{}</text>", time(last * 1000));
    html!(out, "<text class=\"who\" x=\"0\" y=\"{label}\">{way}</text>");
    for sight in sights.iter().step_by(step) {
        let at = LOOKS_FROM + 1.5 + (sight.to_ms - first) as f64 / length * (97.5 - LOOKS_FROM);
        let at_text = time(sight.to_ms * 1000);
        html!(out, "<g><title>{at_text}: {}</title>", sight.seen.text());
        match sight.seen {
            Seen::Once => html!(out, "<circle class=\"seen\" cx=\"{at:.2}%\" cy=\"{middle}\" r=\"5\"/>"),
            Seen::Twice => {
                html!(out, "<circle class=\"seen\" cx=\"{at:.2}%\" cy=\"{}\" r=\"5\"/>", middle - 6);
                html!(out, "<circle class=\"seen twice\" cx=\"{at:.2}%\" cy=\"{}\" r=\"5\"/>", middle + 6);
            }
            Seen::Not => html!(out, "<circle class=\"missed\" cx=\"{at:.2}%\" cy=\"{middle}\" r=\"5\"/>"),
            Seen::Unkept => html!(out, "<circle class=\"unkept\" cx=\"{at:.2}%\" cy=\"{middle}\" r=\"2\"/>"),
        }
        html!(out, "</g>");
    }
    html!(out, "</g>");
}
