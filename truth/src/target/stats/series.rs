//! Series of Prometheus' text format, selected by name and labels.
//!
//! For example, `events_total{result="new"}` selects all samples of `events_total` whose label
//! `result` is `new`, whatever their other labels are.

use std::collections::BTreeMap;

/// Name of a metric, and labels that a sample must have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    name: String,
    labels: BTreeMap<String, String>,
}

/// Sample of one line.
struct Sample<'a> {
    series: Series,
    value: &'a str,
}

impl Series {
    /// Parses a name with labels. The error is a sentence without its subject.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = || {
            let name = text.trim_start_matches('/');
            format!("\"{text}\" names no metric; write it as {name}_total or {name}_total{{result=\"new\"}}")
        };
        match series(text.trim()) {
            Some((series, "")) => Ok(series),
            _ => Err(refuse()),
        }
    }

    /// Returns the values of all samples that are selected, in the order of the text. None if the
    /// text does not name the metric at all. A metric without samples yet is named by `# TYPE` or
    /// `# HELP`.
    pub fn find<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let mut is_named = false;
        let mut values = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix('#') {
                is_named |= self.is_named_by(comment);
                continue;
            }
            let Some(sample) = sample(line).filter(|sample| sample.series.name == self.name) else {
                continue;
            };
            is_named = true;
            let has = |(name, value): (&String, &String)| sample.series.labels.get(name) == Some(value);
            if self.labels.iter().all(has) {
                values.push(sample.value);
            }
        }
        is_named.then_some(values)
    }

    /// True if a comment gives the metric's type or its meaning. OpenMetrics names a counter there
    /// without `_total`.
    fn is_named_by(&self, comment: &str) -> bool {
        let mut words = comment.split_ascii_whitespace();
        let is_about = matches!(words.next(), Some("TYPE" | "HELP"));
        let bare = self.name.strip_suffix("_total");
        is_about && words.next().is_some_and(|name| name == self.name || Some(name) == bare)
    }
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (series, rest) = series(line)?;
    // A timestamp may follow the value, and in OpenMetrics an example.
    let value = rest.split_ascii_whitespace().next()?;
    Some(Sample { series, value })
}

/// Takes a name and its labels from the beginning of a text.
fn series(text: &str) -> Option<(Series, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut labels = BTreeMap::new();
    let Some(mut rest) = rest.strip_prefix('{') else {
        return Some((Series { name: name.to_owned(), labels }, rest));
    };
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((Series { name: name.to_owned(), labels }, rest));
        }
        let (label, value) = rest.split_once('=')?;
        let (value, after) = quoted(value.trim_start().strip_prefix('"')?)?;
        labels.insert(label.trim().to_owned(), value);
        rest = after;
    }
}

/// Takes a value up to its closing quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# HELP events_total Events.
# TYPE events_total counter
events_total{result="new",topic="a"} 7
events_total{topic="b", result="new"} 5 1395066363000
events_total{result="duplicate",topic="a\"}\\\n"} 2.0
# TYPE dropped counter
other{x="1"} +Inf
up 1e3 # {trace_id="x"} 1
"#;

    fn found(series: &str) -> Option<Vec<&'static str>> {
        Series::parse(series).unwrap().find(TEXT)
    }

    #[test]
    fn samples_are_selected_by_name_and_labels() {
        assert_eq!(found("events_total"), Some(vec!["7", "5", "2.0"]));
        assert_eq!(found("events_total{result=\"new\"}"), Some(vec!["7", "5"]));
        assert_eq!(found("events_total{result=\"new\", topic=\"b\"}"), Some(vec!["5"]));
        assert_eq!(found(r#"events_total{topic="a\"}\\\n"}"#), Some(vec!["2.0"]));
        assert_eq!(found("up"), Some(vec!["1e3"]));
        assert_eq!(found("other{}"), Some(vec!["+Inf"]));
    }

    #[test]
    fn a_metric_without_samples_is_zero_only_if_it_is_named() {
        assert_eq!(found("dropped_total"), Some(Vec::new()));
        assert_eq!(found("events_total{result=\"bad\"}"), Some(Vec::new()));
        assert_eq!(found("events"), None);
        assert_eq!(found("misspelt_total"), None);
    }

    #[test]
    fn what_names_no_metric_is_refused() {
        for text in ["/received", "", "7up", "a{b}", "a{b=c}", "a{b=\"c\"", "a b"] {
            let error = Series::parse(text).unwrap_err();
            assert!(error.contains("_total"), "{error}");
        }
    }
}
