//! Charts of a run over time, and the values behind them for the cross-hair.

use std::fmt::Write;

use judge::numbers::grouped;
use truth::record::series::times::Times;
use truth::record::series::{Bin, Series};

use super::axis::{Range, from_zero, marks};
use super::bins::{self, QUANTILES};
use super::latency_axis;
use super::markup::{Markup, html};
use super::plot::{Plot, TimeAxis};
use crate::fault::FaultSpan;
use crate::units::{digits, short, time};

/// Charts in the making.
pub(super) struct Charts<'a> {
    pub(super) series: &'a Series,
    pub(super) axis: TimeAxis<'a>,
    /// Values of the cross-hair, by name.
    values: Vec<(String, Vec<Option<f64>>)>,
}

/// Chart of one number.
pub(super) struct Single {
    /// Name in the legend, of the values, and of the class.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) note: &'static str,
    /// Label for a reader who does not see it.
    pub(super) label: &'static str,
}

/// Entry of a legend.
pub(super) struct Entry<'a> {
    pub(super) class: &'a str,
    pub(super) name: &'a str,
    /// Name of its values.
    pub(super) values: String,
    /// Unit of its values: `rate`, `time` or `count`.
    pub(super) unit: &'a str,
    /// Text where no moment is chosen.
    pub(super) text: String,
}

impl<'a> Charts<'a> {
    pub(super) fn new(series: &'a Series, faults: &'a [FaultSpan]) -> Self {
        let from_us = series.start_ns / 1000;
        let bin_us = (series.width_ns / 1000).max(1);
        let axis = TimeAxis { from_us, bin_us, bins: series.bins.len(), faults };
        Self { series, axis, values: Vec::new() }
    }

    /// True if no request ended, so that there is nothing to draw.
    pub(super) fn are_empty(&self) -> bool {
        self.series.bins.is_empty()
    }

    /// Adds values for the cross-hair, and returns their name. A chart that is drawn twice has them
    /// once.
    pub(super) fn keep(&mut self, name: &str, values: Vec<Option<f64>>) -> String {
        if self.values.iter().all(|(kept, _)| kept != name) {
            self.values.push((name.to_owned(), values));
        }
        name.to_owned()
    }

    /// Draws the events sent by outcome, stacked, and the plan as a line.
    pub(super) fn rate(&mut self, out: &mut Markup) {
        let sum = self.series.sum();
        let planned = bins::per_second(self.series, |bin| bin.planned);
        let total = bins::per_second(self.series, |bin| bin.sent.sum());
        let most = planned.iter().chain(&total).copied().fold(0.0, f64::max);
        let range = from_zero(most);
        let mut plot = Plot::new(self.axis, 150, range);
        let mut entries = Vec::new();
        let names = sum.sent.named();
        // The areas are painted over each other, the tallest sum first.
        for (nth, (name, events)) in
            names.into_iter().enumerate().rev().filter(|(_, (_, events))| *events > 0)
        {
            let upto = |bin: &Bin| bin.sent.named()[..=nth].iter().map(|(_, events)| events).sum::<u64>();
            plot.area(name, &bins::per_second(self.series, upto));
            let own = bins::per_second(self.series, |bin| bin.sent.named()[nth].1);
            let values = self.keep(&format!("rate.{name}"), own.into_iter().map(Some).collect());
            entries.insert(0, Entry { class: name, name, values, unit: "rate", text: grouped(events) });
        }
        plot.line("planned", &planned.iter().copied().map(Some).collect::<Vec<_>>());
        let values = self.keep("rate.planned", planned.into_iter().map(Some).collect());
        entries.push(Entry {
            class: "planned",
            name: "planned",
            values,
            unit: "rate",
            text: grouped(sum.planned),
        });
        let note = "events a second, by outcome; the line is the plan";
        begin(out, "Rate", note, &entries);
        plot.draw(out, "events a second over time", &labels(range, |value| format!("{}/s", short(value))));
        end(out);
    }

