//! Rows of a page: found in its body, and read by the places that the scenario names.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use serde_json::value::RawValue;
use truth::observed::rows::{Row, ShownRow};
use truth::target::pointer::{Pointer, Pointers, as_text, elements};
use truth::target::{Field, Format, Reading, RowPlaces};

/// A row as it was shown.
pub(super) struct Shown {
    pub(super) row: ShownRow,
    /// Hash of its text.
    pub(super) fingerprint: u64,
    /// Reason why it cannot be an event of the run: it has no id.
    pub(super) lacks_id: Option<String>,
}

/// Body of a page, taken apart.
pub(super) struct Rows<'a> {
    pub(super) shown: Vec<Shown>,
    /// Text of the last row.
    pub(super) last: Option<String>,
    /// JSON value that holds what is not of a row: the body, or the last of its lines.
    pub(super) document: Option<&'a str>,
}

/// Finds the rows of a body. `topic` is that of rows that show none. The error is a reason.
pub(super) fn rows<'a>(body: &'a [u8], reading: &Reading, topic: Option<&str>) -> Result<Rows<'a>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
    let mut shown = Vec::new();
    let mut last = None;
    let mut document = None;
    let columns = Columns::of(&reading.places);
    let mut take = |row: &str, above: &[&str]| -> Result<(), String> {
        let source = Source { found: columns.own.find(row), above, columns: &columns };
        shown.push(parse_row(row, &source, reading, topic)?);
        last = Some(row.to_owned());
        Ok(())
    };
    match reading.format {
        Format::Json => {
            lists(text, reading.rows.steps(), &[], reading, &mut take)?;
            document = Some(text);
        }
        Format::Ndjson => {
            let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
            for value in values {
                let value = value.map_err(|error| format!("a line is not JSON: {error}"))?.get();
                match reading.rows.steps() {
                    [] => take(value, &[])?,
                    steps => lists(value, steps, &[], reading, &mut take)?,
                }
                document = Some(value);
            }
        }
        Format::Csv => csv_rows(text, reading, &mut take)?,
    }
    Ok(Rows { shown, last, document })
}

/// Takes each row with what is above it.
type Take<'t> = &'t mut dyn FnMut(&str, &[&str]) -> Result<(), String>;

/// Finds the lists of rows below a value. A `*` stands for every element.
fn lists(
    text: &str,
    steps: &[String],
    above: &[&str],
    reading: &Reading,
    take: Take<'_>,
) -> Result<(), String> {
    let pointer = || reading.rows.to_string();
    let Some((step, rest)) = steps.split_first() else {
        if reading.rows_may_be_absent && text.trim() == "null" {
            return Ok(());
        }
        let rows: Vec<&RawValue> = serde_json::from_str(text)
            .map_err(|error| format!("what is at `{}` is not a list: {error}", pointer()))?;
        return rows.iter().try_for_each(|row| take(row.get(), above));
    };
    let above: Vec<&str> = above.iter().copied().chain([text]).collect();
    if step == "*" {
        let below = elements(text).ok_or_else(|| format!("`{}` leads to no list", pointer()))?;
        return below.iter().try_for_each(|below| lists(below, rest, &above, reading, &mut *take));
    }
    let Some(below) = Pointer::of_steps([step.clone()]).find(text) else {
        return match reading.rows_may_be_absent {
            true => Ok(()),
            false => Err(format!("there is no `{}`; set target.listing.rows to the list of rows", pointer())),
        };
    };
    lists(&below, rest, &above, reading, take)
}

