//! Charts of the target's counters over time: each inside the band in which it must lie, with a mark
//! where it left that band, and the events that wait.

use judge::numbers::grouped;

use super::axis::{Range, from_zero};
use super::bins;
use super::charts::{Charts, Entry, Single, begin, end, labels};
use super::counters::{Growth, NAMES, OddReading, Oddity, Readings};
use super::markup::Markup;
use super::plot::{Mark, Plot};
use crate::units::{moment, short};

/// Returns the note of the first chart.
fn note(readings: &Readings) -> &'static str {
    match readings.is_of_one_shard {
        true => "growth since before the run, as one of the shards read it until it had sent its part",
        false => {
            "growth since before the run, as the target reports it, inside the band that the responses so far leave"
        }
    }
}

/// Draws all counters, and the events that wait.
pub(super) fn draw(charts: &mut Charts<'_>, out: &mut Markup, readings: &Readings) {
    let mut note = note(readings);
    for nth in 0..NAMES.len() {
        if counter(charts, out, readings, nth, note) {
            note = "";
        }
    }
    waiting(charts, out, readings);
}

/// Draws the counters with a reading that is odd in this way.
pub(super) fn draw_odd(charts: &mut Charts<'_>, out: &mut Markup, readings: &Readings, wanted: Oddity) {
    let mut note = note(readings);
    let is_wanted = |odd: &Option<OddReading>| odd.is_some_and(|odd| odd.oddity == wanted);
    for (nth, _) in readings.odd.iter().enumerate().filter(|(_, odd)| is_wanted(odd)) {
        if counter(charts, out, readings, nth, note) {
            note = "";
        }
    }
}

/// Draws a counter. Returns false if it was never read.
fn counter(charts: &mut Charts<'_>, out: &mut Markup, readings: &Readings, nth: usize, note: &str) -> bool {
    let name = NAMES[nth];
    let growths: Vec<Option<Growth>> = bins::readings(charts.series, &readings.points, |one| one.grown[nth]);
    let Some(last) = growths.iter().flatten().next_back() else { return false };
    let last = grouped(last.grown as u64);
    let grown: Vec<Option<f64>> = growths.iter().map(|one| one.map(|one| one.grown)).collect();
    let limits = |one: Growth| one.limits.map(|limits| [limits.least as f64, limits.most as f64]);
    let bands: Vec<Option<Range>> =
        growths.iter().map(|one| one.and_then(limits).map(|[from, to]| Range { from, to })).collect();
    let tops = bands.iter().flatten().map(|band| band.to).chain(grown.iter().flatten().copied());
    let range = from_zero(tops.fold(0.0, f64::max));
    let mut plot = Plot::new(charts.axis, 80, range);
    plot.band("limits", &bands);
    plot.line(&format!("counter {name}"), &grown);
    plot.marks.extend(readings.odd[nth].map(|odd| mark(name, odd)));
    let values = charts.keep(&format!("counter.{name}"), grown);
    let mut entries = vec![Entry { class: name, name, values, unit: "count", text: last }];
    if bands.iter().any(Option::is_some) {
        let bounds: [Bound; 2] =
            [("at least", "least", |band| band.from), ("at most", "most", |band| band.to)];
        for (text, key, bound) in bounds {
            let values: Vec<Option<f64>> = bands.iter().map(|band| band.map(bound)).collect();
            let last =
                values.iter().flatten().next_back().map_or_else(String::new, |last| grouped(*last as u64));
            let values = charts.keep(&format!("{key}.{name}"), values);
            entries.push(Entry { class: "limits", name: text, values, unit: "count", text: last });
        }
    }
    let title = format!("Counter {name}");
    begin(out, &title, note, &entries);
    plot.draw(out, &title, &labels(range, short));
    end(out);
    true
}

/// Bound of a band: its name, the key of its values, and its value.
type Bound = (&'static str, &'static str, fn(Range) -> f64);

fn mark(name: &str, odd: OddReading) -> Mark {
    let what = match odd.oddity {
        Oddity::Above => "above what can have been counted",
        Oddity::Fell => "less than before",
    };
    Mark { t_us: odd.t_us, text: format!("{}: {name} {what}", moment(odd.t_us)) }
}

/// Draws the number of accepted events that wait, if the target reports it.
pub(super) fn waiting(charts: &mut Charts<'_>, out: &mut Markup, readings: &Readings) {
    let waiting = bins::readings(charts.series, &readings.points, |one| one.waiting);
    if waiting.iter().flatten().all(|waiting| *waiting == 0.0) {
        return;
    }
    let chart = Single {
        name: "waiting",
        title: "Waiting events",
        note: "accepted and not yet stored, as the target reports it",
        label: "events that wait over time",
    };
    charts.single(out, &chart, waiting);
}
