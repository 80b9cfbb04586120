//! Scenario of a trial, put together from the parts of a row.

use std::path::Path;

use super::cell::{Cell, Pace};
use super::table::Oddity;

/// Load of a run without a load of its own.
const LOAD: &str = "batch = 10\n";

const QUERY: &str = "SELECT topic, event_id, timestamp, source, payload FROM events";

const COMPLETE: &str = "[target.listing]\npath = \"/events\"\ncomplete = true\n";

const LISTING: &str = "[target.listing]\npath = \"/events\"\n";

/// Key of a listing: the request for a single key.
const ONE: &str = "one = { path = \"/events/{{topic}}/{{event_id}}\" }\n";

/// Time for which an unanswered request may still take effect, in a run with shorter delays. It is
/// no promise that a verdict rests on here.
const ZOMBIE: &str = "zombie = \"500ms\"\n";

/// Returns the scenario of a cell. `process` is the table that starts the target, if loadgen does,
/// and `file` the target's SQLite file.
pub(super) fn text(oddity: &Oddity, cell: Cell, pace: Pace, process: &str, file: &Path) -> String {
    let Oddity { load, target, faults, remedy, .. } = oddity;
    let load = if load.is_empty() { LOAD } else { load };
    let mut promises = if pace == Pace::Scaled { ZOMBIE.to_owned() } else { String::new() };
    let mut database = String::new();
    let mut target = *target;
    let mut listing = String::new();
    if cell.is_declared() {
        promises += &scaled(remedy.promises, pace.scale());
        target = remedy.target.unwrap_or(target);
        if remedy.is_complete {
            listing.push_str(COMPLETE);
        }
        if remedy.has_one {
            let table = if target.contains(LISTING) { "" } else { LISTING };
            listing.push_str(&format!("{table}{ONE}"));
        }
        if remedy.has_database {
            database = format!("[database]\nurl = \"sqlite:{}\"\nquery = \"{QUERY}\"\n", file.display());
        }
    }
    format!(
        "name = \"oddity\"\n[load]\n{load}{target}{listing}{process}{faults}{database}[promises]\n{promises}"
    )
}

/// Divides times that are written as `@30s`.
fn scaled(text: &str, scale: u32) -> String {
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (seconds, rest) = part.split_once('s').expect("a time of a remedy is in seconds");
        let seconds: u32 = seconds.parse().expect("a time of a remedy is a number");
        out += &format!("{}ms{rest}", seconds * 1_000 / scale);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    #[test]
    fn times_are_divided_and_nothing_else_is() {
        let text = "preset = \"queued\"\ndrain = \"@25s\"\nvisible = \"@5s\"\n";
        assert_eq!(scaled(text, 10), "preset = \"queued\"\ndrain = \"2500ms\"\nvisible = \"500ms\"\n");
        assert_eq!(scaled("shared = true\n", 10), "shared = true\n");
    }

    #[test]
    fn what_is_declared_stands_in_the_cells_with_a_remedy_alone() {
        let row = |name: &str| table::all().find(|oddity| oddity.name == name).unwrap();
        let text = |name, cell| text(row(name), cell, Pace::Scaled, "", Path::new("/tmp/a.db"));
        let undeclared = "name = \"oddity\"\n[load]\nbatch = 10\n[promises]\nzombie = \"500ms\"\n";
        assert_eq!(text("newest-rows", Cell::Undeclared), undeclared);
        assert!(text("newest-rows", Cell::Defect).contains("url = \"sqlite:/tmp/a.db\""));
        let one = "paging = \"link\"\none = { path = \"/events/{{topic}}/{{event_id}}\" }\n";
        assert!(text("topic-ignored-where-each-is-asked", Cell::Declared).contains(one));
        assert!(text("inclusive-cursor", Cell::Declared).contains(&format!("{LISTING}{ONE}")));
        assert!(text("late-rows", Cell::Declared).ends_with("zombie = \"500ms\"\nvisible = \"2500ms\"\n"));
        assert!(text("two-instances", Cell::Undeclared).contains("received = "));
        assert!(!text("two-instances", Cell::Declared).contains("received = "));
    }
}
