//! ClickHouse over HTTP: `INSERT ... FORMAT JSONEachRow` into a ReplacingMergeTree, and
//! `SELECT ... FINAL` from it.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

const INSERT: &str = "INSERT INTO events FORMAT JSONEachRow";

/// Columns of the table; its order is by the first two.
const COLUMNS: [&str; 4] = ["topic", "event_id", "ts", "payload"];

pub(crate) struct ClickHouse {
    secret: String,
    has_defect: bool,
    /// Rows of each insert, as parts before they merge.
    parts: Vec<BTreeMap<[String; 2], Value>>,
}

impl ClickHouse {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, parts: Vec::new() }
    }

    fn insert(&mut self, request: &Request) -> Reply {
        let Some(rows) = request.lines() else { return failed(400, 27, "Cannot parse input: expected {") };
        let mut part = BTreeMap::new();
        for row in rows {
            if let Some(name) = unknown_column(&row) {
                return failed(400, 117, &format!("Unknown field found while parsing JSONEachRow: {name}"));
            }
            let [topic, event_id, ..] = COLUMNS.map(|name| row[name].as_str().unwrap_or_default().to_owned());
            part.insert([topic, event_id], row);
        }
        self.parts.push(part);
        Reply::empty(200)
    }

    fn select(&self, query: &str) -> Reply {
        let limits = query.split("LIMIT ").nth(1).and_then(|rest| rest.strip_suffix(" FORMAT JSONEachRow"));
        let limits = limits.and_then(|limits| limits.split_once(','));
        let numbers = limits.map(|(from, count)| (from.trim().parse(), count.trim().parse()));
        let Some((Ok(from), Ok(count))) = numbers else { return failed(400, 62, "Syntax error") };
        let is_final = query.contains(" FINAL ") && !self.has_defect;
        let mut seen = HashSet::new();
        // The newest row of a key stays.
        let rows = self.parts.iter().rev().flatten();
        let mut rows: Vec<_> = rows.filter(|(key, _)| !is_final || seen.insert(*key)).collect();
        rows.sort_by_key(|(key, _)| *key);
        Reply::lines(200, rows.into_iter().skip(from).take(count).map(|(_, row)| row))
    }
}

impl Api for ClickHouse {
    fn answer(&mut self, request: &Request) -> Reply {
        let is_known = request.field("x-clickhouse-user") == Some("default");
        if !is_known || request.field("x-clickhouse-key") != Some(&self.secret) {
            return failed(401, 193, "Wrong password for user default");
        }
        match (request.method.as_str(), request.parameter("query")) {
            ("POST", Some(INSERT)) => self.insert(request),
            ("POST", None) if request.text().starts_with("SELECT ") => self.select(request.text()),
            _ => failed(400, 62, "Syntax error"),
        }
    }
}

/// Returns the name of a field that is no column, or of what is no object.
fn unknown_column(row: &Value) -> Option<String> {
    let Some(fields) = row.as_object() else { return Some(row.to_string()) };
    fields.keys().find(|name| !COLUMNS.contains(&name.as_str())).cloned()
}

fn failed(status: u16, code: u16, text: &str) -> Reply {
    Reply::text(status, "text/plain; charset=UTF-8", format!("Code: {code}, e.displayText() = {text}\n"))
}
