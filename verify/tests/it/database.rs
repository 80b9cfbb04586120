//! The second way to what a target stored: a real database, beside a target that shows all of it,
//! some of it, or nothing.

use judge::verdict::{CheckId, Judgement, Status, Verdict};
use reader::database::DatabaseReader;
use reader::looking::Looking;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use truth::observed::rows::{Equality, Row, RowTally};
use truth::observed::{Observed, Route};
use truth::plan::variant::Side;
use truth::record::baseline::ListedBaseline;
use truth::target::{Database, Paging, Stats, Target};

use crate::forge::{Forged, assert_fails, assert_names, check, foreign};
use crate::looked::{brief, judged, look_at};
use crate::stub::{Pages, Script, Stub};

const QUERY: &str = "SELECT topic, event_id, timestamp, source, payload FROM stored";

/// A small run, as a target that stored all of it shows it.
fn small() -> Forged {
    brief().run()
}

/// A database file with these rows.
struct Store {
    folder: TempDir,
}

impl Store {
    async fn of(rows: &[Row]) -> Self {
        let store = Self { folder: tempfile::tempdir().expect("a folder") };
        let mut connection = store.connect().await;
        let table =
            "CREATE TABLE stored (topic TEXT, event_id TEXT, timestamp TEXT, source TEXT, payload TEXT)";
        sqlx::query(table).execute(&mut connection).await.expect("a table");
        for row in rows {
            let insert = sqlx::query("INSERT INTO stored VALUES (?, ?, ?, ?, ?)");
            let insert = insert.bind(&row.topic).bind(&row.event_id).bind(&row.timestamp);
            insert.bind(&row.source).bind(&row.payload).execute(&mut connection).await.expect("a row");
        }
        connection.close().await.expect("closed");
        store
    }

    async fn connect(&self) -> SqliteConnection {
        let path = self.folder.path().join("store.db");
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        options.connect().await.expect("a database")
    }

    fn asked(&self, query: &str) -> DatabaseReader {
        let url = format!("sqlite:{}", self.folder.path().join("store.db").display());
        reader(&url, query)
    }
}

fn reader(url: &str, query: &str) -> DatabaseReader {
    let database = Database { url: url.to_owned(), query: query.to_owned() };
    DatabaseReader::new(Some(&database), None).expect("a URL").expect("a database")
}

async fn look(forged: &Forged, target: &Target, database: &DatabaseReader) -> Observed {
    let looking = Looking { settle: std::time::Duration::from_secs(3), ..Looking::default() };
    look_at(target, forged, Some(database), looking).await.expect("something was read")
}

async fn verdict(forged: &Forged, target: &Target, database: &DatabaseReader) -> Judgement {
    let observed = look(forged, target, database).await;
    judged(forged, observed)
}

/// A target that shows these rows in this way.
async fn shown(forged: &Forged, rows: &[Row], pages: Pages) -> (Stub, Target) {
    let stub = Stub::start(Script { pages, ..Script::of(rows.to_vec(), forged.now.clone()) }).await;
    let mut target = Target { url: stub.url.clone(), ..Target::default() };
    target.listing.complete = Some(matches!(pages, Pages::Link { .. }));
    if matches!(pages, Pages::Capped { .. }) {
        (target.listing.paging, target.listing.limit) = (Some(Paging::None), 20);
    }
    (stub, target)
}

const WHOLE: Pages = Pages::Link { at_most: 10_000 };
const CAPPED: Pages = Pages::Capped { at: 20 };

#[tokio::test]
async fn a_database_that_holds_what_is_listed_agrees() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let verdict = verdict(&forged, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let said = &check(&verdict, CheckId::RoutesDisagree).summary;
    assert_eq!(said, "210 rows listed, and 210 counted; the database agrees on every key");
}

