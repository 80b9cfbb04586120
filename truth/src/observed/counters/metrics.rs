//! Counters in Prometheus' text format.

use serde_json::Value;

use super::{Counters, uptime};
use crate::target::{Series, StatsFields};

/// Largest whole number up to which a float counts each.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// Reads the counters from a text of metrics; the error is the reason why it holds none.
pub(super) fn read(fields: &StatsFields, body: &[u8]) -> Result<Counters, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the metrics are not UTF-8".to_owned())?;
    let values = |place: &Option<String>| {
        let Some(place) = place else { return Ok(None) };
        let found = Series::parse(place)?.find(text);
        found.map(Some).ok_or_else(|| format!("there is no metric {place}"))
    };
    let number = |place: &Option<String>| match values(place)? {
        None => Ok(None),
        Some(values) => sum(&values)
            .map(Some)
            .ok_or_else(|| format!("no whole number at {}", place.as_deref().unwrap_or_default())),
    };
    let first =
        |place: &Option<String>| Ok::<_, String>(values(place)?.and_then(|values| values.first().copied()));
    Ok(Counters {
        received: number(&fields.received)?,
        unique: number(&fields.unique)?,
        duplicates: number(&fields.duplicates)?,
        pending: number(&fields.pending)?,
        processing: number(&fields.processing)?,
        instance: first(&fields.instance)?.map(str::to_owned),
        uptime_ms: first(&fields.uptime)?.and_then(|text| uptime::millis(&Value::from(text))),
    })
}

/// Returns the sum of values that are whole numbers; 0 of none.
fn sum(values: &[&str]) -> Option<u64> {
    let whole = |text: &&str| {
        let number: f64 = text.parse().ok()?;
        let is_whole = number.fract() == 0.0 && (0.0..=LARGEST).contains(&number);
        is_whole.then_some(number as u64)
    };
    values.iter().map(whole).try_fold(0_u64, |sum, number| sum.checked_add(number?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE events_total counter\n\
                        events_total{result=\"new\",topic=\"a\"} 7\n\
                        events_total{result=\"new\",topic=\"b\"} 1.2e1\n\
                        # HELP dropped Dropped.\n\
                        waiting 0.5\n\
                        process_start_time_seconds 1.76e+09\n";

    fn read(keys: &[(&str, &str)]) -> Result<Counters, String> {
        let keys: String = keys.iter().map(|(key, place)| format!("{key} = '{place}'\n")).collect();
        let fields: StatsFields = toml::from_str(&format!("format = \"prometheus\"\n{keys}")).unwrap();
        Counters::read(&fields, TEXT.as_bytes())
    }

    #[test]
    fn counters_are_read_by_name_and_labels() {
        let counters = read(&[
            ("received", "events_total"),
            ("unique", "events_total{topic=\"b\"}"),
            ("duplicates", "dropped_total"),
            ("instance", "process_start_time_seconds"),
        ]);
        let expected = Counters {
            received: Some(19),
            unique: Some(12),
            duplicates: Some(0),
            instance: Some("1.76e+09".to_owned()),
            ..Counters::default()
        };
        assert_eq!(counters, Ok(expected));
    }

    #[test]
    fn a_metric_that_is_missing_or_no_count_is_an_error() {
        assert_eq!(read(&[("unique", "event_total")]), Err("there is no metric event_total".to_owned()));
        assert_eq!(read(&[("pending", "waiting")]), Err("no whole number at waiting".to_owned()));
    }
}