    /// Draws one latency: its quantiles over time, on a logarithmic axis.
    pub(super) fn latency(&mut self, out: &mut Markup, which: &Latency) {
        let sum = self.series.sum();
        let whole = (which.times)(&sum);
        let Some(range) = latency_axis::range(whole, self.series, which.times) else { return };
        let mut plot = Plot::new(self.axis, 150, range);
        let mut entries = Vec::new();
        for (name, quantile) in QUANTILES.into_iter().rev() {
            let values = bins::quantile(self.series, which.times, quantile);
            let logarithms: Vec<Option<f64>> =
                values.iter().map(|value| value.map(|micros| micros.max(1.0).log10())).collect();
            plot.line(name, &logarithms);
            let text = whole.quantile_us(quantile).map_or_else(String::new, time);
            let values = self.keep(&format!("{}.{name}", which.name), values);
            entries.insert(0, Entry { class: name, name, values, unit: "time", text });
        }
        begin(out, which.title, which.note, &entries);
        plot.draw(out, which.title, &latency_axis::labels(range));
        end(out);
    }

    /// Draws the number of connections that wait for a response.
    pub(super) fn busy(&mut self, out: &mut Markup) {
        let width = self.series.width_ns.max(1) as f64;
        let busy = self.series.bins.iter().map(|bin| Some(bin.busy_ns as f64 / width)).collect();
        let chart = Single {
            name: "busy",
            title: "Connections",
            note: "requests under way, on average over each step",
            label: "requests under way over time",
        };
        self.single(out, &chart, busy);
    }

    /// Draws one number over time, as an area. A step without a value is drawn as 0.
    pub(super) fn single(&mut self, out: &mut Markup, chart: &Single, values: Vec<Option<f64>>) {
        let Single { name, title, note, label } = chart;
        let most = values.iter().flatten().copied().fold(0.0, f64::max);
        let range = from_zero(most);
        let mut plot = Plot::new(self.axis, 70, range);
        plot.area(name, &values.iter().map(|value| value.unwrap_or(0.0)).collect::<Vec<_>>());
        let values = self.keep(name, values);
        let text = format!("at most {}", short(most));
        begin(out, title, note, &[Entry { class: name, name, values, unit: "count", text }]);
        plot.draw(out, label, &labels(range, short));
        end(out);
    }

    /// Returns the values of the cross-hair as JSON.
    pub(super) fn data(&self) -> String {
        let mut out = format!(
            "{{\"from\":{},\"bin\":{},\"n\":{},\"v\":{{",
            self.axis.from_us, self.axis.bin_us, self.axis.bins
        );
        for (nth, (name, values)) in self.values.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(out, "{comma}\"{name}\":[").expect("a String takes all that is written");
            let values: Vec<String> = values.iter().map(|value| number(*value)).collect();
            out.push_str(&values.join(","));
            out.push(']');
        }
        out.push_str("}}");
        out
    }
}

/// Writes a number of the cross-hair: whole, or with two digits after the point where it is small.
fn number(value: Option<f64>) -> String {
    match value {
        None => String::from("null"),
        Some(value) if value != 0.0 && value < 100.0 => digits(value),
        Some(value) => format!("{value:.0}"),
    }
}

/// One of the two latencies.
pub(super) struct Latency {
    name: &'static str,
    title: &'static str,
    note: &'static str,
    times: fn(&Bin) -> &Times,
}

/// Both latencies.
pub(super) const LATENCIES: [Latency; 2] = [
    Latency {
        name: "service",
        title: "Service time",
        note: "from the first byte sent to the whole response, of the requests that left in each step",
        times: |bin| &bin.service,
    },
    Latency {
        name: "response",
        title: "Response time",
        note: "from the planned instant to the whole response, of the requests that were due in each step",
        times: |bin| &bin.response,
    },
];

pub(super) fn labels(range: Range, text: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    marks(range, 3).into_iter().filter(|value| *value > 0.0).map(|value| (value, text(value))).collect()
}

pub(super) fn begin(out: &mut Markup, title: &str, note: &str, entries: &[Entry<'_>]) {
    html!(
        out,
        "<figure class=\"timed\"><figcaption><h3>{title}</h3> <span class=\"note\">{note}</span><div class=\"legend\"><span class=\"at\"></span>"
    );
    for Entry { class, name, values, unit, text } in entries {
        html!(
            out,
            "<span class=\"key {class}\"><i></i>{name} <b data-values=\"{values}\" data-unit=\"{unit}\">{text}</b></span>"
        );
    }
    html!(out, "</div></figcaption>");
}

pub(super) fn end(out: &mut Markup) {
    html!(out, "</figure>\n");
}