#[tokio::test]
async fn a_key_that_is_listed_and_not_stored_or_stored_and_not_listed_is_named() {
    let forged = small();
    for (damage, said) in [
        (Damage::Gone, "listed once, in the database not at all"),
        (Damage::Twice, "listed once, in the database twice"),
    ] {
        let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
        let mut rows = forged.rows.clone();
        match damage {
            Damage::Gone => drop(rows.remove(7)),
            Damage::Twice => rows.push(rows[7].clone()),
        }
        let verdict = verdict(&forged, &target, &Store::of(&rows).await.asked(QUERY)).await;
        assert_fails(&verdict, &[CheckId::RoutesDisagree]);
        assert_eq!(check(&verdict, CheckId::RoutesDisagree).findings[0].detail, said);
        assert_names(&verdict, CheckId::RoutesDisagree, ordinal(&forged, 7));
    }
}

enum Damage {
    Gone,
    Twice,
}

/// The key of a row.
fn ordinal(forged: &Forged, row: usize) -> u64 {
    let row = &forged.rows[row];
    let keys = forged.plan.keys().expect("a plan with a count");
    let is_it =
        |key: &u64| forged.events.id_text(*key) == row.event_id && forged.events.topic(*key) == row.topic;
    (0..keys).find(is_it).expect("a key of the plan")
}

#[tokio::test]
async fn a_target_that_does_not_show_all_is_judged_by_its_database() {
    let forged = small();
    for capped in [true, false] {
        let (_stub, mut target) = shown(&forged, &forged.rows, CAPPED).await;
        if !capped {
            target.listing.path = None;
        }
        let store = Store::of(&forged.rows).await;
        let observed = look(&forged, &target, &store.asked(QUERY)).await;
        assert_eq!((observed.listing.route, observed.listing.rows), (Route::Database, 210));
        let kept = store.folder.path().join("observed");
        observed.save(&kept).expect("saved");
        assert_eq!(Observed::load(&kept).expect("loaded"), observed);
        let verdict = judged(&forged, observed);
        assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
        let told = if capped { "lists only 20 rows of this run" } else { "the target lists nothing" };
        assert!(
            verdict.observations.iter().any(|line| line.to_string().contains(told)),
            "{:#?}",
            verdict.observations
        );

        // A lost key is lost, and every key that the target shows has to be there.
        let mut rows = forged.rows.clone();
        rows.remove(205);
        let verdict = self::verdict(&forged, &target, &Store::of(&rows).await.asked(QUERY)).await;
        assert_fails(&verdict, &[CheckId::Lost]);
        assert_names(&verdict, CheckId::Lost, ordinal(&forged, 205));
    }
    let (_stub, target) = shown(&forged, &forged.rows, CAPPED).await;
    let verdict = verdict(&forged, &target, &Store::of(&forged.rows[1..]).await.asked(QUERY)).await;
    assert_names(&verdict, CheckId::RoutesDisagree, ordinal(&forged, 0));
}

#[tokio::test]
async fn a_database_is_enough_where_the_target_shows_and_counts_nothing() {
    let forged = small();
    let (_stub, mut target) = shown(&forged, &forged.rows, WHOLE).await;
    (target.listing.path, target.stats) = (None, Stats::default());
    let mut silent = forged.clone();
    (silent.baseline, silent.closing) = (None, None);
    let verdict = verdict(&silent, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let mut rows = forged.rows.clone();
    rows.push(rows[3].clone());
    let verdict = self::verdict(&silent, &target, &Store::of(&rows).await.asked(QUERY)).await;
    assert_fails(&verdict, &[CheckId::StoredTwice]);
}

#[tokio::test]
async fn contents_that_only_the_database_shows_are_compared_by_what_they_mean() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let mut rows = forged.rows.clone();
    let payload = rows[2].payload.as_deref().expect("sent");
    rows[2].payload = Some(payload.replace(':', ": "));
    rows[2].timestamp = rows[2].timestamp.as_ref().map(|text| text.replace('T', " ").replace('Z', "+00"));
    let store = Store::of(&rows).await;
    let verdict = verdict(&forged, &target, &store.asked(QUERY)).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);

    let mut connection = store.connect().await;
    let damage = "UPDATE stored SET payload = NULL WHERE rowid = 3";
    sqlx::query(damage).execute(&mut connection).await.expect("damaged");
    let verdict = self::verdict(&forged, &target, &store.asked(QUERY)).await;
    assert_fails(&verdict, &[CheckId::PayloadChanged]);
    let found = &check(&verdict, CheckId::PayloadChanged).findings[0].detail;
    assert!(found.starts_with("in the database, payload is missing; 209 of 210 rows show it"), "{found}");
}