/// Takes the rows of a table, each as JSON: an object by the names of the header, or an array if
/// fields are columns by number.
fn csv_rows(text: &str, reading: &Reading, take: Take<'_>) -> Result<(), String> {
    let has_header = !reading.places.are_columns();
    let mut table =
        csv::ReaderBuilder::new().has_headers(has_header).flexible(true).from_reader(text.as_bytes());
    let broken = |error: csv::Error| format!("the body is not CSV: {error}");
    let names = if has_header { table.headers().map_err(broken)?.clone() } else { csv::StringRecord::new() };
    for record in table.records() {
        let record = record.map_err(broken)?;
        let cells = record.iter().map(Value::from);
        let row = match has_header {
            true => Value::Object(names.iter().map(str::to_owned).zip(cells).collect()),
            false => Value::Array(cells.collect()),
        };
        take(&row.to_string(), &[])?;
    }
    Ok(())
}

fn parse_row(
    text: &str,
    source: &Source<'_>,
    reading: &Reading,
    topic: Option<&str>,
) -> Result<Shown, String> {
    let places = &reading.places;
    let string =
        |field: &Option<Field>| field.as_ref().and_then(|field| source.find(field)).map(|raw| as_text(&raw));
    let content = |field: &Option<Field>| {
        let raw = field.as_ref().and_then(|field| source.find(field));
        raw.filter(|raw| raw != "null").map(|raw| as_text(&raw))
    };
    let no_field = |field: &Option<Field>, key: &str| {
        let name = field.as_ref().map_or(key, |field| &field.text);
        format!("a row has no field `{name}`; name the right one in target.listing.fields")
    };
    let own_topic = string(&places.topic).or_else(|| topic.map(str::to_owned));
    let id = string(&places.event_id);
    let lacks_id = id.is_none().then(|| match places.all().all(|field| source.find(field).is_none()) {
        true => format!("a row is not what target.listing.fields describes: {}", shortened(text)),
        false => no_field(&places.event_id, "event_id"),
    });
    let row = Row {
        topic: match own_topic {
            None if id.is_some() => return Err(no_field(&places.topic, "topic")),
            own => own.unwrap_or_default(),
        },
        // Of a row without an id, its text tells it from others.
        event_id: id.unwrap_or_else(|| shortened(text)),
        timestamp: content(&places.timestamp),
        source: content(&places.source),
        payload: payload(places, source, reading.format),
    };
    let name = content(&places.row);
    let value = |(name, field): &(String, Field)| {
        let raw = source.find(field).filter(|raw| raw != "null");
        (name.clone(), raw.map(Cow::into_owned))
    };
    let values = places.values.iter().map(value).collect();
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Ok(Shown { row: ShownRow { row, name, values }, fingerprint: hasher.finish(), lacks_id })
}

/// Returns the payload as raw JSON. A cell of a table is the text that was stored.
fn payload(places: &RowPlaces, source: &Source<'_>, format: Format) -> Option<String> {
    let raw = source.find(places.payload.as_ref()?)?;
    let cell = (format == Format::Csv).then(|| as_text(&raw));
    let cell = cell.filter(|cell| serde_json::from_str::<&RawValue>(cell).is_ok());
    Some(cell.unwrap_or_else(|| raw.into_owned()))
}

/// Fields that rows show, and the pointers to those that stand in the row itself.
struct Columns<'r> {
    own: Pointers,
    /// Fields with the numbers of their pointers; none for a field above the row.
    fields: Vec<(&'r Field, Option<usize>)>,
}

impl<'r> Columns<'r> {
    fn of(places: &'r RowPlaces) -> Self {
        let mut own = Pointers::default();
        let mut number = |field: &Field| (field.pointer.up() == 0).then(|| own.add(&field.pointer));
        let fields = places.all().map(|field| (field, number(field))).collect();
        Self { own, fields }
    }
}

/// A row, of which all fields were read in one pass, and what is above it.
struct Source<'a> {
    found: Option<Vec<Option<Cow<'a, str>>>>,
    /// Values that hold the list of rows, the innermost last.
    above: &'a [&'a str],
    columns: &'a Columns<'a>,
}

