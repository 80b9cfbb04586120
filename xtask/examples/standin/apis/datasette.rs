//! Datasette with the plugin datasette-insert: rows are put into a table by the one primary key that
//! the query names, and the table's JSON shows them.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Largest page.
const MOST: usize = 1_000;

pub(crate) struct Datasette {
    secret: String,
    has_defect: bool,
    /// Rows of the table, once it was made.
    table: Option<Rows>,
}

impl Datasette {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, table: None }
    }

    fn insert(&mut self, request: &Request) -> Reply {
        let rows = match serde_json::from_slice(&request.body) {
            Ok(Value::Array(rows)) => rows,
            Ok(Value::Object(row)) => vec![Value::Object(row)],
            _ => return Reply::json(500, &json!({"ok": false, "error": "JSONDecodeError", "status": 500})),
        };
        let table = self.table.get_or_insert_with(Rows::new);
        let pk = request.parameter("pk").filter(|_| !self.has_defect);
        for mut row in rows {
            // An object is stored as its JSON text.
            let cells = row.as_object_mut().into_iter().flatten();
            cells.filter(|(_, cell)| cell.is_object()).for_each(|(_, cell)| *cell = cell.to_string().into());
            match pk.and_then(|pk| row[pk].as_str().map(str::to_owned)) {
                Some(key) => drop(table.put(&key, row)),
                None => table.push(row),
            }
        }
        Reply::json(200, &json!({"table_count": table.all().len()}))
    }

    fn list(&self, request: &Request) -> Reply {
        let Some(table) = &self.table else {
            return failed(404, "Table not found: events");
        };
        let size = request.number("_size", 100);
        if size > MOST {
            return failed(400, "_size must be <= 1000");
        }
        let mut rows: Vec<&Value> = table.all().iter().collect();
        rows.sort_by_key(|row| row["event_id"].as_str().unwrap_or_default());
        let after = request.parameter("_next").unwrap_or_default();
        let mut rows = rows.into_iter().filter(|row| row["event_id"].as_str().unwrap_or_default() > after);
        let page: Vec<&Value> = rows.by_ref().take(size).collect();
        let next = rows.next().and(page.last()).map(|row| row["event_id"].clone());
        Reply::json(200, &json!({"ok": true, "rows": page, "truncated": false, "next": next}))
    }
}

impl Api for Datasette {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(403, "Permission denied");
        }
        match request.route() {
            ("POST", path) if path == ["-", "insert", "data", "events"] => self.insert(request),
            ("GET", path) if path == ["data", "events.json"] => self.list(request),
            _ => failed(404, "Not found"),
        }
    }
}

fn failed(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({"ok": false, "error": error, "status": status}))
}