#[tokio::test]
async fn rows_of_others_in_the_table_are_told_and_no_fault() {
    let mut forged = small();
    let before = forged.rows.clone();
    for (shared, held) in [(Some(false), 0), (Some(false), 3), (Some(false), 9), (None, 9)] {
        let mut rows = forged.rows.clone();
        rows.extend((0..held).map(foreign));
        forged.promises.shared = shared;
        for pages in [WHOLE, CAPPED] {
            for told_before in [false, true] {
                forged.baseline.as_mut().expect("a baseline").stored =
                    told_before.then(|| held_before(&forged));
                let (_stub, target) = shown(&forged, &before, pages).await;
                let verdict = verdict(&forged, &target, &Store::of(&rows).await.asked(QUERY)).await;
                let grew = told_before && held == 9;
                // Where nobody else is said to write, rows that appear are not passed over.
                let is_doubted = grew && shared.is_some();
                let expected = if is_doubted { Verdict::Unknown } else { Verdict::Pass };
                assert_eq!(verdict.verdict, expected, "{held} {told_before}: {:#?}", verdict.reasons);
                let said = "the database holds 4 rows that are not of this run more than before it";
                let is_said = verdict.observations.iter().any(|line| line.to_string() == said);
                assert_eq!(is_said, grew && !is_doubted, "{held}: {:#?}", verdict.observations);
            }
        }
    }
}

/// Makes a baseline with five rows of others.
fn held_before(forged: &Forged) -> ListedBaseline {
    let mut tally = RowTally::new(&forged.events, forged.plan.nonce, 210, Equality::NONE);
    (0..5).for_each(|number| tally.take(&foreign(number)));
    ListedBaseline { rows: tally.rows, foreign: tally.foreign }
}