impl Source<'_> {
    fn find(&self, field: &Field) -> Option<Cow<'_, str>> {
        let is_it = |(known, _): &&(&Field, Option<usize>)| std::ptr::eq(*known, field);
        match self.columns.fields.iter().find(is_it)?.1 {
            Some(number) => self.found.as_ref()?[number].as_deref().map(Cow::Borrowed),
            None => {
                let holder = self.above.len().checked_sub(field.pointer.up())?;
                field.pointer.find(self.above[holder])
            }
        }
    }
}

fn shortened(text: &str) -> String {
    truth::observed::rows::shortened(text)
}

#[cfg(test)]
mod tests {
    use truth::target::{EventFields, Listing};

    use super::*;

    fn reading(text: &str) -> Reading {
        let listing: Listing = toml::from_str(&format!("path = \"/e?l={{{{limit}}}}\"\n{text}")).unwrap();
        listing.reading(None).unwrap().expect("a path")
    }

    fn read(keys: &str, body: &str) -> Result<Vec<Row>, String> {
        let shown = rows(body.as_bytes(), &reading(keys), None)?.shown;
        Ok(shown.into_iter().map(|shown| shown.row.row).collect())
    }

    fn ids(keys: &str, body: &str) -> Vec<String> {
        read(keys, body).unwrap().into_iter().map(|row| format!("{} {}", row.topic, row.event_id)).collect()
    }

    const PLAIN: &str = "fields = { topic = \"topic\", event_id = \"event_id\" }";

