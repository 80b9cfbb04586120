//! A target that shows only so much, with its database as the second way: what it does not show is judged all the same.

use xtask::cluster::Durability;

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
        "[target.listing]\npath = \"/events\"\npaging = \"none\"\nlimit = 100\n[database]\nurl = '{}'\nquery = 'SELECT topic, \
         event_id, timestamp, source, payload FROM processed_events'\n",
        stack.database_url()
    );
    std::fs::write(&scenario, text).unwrap();
    // Twice, so that the second run finds rows of another in the table.
    for _ in 0..2 {
        stack.load(&format!("--scenario {} --count 2000 --dup 0.3", scenario.display()));
        let verified = stack.verify("");
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        for line in ["read from the database: the target lists 100 rows", "1,400 stored events are as sent"] {
            assert!(verified.stdout.contains(line), "{line}: {}", verified.stdout);
        }
    }
    stack.sql("DELETE FROM processed_events WHERE seq = (SELECT max(seq) FROM processed_events)");
    for args in ["--settle 1s", "--offline"] {
        let verified = stack.verify(args);
        assert_eq!(verified.code, Some(1), "{}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.contains("lost: 1 acknowledged key is absent"), "{}", verified.stdout);
    }
}

#[test]
fn a_password_is_used_and_written_nowhere() {
    let server = Server::postgres(Durability::Fast);
    let stack = Stack::start(server.database("events"));
    let scenario = stack.results().join("elsewhere.toml");
    let text = "[database]\nurl = 'postgres://nobody@127.0.0.1:1/x'\nquery = 'SELECT topic, event_id FROM processed_events'\n";
    std::fs::write(&scenario, text).unwrap();
    let url = stack.database_url().replace("postgres@", "postgres:hunter2@");
    assert!(url.contains(":hunter2@"), "{url}");
    stack.load(&format!("--scenario {} --count 200 --dup 0 --verify --database {url}", scenario.display()));
    let verified = stack.verify(&format!("--database {url}"));
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains("the database holds the same"), "{}", verified.stdout);
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