#[tokio::test]
async fn what_the_target_shows_wrongly_is_found_also_where_the_database_decides() {
    let forged = small();
    let mut rows = forged.rows.clone();
    for row in &mut rows[..10] {
        row.payload = Some("{\"n\":-1}".to_owned());
    }
    let (_stub, target) = shown(&forged, &rows, CAPPED).await;
    let verdict = verdict(&forged, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_fails(&verdict, &[CheckId::PayloadChanged]);
    let found = &check(&verdict, CheckId::PayloadChanged).findings[0].detail;
    assert!(found.starts_with("in the listing, payload is"), "{found}");
    let mut rows = forged.rows.clone();
    rows[3].topic =
        rows.iter().map(|row| &row.topic).find(|topic| **topic != rows[3].topic).expect("two").clone();
    let (_stub, target) = shown(&forged, &rows, CAPPED).await;
    let verdict = self::verdict(&forged, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_fails(&verdict, &[CheckId::WrongTopic]);
}

#[tokio::test]
async fn a_key_that_is_listed_with_one_payload_and_stored_with_the_other_is_named() {
    let mut forge = brief();
    forge.scenario.traps.other_payload = 4;
    let forged = forge.run();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let verdict = verdict(&forged, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);

    let key = (0..).find(|key| forged.events.variant(*key).is_some()).expect("one key in four");
    let id = forged.events.id_text(key);
    let mut rows = forged.rows.clone();
    let row = rows.iter_mut().find(|row| row.event_id == id).expect("stored");
    let payloads = [Side::Plain, Side::Other].map(|side| Some(forged.events.payload(key, side)));
    row.payload = payloads.into_iter().find(|payload| *payload != row.payload).expect("two payloads");
    let verdict = self::verdict(&forged, &target, &Store::of(&rows).await.asked(QUERY)).await;
    assert_fails(&verdict, &[CheckId::RoutesDisagree]);
    assert_names(&verdict, CheckId::RoutesDisagree, key);
    let said = "listed with one of its payloads, in the database with the other";
    assert_eq!(check(&verdict, CheckId::RoutesDisagree).findings[0].detail, said);
}

#[tokio::test]
async fn what_the_database_holds_is_not_lost_however_little_the_target_shows() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, Pages::Newest { of: 60 }).await;
    let verdict = verdict(&forged, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    // One that the target alone does not show is told apart, and not lost.
    let mut rows = forged.rows.clone();
    rows.remove(7);
    let (_stub, target) = shown(&forged, &rows, WHOLE).await;
    let verdict = self::verdict(&forged, &target, &Store::of(&forged.rows).await.asked(QUERY)).await;
    assert_fails(&verdict, &[CheckId::RoutesDisagree]);
}

#[tokio::test]
async fn a_table_that_is_not_the_targets_is_unknown_and_nothing_lost() {
    let mut forged = small();
    forged.is_complete = false;
    for rows in [Vec::new(), (0..9).map(foreign).collect()] {
        let (_stub, target) = shown(&forged, &forged.rows, CAPPED).await;
        let verdict = verdict(&forged, &target, &Store::of(&rows).await.asked(QUERY)).await;
        assert_fails(&verdict, &[]);
        let said = format!("none of its {} rows is of this run", rows.len());
        assert!(
            verdict.reasons.iter().any(|reason| reason.to_string().contains(&said)),
            "{:#?}",
            verdict.reasons
        );
    }
}

#[tokio::test]
async fn a_column_that_is_not_understood_is_unknown_and_one_that_is_counts() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let store = Store::of(&forged.rows).await;
    for (column, is_understood) in [
        ("1000000 * strftime('%s', timestamp) + 1000 * substr(timestamp, 21, 3) AS timestamp", true),
        ("replace(replace(timestamp, 'T', ' '), 'Z', ' +0000 UTC') AS timestamp", true),
        ("timestamp || ' at noon' AS timestamp", true),
        ("julianday(timestamp) AS timestamp", true),
        ("NULL AS payload", true),
        ("upper(source) AS source", false),
        ("CAST(payload AS BLOB) AS payload", true),
        ("hex(payload) AS payload", false),
    ] {
        let query = format!("SELECT topic, event_id, {column} FROM stored");
        let verdict = verdict(&forged, &target, &store.asked(&query)).await;
        assert_fails(&verdict, &[]);
        let word = if is_understood { Verdict::Pass } else { Verdict::Unknown };
        assert_eq!(verdict.verdict, word, "{column}: {:#?}", verdict.reasons);
        let is_said = verdict
            .reasons
            .iter()
            .any(|reason| reason.to_string().contains("is not understood: not one of 210"));
        assert_eq!(is_said, !is_understood, "{:#?}", verdict.reasons);
    }
}

#[tokio::test]
async fn a_query_without_an_end_and_a_server_that_does_not_answer_are_left() {
    let forged = small();
    let store = Store::of(&forged.rows).await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'a' AS topic, i AS event_id FROM n";
    let silent = Silent::start().await;
    for reader in [store.asked(endless), reader(&silent.url, QUERY)] {
        let mut tally = RowTally::new(&forged.events, forged.plan.nonce, 210, Equality::NONE);
        let read = reader.rows_into(&mut tally, std::time::Duration::from_millis(300)).await;
        let said = read.expect_err("there is no end to it").to_string();
        assert!(said.contains("limit database.query"), "{said}");
    }
}

/// A PostgreSQL that lets in and then says nothing more.
struct Silent {
    url: String,
}

impl Silent {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("postgres://app@{}/events?sslmode=disable", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.expect("let in");
                stream.read_to_end(&mut Vec::new()).await.ok();
            }
        });
        Self { url }
    }
}