    #[test]
    fn rows_keep_the_spelling_of_their_payload() {
        let body = r#"{"data":{"items":[{"topic":"a","event_id":"b","payload":{"x": 1.0}}]}}"#;
        let keys = "rows = \"/data/items\"\nfields = { topic = \"topic\", event_id = \"event_id\", payload = \"payload\" }";
        let rows = read(keys, body).unwrap();
        assert_eq!(rows[0].payload.as_deref(), Some(r#"{"x": 1.0}"#));
        assert_eq!((rows[0].topic.as_str(), &rows[0].timestamp), ("a", &None));
    }

    #[test]
    fn the_old_form_inherits_the_names_of_requests() {
        let listing: Listing = toml::from_str("path = \"/e\"\nfields = { event_id = \"id\" }").unwrap();
        let reading = listing.reading(Some(&EventFields::default())).unwrap().expect("a path");
        let body = br#"[{"topic":"a","id":"b","timestamp":null,"payload":null}]"#;
        let row = &rows(body, &reading, None).unwrap().shown[0].row.row;
        assert_eq!(
            (row.event_id.as_str(), &row.timestamp, row.payload.as_deref()),
            ("b", &None, Some("null"))
        );
    }

    #[test]
    fn a_row_is_one_line_or_stands_in_a_list_of_each_line() {
        let lines = "{\"topic\":\"a\",\"event_id\":1}\n\n{\"topic\":\"b\",\"event_id\":\"2\"}";
        assert_eq!(ids(&format!("format = \"ndjson\"\n{PLAIN}"), lines), ["a 1", "b 2"]);
        let lists = "{\"t\":\"a\",\"r\":[[1],[2]]}{\"t\":\"b\",\"r\":[[3]]}";
        let keys = "format = \"ndjson\"\nrows = \"/r\"\nfields = { topic = \"../t\", event_id = \"/0\" }";
        assert_eq!(ids(keys, lists), ["a 1", "a 2", "b 3"]);
    }

    #[test]
    fn a_field_may_stand_above_the_row_and_below_a_text() {
        let body = r#"{"data":{"result":[
            {"stream":{"topic":"a"},"values":[["7","{\"id\":\"x\"}"]]},
            {"stream":{"topic":"b"},"values":[["8","{\"id\":\"y\"}"]]}]}}"#;
        let keys = "rows = \"/data/result/*/values\"\nfields = { topic = \"../stream/topic\", event_id = \"/1/id\" }";
        assert_eq!(ids(keys, body), ["a x", "b y"]);
    }

    #[test]
    fn a_table_has_a_header_unless_fields_are_columns() {
        let named =
            "format = \"csv\"\nfields = { topic = \"topic\", event_id = \"event_id\", payload = \"p\" }";
        let body = "event_id,topic,p\n1,a,\"{\"\"n\"\": 7}\"\n\"2,\"\"\",b,plain\n";
        assert_eq!(ids(named, body), ["a 1", "b 2,\""]);
        let payloads: Vec<_> = read(named, body).unwrap().into_iter().map(|row| row.payload).collect();
        assert_eq!(payloads, [Some("{\"n\": 7}".to_owned()), Some("\"plain\"".to_owned())]);
        let columns = "format = \"csv\"\nfields = { topic = \"/1\", event_id = \"/2/id\" }";
        assert_eq!(ids(columns, "x,a,\"{\"\"id\"\":3}\"\n"), ["a 3"]);
        assert_eq!(ids(named, ""), Vec::<String>::new());
    }

    #[test]
    fn a_body_that_is_not_as_described_is_an_error_that_says_where() {
        for (keys, body, expected) in [
            (format!("rows = \"/items\"\n{PLAIN}"), "{}", "there is no `/items`"),
            (format!("rows = \"/items\"\n{PLAIN}"), r#"{"items":7}"#, "`/items` is not a list"),
            (PLAIN.to_owned(), r#"[{"event_id":"a"}]"#, "no field `topic`"),
            (format!("format = \"ndjson\"\n{PLAIN}"), "{\"topic\"", "a line is not JSON"),
            (
                "rows = \"/a/*\"\nfields = { topic = \"t\", event_id = \"i\" }".to_owned(),
                r#"{"a":7}"#,
                "no list",
            ),
        ] {
            let error = read(&keys, body).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_row_without_an_id_is_not_of_the_run_and_says_what_it_lacks() {
        let body = br#"[{"topic":"a","event_id":"1"},{"topic":"a"},7]"#;
        let shown = rows(body, &reading(PLAIN), None).unwrap().shown;
        let lacks: Vec<&str> = shown.iter().map(|shown| shown.lacks_id.as_deref().unwrap_or("")).collect();
        assert_eq!(lacks[0], "");
        assert!(lacks[1].contains("no field `event_id`") && lacks[2].contains("is not what"), "{lacks:?}");
        let ids: Vec<&str> = shown.iter().map(|shown| shown.row.row.event_id.as_str()).collect();
        assert_eq!(ids, ["1", r#"{"topic":"a"}"#, "7"]);
    }

    #[test]
    fn a_list_may_be_absent_where_the_scenario_says_so() {
        let keys = format!("rows = \"/items\"\nrows_may_be_absent = true\n{PLAIN}");
        for body in ["{}", r#"{"items":null}"#, r#"{"items":[]}"#] {
            assert_eq!(ids(&keys, body), Vec::<String>::new(), "{body}");
        }
        assert_eq!(ids(&keys, r#"{"items":[{"topic":"a","event_id":1}]}"#), ["a 1"]);
        assert!(read(&keys, r#"{"items":7}"#).unwrap_err().contains("not a list"));
        let null = read(&format!("rows = \"/items\"\n{PLAIN}"), r#"{"items":null}"#).unwrap_err();
        assert!(null.contains("not a list"), "{null}");
    }

    #[test]
    fn the_topic_of_the_request_is_that_of_rows_that_show_none() {
        let reading = reading(
            "fields = { event_id = \"id\", row = \"n\", values = { amount = \"/a/0\" } }\nnext = \"none\"\n",
        );
        let shown = rows(br#"[{"id":"x","n":7,"a":[1.50]}]"#, &reading, Some("asked")).unwrap();
        let first = &shown.shown[0].row;
        assert_eq!((first.row.topic.as_str(), first.name.as_deref()), ("asked", Some("7")));
        assert_eq!(first.values, [("amount".to_owned(), Some("1.50".to_owned()))]);
        assert_eq!(shown.last.as_deref(), Some(r#"{"id":"x","n":7,"a":[1.50]}"#));
    }
}
