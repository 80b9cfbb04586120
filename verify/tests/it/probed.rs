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
    for (pages, by_topic, paging) in [
        (Pages::Link { at_most: 1_000 }, true, "link"),
        (Pages::Link { at_most: 100 }, false, "link"),
        (Pages::Offset, false, "offset"),
        (Pages::Newest { of: 60 }, false, "link"),
    ] {
        let output = probe(pages, by_topic, true).await;
        let told = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{pages:?}: {told}{}", stderr(&output));
        for line in ["path = \"/events\"", "topics = \"all\"", &format!("paging = \"{paging}\"")] {
            assert!(told.contains(&format!("\n{line}\n")), "{pages:?} {line}: {told}");
        }
        assert!(!stderr(&output).contains("not found"), "{}", stderr(&output));
        // An event that was found on a late page may have been stored meanwhile.
        assert_eq!(told.contains("\nack = \"queued\"\n"), !by_topic, "{pages:?}: {told}");
        // A filter that shows every row under a topic that nobody used is none.
        assert_eq!(told.contains("\ntopic = \"\"\n"), !by_topic, "{pages:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_shows_ours_only_by_their_topic_is_asked_so() {
    let output = probe(Pages::Capped { at: 1_000 }, true, true).await;
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{told}{}", stderr(&output));
    for line in ["topics = \"each\"", "paging = \"none\""] {
        assert!(told.contains(&format!("\n{line}\n")), "{line}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_looked_for_in_vain_is_said_with_the_settings_that_are_to_be_filled_in() {
    let output = probe(Pages::Numbered { from: 0 }, false, true).await;
    assert_eq!(output.status.code(), Some(0), "the counters can be judged: {}", stderr(&output));
    let seen = "GET /events shows 20 rows, but no event of the probe, and no further page that has one";
    assert!(stderr(&output).contains(&format!("not found: a listing (target.listing: path, rows); {seen}")));
    assert!(stdout(&output).contains("# fill in: path = \"/...\""), "{}", stdout(&output));

    let output = probe(Pages::Numbered { from: 0 }, false, false).await;
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(
        told.contains("not found: counters (target.stats: path, received, unique, duplicates)"),
        "{told}"
    );
    assert!(told.contains("nothing shows what the target stored"), "{told}");
}