#[tokio::test]
async fn a_query_of_two_kinds_of_rows_is_refused() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let query = format!("{QUERY}; SELECT event_id, rowid FROM stored");
    let verdict = verdict(&forged, &target, &Store::of(&forged.rows).await.asked(&query)).await;
    assert_fails(&verdict, &[]);
    assert!(
        verdict.reasons[0].to_string().contains("its column `rowid` is unknown, expected topic"),
        "{:#?}",
        verdict.reasons
    );
}

#[tokio::test]
async fn a_database_that_cannot_be_asked_is_unknown_and_says_why() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let store = Store::of(&forged.rows).await;
    for (query, why) in [
        ("SELECT topic, event_id FROM nowhere", "no such table: nowhere"),
        ("SELECT topic, payload FROM stored", "it has no column `event_id`; name one with AS event_id"),
        (
            "SELECT topic, event_id, rowid AS n FROM stored",
            "its column `n` is unknown, expected topic, event_id, timestamp",
        ),
        ("SELECT topic, NULL AS event_id FROM stored", "WHERE event_id IS NOT NULL"),
        ("DELETE FROM stored RETURNING topic, event_id", "readonly database"),
    ] {
        let verdict = verdict(&forged, &target, &store.asked(query)).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{query}");
        let reasons = verdict.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(reasons.contains("the database could not be read: "), "{reasons}");
        assert_eq!(reasons.matches(why).count(), 1, "said once: {reasons}");
    }
    // Neither is a file made that is not there, nor a server waited for that does not listen.
    let nowhere = store.folder.path().join("nowhere.db");
    for url in
        [format!("sqlite:{}", nowhere.display()), format!("postgres://app@127.0.0.1:{}/events", free_port())]
    {
        let verdict = verdict(&forged, &target, &reader(&url, QUERY)).await;
        assert_eq!(verdict.verdict, Verdict::Unknown, "{url}");
        assert!(
            verdict.reasons[0].to_string().contains(&format!("cannot connect to {url}")),
            "{:#?}",
            verdict.reasons
        );
    }
    assert!(!nowhere.exists());
    // Nothing else to read: that is no VOID run.
    let (_stub, mut target) = shown(&forged, &forged.rows, WHOLE).await;
    (target.listing.path, target.stats) = (None, Stats::default());
    let verdict = verdict(&forged, &target, &store.asked("SELECT 1 AS topic")).await;
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    assert_eq!(check(&verdict, CheckId::Lost).status, Status::NotTested);
    assert!(
        !verdict.reasons.iter().any(|reason| reason.to_string().contains("offers neither")),
        "{:#?}",
        verdict.reasons
    );
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

#[tokio::test]
async fn values_of_every_type_are_read_as_the_database_writes_them() {
    let forged = small();
    let (_stub, target) = shown(&forged, &forged.rows, WHOLE).await;
    let store = Store::of(&forged.rows).await;
    let union = format!("{QUERY} UNION ALL SELECT 7, 8.5, NULL, x'6162', 9");
    let observed = look(&forged, &target, &store.asked(&union)).await;
    let database = observed.database.expect("asked");
    assert_eq!((database.unread, database.rows), (None, 211));
}

#[test]
fn a_database_without_a_query_or_of_another_kind_is_refused() {
    let error = DatabaseReader::new(None, Some("sqlite:store.db")).expect_err("no query").to_string();
    assert!(error.contains("[database]"), "{error}");
    let database = Database { url: "sqlite:store.db".to_owned(), query: QUERY.to_owned() };
    let error =
        DatabaseReader::new(Some(&database), Some("mysql://app:hunter2@db/x")).expect_err("no such kind");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let hidden =
        DatabaseReader::new(Some(&database), Some("postgres://app:/hunter2@db/x")).expect_err("two ways");
    assert!(!hidden.to_string().contains("hunter2") && hidden.to_string().contains("%2F"), "{hidden}");
    let reader = DatabaseReader::new(Some(&database), Some("postgres://app:hunter2@db/x")).expect("a URL");
    assert!(!format!("{reader:?}").contains("hunter2"), "{reader:?}");
}
