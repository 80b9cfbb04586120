//! A target with a capped listing, and its database as the second way: keys beyond the listing are
//! judged all the same.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection, Row};
use xtask::rig::cluster::{Cluster, Durability};
use xtask::rig::interrupt::Interrupt;

use crate::stack::{Server, Stack};

#[test]
fn what_a_listing_holds_back_is_read_from_sqlite() {
    what_a_listing_holds_back_is_read_from_the_database(&Server::sqlite());
}

#[test]
fn what_a_listing_holds_back_is_read_from_postgres() {
    what_a_listing_holds_back_is_read_from_the_database(&Server::postgres(Durability::Fast));
}

fn what_a_listing_holds_back_is_read_from_the_database(server: &Server) {
    let stack = Stack::start(server.database("events"));
    let scenario = stack.results().join("capped.toml");
    let text = format!(
        "[target.listing]\npath = \"/events\"\npaging = \"none\"\nlimit = 100\n\
         [database]\nurl = '{}'\nquery = 'SELECT topic, \
         event_id, timestamp, source, payload FROM processed_events'\n",
        stack.database_url()
    );
    std::fs::write(&scenario, text).unwrap();
    // Two runs, so that the second finds rows of another in the table.
    for _ in 0..2 {
        stack.load(&format!("--scenario {} --count 2000 --dup 0.3", scenario.display()));
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        for line in
            ["read from the database: the target lists only 100 rows", "1,400 stored events are as sent"]
        {
            assert!(verified.stdout.contains(line), "{line}: {}", verified.stdout);
        }
    }
    stack.sql("DELETE FROM processed_events WHERE seq = (SELECT max(seq) FROM processed_events)");
    for args in ["--settle 3s", "--offline"] {
        let verified = stack.verify(args);
        assert_eq!(verified.code, Some(1), "{}{}", verified.stdout, verified.stderr);
        assert!(
            verified.stdout.contains("lost: 1 of 1,400 acknowledged keys is absent"),
            "{}",
            verified.stdout
        );
    }
}

#[test]
fn a_password_is_used_and_written_nowhere() {
    let server = Server::postgres(Durability::Fast);
    let stack = Stack::start(server.database("events"));
    let scenario = stack.results().join("elsewhere.toml");
    let text = "[database]\nurl = 'postgres://nobody@127.0.0.1:1/x'\n\
     query = 'SELECT topic, event_id FROM processed_events'\n";
    std::fs::write(&scenario, text).unwrap();
    let url = stack.database_url().replace("postgres@", "postgres:hunter2@");
    assert!(url.contains(":hunter2@"), "{url}");
    stack.load(&format!("--scenario {} --count 200 --dup 0 --verify --database {url}", scenario.display()));
    let verified = stack.verify(&format!("--database {url}"));
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains("the database holds the 200 listed rows"), "{}", verified.stdout);
    let mut folders = vec![stack.results().to_owned()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                read += 1;
                let bytes = std::fs::read(&entry).unwrap();
                let is_told = bytes.windows(7).any(|window| window == b"hunter2");
                assert!(!is_told, "{}", entry.display());
            }
        }
    }
    assert!(read > 10, "{read} files");
}

/// Runs a scenario with this query of a database.
fn asked(stack: &Stack, listing: &str, url: &str, query: &str) -> String {
    let scenario = stack.results().join("asked.toml");
    let text =
        format!("[target.listing]\n{listing}\n[database]\nurl = '{url}'\nquery = \"\"\"{query}\"\"\"\n");
    std::fs::write(&scenario, text).unwrap();
    format!("--scenario {} --count 200 --dup 0.3", scenario.display())
}

const WHOLE: &str = "path = \"/events\"";
const CAPPED: &str = "path = \"/events\"\npaging = \"none\"\nlimit = 50";

#[test]
fn contents_are_understood_in_the_types_that_a_table_gives_them() {
    let server = Server::postgres(Durability::Fast);
    let stack = Stack::start(server.database("events"));
    for (columns, is_understood) in [
        ("topic::char(80), event_id::char(80), to_jsonb(source) AS source, payload::jsonb", true),
        ("to_jsonb(topic) AS topic, event_id, convert_to(payload, 'UTF8') AS payload", true),
        ("topic, event_id, (timestamp::timestamptz AT TIME ZONE 'UTC') AS timestamp", true),
        ("topic, event_id, extract(epoch FROM timestamp::timestamptz) * 1000000 AS timestamp", true),
        ("topic, event_id, md5(payload) AS payload", false),
        ("topic, md5(event_id) AS event_id", false),
    ] {
        let query = format!("SELECT {columns} FROM processed_events");
        stack.load(&asked(&stack, CAPPED, stack.database_url(), &query));
        let verified = stack.verify("--settle 3s");
        let code = if is_understood { 0 } else { 3 };
        assert_eq!(verified.code, Some(code), "{columns}: {}{}", verified.stdout, verified.stderr);
    }
}

#[test]
fn a_query_that_would_write_is_refused_and_writes_nothing() {
    let server = Server::postgres(Durability::Fast);
    let stack = Stack::start(server.database("events"));
    let select = "SELECT topic, event_id FROM processed_events";
    for query in [
        format!("{select}; COMMIT; CREATE TABLE written (x int)"),
        format!("COMMIT; CREATE TABLE written (x int); {select}"),
        "WITH gone AS (DELETE FROM processed_events RETURNING topic, event_id) SELECT * FROM gone".to_owned(),
        "SELECT query_to_xml('CREATE TABLE written (x int)', true, true, '')::text AS topic, '' AS event_id"
            .to_owned(),
    ] {
        stack.load(&asked(&stack, WHOLE, stack.database_url(), &query));
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(3), "{query}: {}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.contains("the database could not be read"), "{}", verified.stdout);
        assert_eq!(stack.ask("SELECT (to_regclass('written') IS NULL)::text"), "true", "{query}");
    }
}

#[test]
fn a_replica_that_is_behind_is_unknown_and_no_loss() {
    let primary = Cluster::start(Durability::Fast, &Interrupt::never()).unwrap();
    let stack = Stack::start(primary.create_database("events").unwrap());
    let replica = primary.replica(&Interrupt::never()).unwrap();
    let select = "SELECT topic, event_id FROM processed_events";
    for listing in [WHOLE, CAPPED] {
        let before: u64 = number(&replica.url("events"), "SELECT count(*) FROM processed_events");
        let args = asked(&stack, listing, &replica.url("events"), select);
        let running = stack.loading(&args.replace("--count 200", "--count 20000"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while number(&replica.url("events"), "SELECT count(*) FROM processed_events") == before {
            assert!(Instant::now() < deadline, "the replica has to follow");
        }
        number(&replica.url("events"), "SELECT 1 FROM (SELECT pg_wal_replay_pause()) AS paused");
        assert_eq!(running.finish().unwrap().code, Some(0));
        let verified = stack.verify("--settle 3s");
        assert_eq!(verified.code, Some(3), "{listing}: {}{}", verified.stdout, verified.stderr);
        let said = "the database is a replica, which may be behind";
        assert!(verified.stdout.contains(said), "{}", verified.stdout);
        number(&replica.url("events"), "SELECT 1 FROM (SELECT pg_wal_replay_resume()) AS resumed");
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(0), "{listing}: {}{}", verified.stdout, verified.stderr);
    }
}

/// Returns the only number of the only row of a query.
fn number(url: &str, query: &'static str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let row = sqlx::raw_sql(query).fetch_one(&mut connection).await.unwrap();
        row.try_get_raw(0).unwrap().as_str().unwrap().parse().unwrap()
    })
}
