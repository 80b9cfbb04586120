//! `verify probe` at a target in use, which shows thousands of rows before the events of the probe.

use std::process::{Command, Output};

use truth::observed::counters::Counters;

use crate::binary::{stderr, stdout};
use crate::forge::foreign;
use crate::stub::{Pages, Script, Stub};

/// Rows that are there before.
const EARLIER: u64 = 2_500;

async fn probe(pages: Pages, by_topic: bool, counts: bool) -> Output {
    let rows: Vec<_> = (0..EARLIER).map(foreign).collect();
    let counted = |count| Some(count);
    let stats = Counters {
        received: counted(EARLIER),
        unique: counted(EARLIER),
        duplicates: counted(0),
        pending: counted(0),
        processing: counted(0),
        ..Counters::default()
    };
    let told = move |_: usize, counters: &Counters| counts.then(|| counters.clone());
    let script = Script { pages, by_topic, on_stats: Box::new(told), ..Script::of(rows, stats) };
    let stub = Stub::start(script).await;
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_verify"))
        .args(["probe", &stub.url])
        .current_dir(folder.path())
        .output()
        .expect("the program runs");
    assert!(folder.path().join("onceproof.toml").exists(), "{}", stderr(&output));
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_is_found_behind_the_rows_that_were_there_before() {
    for (pages, by_topic, path, next) in [
        (Pages::Link { at_most: 1_000 }, true, "/events?limit={{limit}}&topic={{topic}}", "link"),
        (Pages::Link { at_most: 100 }, false, "/events?limit={{limit}}", "link"),
        (Pages::Offset, false, "/events?limit={{limit}}&offset={{offset}}", "offset"),
        (Pages::Newest { of: 60 }, false, "/events?limit={{limit}}", "link"),
    ] {
        let output = probe(pages, by_topic, true).await;
        let told = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{pages:?}: {told}{}", stderr(&output));
        for line in [format!("path = \"{path}\""), format!("next = \"{next}\"")] {
            assert!(told.contains(&format!("\n{line}\n")), "{pages:?} {line}: {told}");
        }
        assert!(!stderr(&output).contains("not found: a listing"), "{}", stderr(&output));
        // An event that was found on a late page may have been stored meanwhile.
        assert_eq!(told.contains("\nack = \"queued\"\n"), !by_topic, "{pages:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_shows_ours_only_by_their_topic_is_asked_so() {
    let output = probe(Pages::Capped { at: 1_000 }, true, true).await;
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{told}{}", stderr(&output));
    for line in ["path = \"/events?limit={{limit}}&topic={{topic}}\"", "next = \"none\""] {
        assert!(told.contains(&format!("\n{line}\n")), "{line}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_looked_for_in_vain_is_said_with_the_settings_that_are_to_be_filled_in() {
    for counts in [true, false] {
        let output = probe(Pages::Numbered { from: 0 }, false, counts).await;
        let code = if counts { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let seen = "GET /events shows 20 rows, but no event of the probe, and no further page that has one";
        let told = stderr(&output);
        assert!(
            told.contains(&format!("not found: a listing (target.listing: path, rows); {seen}")),
            "{told}"
        );
        assert!(stdout(&output).contains("# fill in: path = \"/...\""), "{}", stdout(&output));
        let missing = "not found: counters (target.stats: path, received, unique, duplicates)";
        assert_eq!(told.contains(missing), !counts, "{told}");
        assert_eq!(told.contains("nothing shows what the target stored"), !counts, "{told}");
    }
}
