//! Target of `cargo xtask oddities`: sound in every oddity, odd as it says, and faulty with a defect.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use xtask::matrix::third::Third;
use xtask::matrix::work::{Run, side_by_side};
use xtask::oddities::cell::{Cell, Pace};
use xtask::oddities::table::{self, Oddity};
use xtask::oddities::trial::{TARGET, Trial};
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};
use xtask::rig::scratch::Scratch;
use xtask::rig::service::Service;

/// Keys of most tests: more than a page holds.
const KEYS: usize = 1_200;

/// A scale at which no delay is noticed.
const AT_ONCE: (&str, &str) = ("SCALE", "1000000");

/// Trials side by side.
const SIDE_BY_SIDE: usize = 3;

/// A running target and its file.
struct Target {
    service: Service,
    folder: Scratch,
}

/// Response of the target.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the path of the next page.
    fn next(&self) -> Option<String> {
        let link = self.head.lines().find_map(|line| line.strip_prefix("link: <"))?;
        Some(link.split_once('>').unwrap().0.to_owned())
    }
}

impl Target {
    fn start(settings: &[(&'static str, &str)]) -> Self {
        let programs = programs();
        let folder = Scratch::new().unwrap();
        let mut all = vec![("FILE", folder.path().join("events.db").display().to_string())];
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self { service: Service::start(&programs, TARGET, all).unwrap(), folder }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        ask(self.service.address(), method, path, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    fn post(&self, events: &[Value]) -> Answer {
        self.ask("POST", "/publish?results=true", &json!(events).to_string())
    }

    /// Sends events, 100 in a request.
    fn fill(&self, events: &[Value]) {
        events.chunks(100).for_each(|events| assert!(self.post(events).status < 300));
    }

    /// Returns the ids in all pages from this one on.
    fn list(&self, path: &str) -> Vec<String> {
        let mut ids = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.get(&path);
            let rows = page.json();
            ids.extend(
                rows.as_array().unwrap().iter().map(|row| row["event_id"].as_str().unwrap().to_owned()),
            );
            next = page.next();
        }
        ids
    }

    /// Returns the counters: received, unique, duplicates.
    fn counters(&self) -> [u64; 3] {
        let stats = self.get("/stats").json();
        ["received", "unique_processed", "duplicate_dropped"].map(|name| stats[name].as_u64().unwrap())
    }

    /// Returns the number of rows in the file for which this holds.
    fn stored(&self, condition: &str) -> i64 {
        let path = self.folder.path().join("events.db").display().to_string();
        let query = format!("SELECT count(*) FROM events WHERE source = 'test' AND {condition}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{path}")).await.unwrap();
            sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap()
        })
    }

    fn kill_and_restart(&mut self) {
        self.service.kill().unwrap();
        self.service.restart().unwrap();
    }
}

fn ask(server: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(server).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

/// Returns events with these numbers.
fn events(numbers: std::ops::Range<usize>) -> Vec<Value> {
    let topic = |number: usize| ["auth", "payment", "orders"][number % 3];
    let event = |number: usize| {
        json!({"topic": topic(number), "event_id": format!("id-{number:05}"), "source": "test",
            "timestamp": format!("2025-01-01T00:00:{:02}.007Z", number % 60),
            "payload": {"n": number, "note": "caf\u{e9}"}})
    };
    numbers.map(event).collect()
}

#[test]
fn each_event_is_kept_once_whatever_the_oddity() {
    for oddity in table::all() {
        let trial = Trial { oddity, cell: Cell::Undeclared, pace: Pace::Scaled, seed: 1 };
        let settings = trial.settings(std::path::Path::new("unused"));
        let settings = settings.iter().filter(|(name, _)| !["FILE", "SCALE"].contains(name));
        let settings: Vec<(&str, &str)> = settings.map(|(name, value)| (*name, value.as_str())).collect();
        let target = Target::start(&[&settings[..], &[AT_ONCE]].concat());
        let sent = events(0..40);
        for events in [&sent[..20], &sent[10..30], &sent[..1], &sent[20..], &sent[..20]] {
            target.post(&[events, &events[..1]].concat());
        }
        // Some store after they have answered.
        while target.stored("true") < 40 {
            std::thread::yield_now();
        }
        assert_eq!(target.stored("true"), 40, "{}", oddity.name);
        let is_as_sent = "json_extract(payload, '$.n') = CAST(substr(event_id, 4) AS INTEGER)";
        assert_eq!(target.stored(is_as_sent), 40, "{}", oddity.name);
    }
}

#[test]
fn each_key_can_be_asked_for_whatever_the_view() {
    for view in ["newest", "oldest", "sampled", "late"] {
        let target = Target::start(&[("VIEW", view)]);
        target.fill(&events(0..KEYS));
        for (path, status) in [
            ("/events/auth/id-00000", 200),
            ("/events/auth/id-01050", 200),
            ("/events/payment/id-00000", 404),
            ("/events/auth/nobody", 404),
        ] {
            assert_eq!(target.get(path).status, status, "{view} {path}");
        }
    }
}

#[test]
fn each_view_shows_what_it_says() {
    let filled = |settings: &[(&'static str, &str)]| {
        let target = Target::start(settings);
        target.fill(&events(0..KEYS));
        target
    };
    for (settings, shown) in [
        (&[("VIEW", "whole")][..], KEYS),
        (&[("VIEW", "newest")], 500),
        (&[("VIEW", "newest-of-topic")], 450),
        (&[("VIEW", "oldest")], 500),
        (&[("VIEW", "sampled")], KEYS / 10),
        (&[("VIEW", "since-start")], KEYS),
        (&[("VIEW", "young"), AT_ONCE], 0),
        (&[("VIEW", "late")], 0),
        (&[("VIEW", "late"), AT_ONCE], KEYS),
        (&[("VIEW", "late-topic")], KEYS * 2 / 3),
        (&[("VIEW", "late-shard"), AT_ONCE], KEYS),
        (&[("VIEW", "merging")], KEYS),
        (&[("ORDER", "oldest-first")], KEYS),
        (&[("ORDER", "key")], KEYS),
        (&[("PAGING", "one")], 1_000),
        (&[("PAGING", "unlimited")], KEYS),
        // Five further pages, each of which repeats a row.
        (&[("PAGING", "inclusive")], KEYS + 5),
    ] {
        let limit = if settings[0] == ("PAGING", "one") { 1_000 } else { 201 };
        let ids = filled(settings).list(&format!("/events?limit={limit}"));
        assert_eq!(ids.len(), shown, "{settings:?}");
    }
    let shard = filled(&[("VIEW", "late-shard")]).list("/events").len();
    assert!((KEYS / 2..KEYS * 9 / 10).contains(&shard), "{shard}");
    let has = |settings: &[(&'static str, &str)], id: &str| {
        filled(settings).list("/events").contains(&id.to_owned())
    };
    assert!(has(&[("VIEW", "newest")], "id-01199") && !has(&[("VIEW", "newest")], "id-00000"));
    assert!(!has(&[("VIEW", "oldest")], "id-01199") && has(&[("VIEW", "oldest")], "id-00000"));
}

#[test]
fn orders_offsets_and_filters_are_as_they_say() {
    let target = Target::start(&[("ORDER", "ties"), ("PAGING", "offset")]);
    target.fill(&events(0..KEYS));
    // The request of 100 that stands on the border is split, and its second part is in another order.
    let ids = [target.list("/events?limit=550"), target.list("/events?limit=550&offset=550")].concat();
    let different: HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (1_100, 1_050));

    let target = Target::start(&[("FILTER", "heeded")]);
    target.fill(&events(0..300));
    assert_eq!(target.list("/events?topic=auth&limit=30").len(), 100);
    let target = Target::start(&[("FILTER", "ignored")]);
    target.fill(&events(0..300));
    assert_eq!(target.list("/events?topic=auth&limit=30").len(), 300);
    let target = Target::start(&[("ORDER", "oldest-first")]);
    target.fill(&events(0..300));
    assert_eq!(target.list("/events?limit=7")[..2], ["id-00000", "id-00001"]);
}

#[test]
fn copies_replicas_and_processes_show_for_a_time_what_they_say() {
    let target = Target::start(&[("VIEW", "merging")]);
    target.fill(&[events(0..200), events(0..50)].concat());
    assert_eq!(target.list("/events").len(), 250);
    let target = Target::start(&[("VIEW", "merging"), AT_ONCE]);
    target.fill(&[events(0..200), events(0..50)].concat());
    assert_eq!(target.list("/events").len(), 200);

    let target = Target::start(&[("VIEW", "replica")]);
    target.fill(&events(0..200));
    assert_eq!([(); 2].map(|()| target.list("/events").len()), [200, 0]);

    let mut target = Target::start(&[("VIEW", "since-start")]);
    target.fill(&events(0..200));
    target.kill_and_restart();
    target.fill(&events(190..220));
    assert_eq!((target.list("/events").len(), target.stored("true")), (20, 220));
}

#[test]
fn each_form_changes_how_a_row_is_written() {
    let row = |form: &str| {
        let target = Target::start(&[("FORM", form)]);
        target.fill(&events(7..8));
        String::from_utf8(target.get("/events").body).unwrap()
    };
    for (form, part) in [
        ("as-sent", r#""timestamp":"2025-01-01T00:00:07.007Z","source":"test","payload":{"n":7,"#),
        ("rewritten", r#"{"event_id": "id-00007", "payload": {"n": 7, "note": "caf\u00e9"}, "source": "#),
        ("epoch-ms", r#""timestamp":1735689607007,"#),
        ("with-offset", r#""timestamp":"2025-01-01T02:00:07.007+02:00","#),
        ("micros", r#""timestamp":"2025-01-01T00:00:07.007000Z","#),
        ("payload-as-text", r#""payload":"{\"n\":7,"#),
        ("no-payload", r#""source":"test"}]"#),
        ("null-source", r#""source":null,"#),
        ("extra", r#""partition":null"#),
    ] {
        assert!(row(form).contains(part), "{form}: {}", row(form));
    }
}

#[test]
fn reads_fail_first_and_are_cached_as_they_say() {
    let statuses = |reads: &str| {
        let target = Target::start(&[("READS", reads)]);
        [(); 4].map(|()| target.get("/events").status)
    };
    assert_eq!(statuses("plain"), [200; 4]);
    assert_eq!(statuses("unavailable"), [200, 200, 503, 200]);
    assert_eq!(statuses("busy"), [200, 200, 200, 429]);
    let target = Target::start(&[("READS", "cut")]);
    target.fill(&events(0..10));
    let whole = [(); 4].map(|()| !target.get("/events").json().is_null());
    assert_eq!(whole, [true, true, true, false]);
    let target = Target::start(&[("READS", "gzip")]);
    let page = target.get("/events");
    assert!(page.head.contains("content-encoding: gzip") && page.body.starts_with(&[0x1f, 0x8b]));
    let target = Target::start(&[("READS", "cached")]);
    assert!(!target.get("/events").head.contains("\nage: "));
    target.fill(&events(0..10));
    let page = target.get("/events");
    assert!(page.head.contains("\nage: ") && page.json() == json!([]), "{}", page.head);
    assert_eq!(target.list("/events?limit=5").len(), 10);
}

#[test]
fn counters_count_what_they_say() {
    for (settings, counted) in [
        (&[("STATS", "exact")][..], [1_300, 1_200, 100]),
        (&[("STATS", "refreshed")], [0, 0, 0]),
        (&[("STATS", "refreshed"), AT_ONCE], [1_300, 1_200, 100]),
        (&[("STATS", "late-duplicates")], [1_300, 1_200, 0]),
        (&[("STATS", "volatile")], [1_300, 1_200, 100]),
        (&[("STATS", "rows")], [1_300, 1_200, 100]),
        (&[("STATS", "estimated")], [1_300, 1_224, 100]),
        (&[("STATS", "still")], [0, 0, 0]),
        (&[("STATS", "since-deployment")], [51_300, 41_200, 10_100]),
        (&[("STATS", "offered")], [1_302, 1_200, 100]),
        (&[("STATS", "requests")], [13, 1_200, 100]),
        (&[("OTHERS", "before")], [1_600, 1_500, 100]),
    ] {
        let target = Target::start(settings);
        target.get("/stats");
        target.fill(&[events(0..KEYS), events(0..100)].concat());
        assert_eq!(target.post(&[events(0..1), vec![json!(5)]].concat()).status, 422);
        assert_eq!(target.counters(), counted, "{settings:?}");
    }
    assert_eq!(Target::start(&[("STATS", "absent")]).get("/stats").status, 404);
    let target = Target::start(&[("STATS", "two-instances")]);
    target.fill(&events(0..300));
    let [one, other] = [(); 2].map(|()| target.counters()[0]);
    assert_eq!((one.min(other), one + other), (100, 300));
    let mut target = Target::start(&[("STATS", "volatile")]);
    target.fill(&events(0..100));
    target.kill_and_restart();
    assert_eq!(target.counters(), [0, 0, 0]);
    target.fill(&events(90..110));
    assert_eq!(target.counters(), [20, 10, 10]);
}

#[test]
fn others_write_and_delete_beside_the_run() {
    for (others, at_least) in [("writer", [3, 3, 0]), ("monitor", [3, 1, 2]), ("tenant", [3, 3, 0])] {
        let target = Target::start(&[("OTHERS", others), ("SCALE", "100")]);
        let reached = |now: [u64; 3]| now.iter().zip(at_least).all(|(now, at_least)| *now >= at_least);
        while !reached(target.counters()) {
            std::thread::yield_now();
        }
        assert_eq!(target.list("/events").is_empty(), others == "tenant", "{others}");
    }
    let target = Target::start(&[("OTHERS", "retention"), AT_ONCE, ("STATS", "rows")]);
    assert_eq!(target.list("/events").len(), 300);
    target.fill(&events(0..10));
    while target.counters()[1] > 10 {
        std::thread::yield_now();
    }
    assert_eq!(target.list("/events").len(), 10);
}

#[test]
fn uptimes_are_in_the_unit_that_they_say() {
    let uptime = |target: &Target| target.get("/stats").json()["uptime"].clone();
    assert!(uptime(&Target::start(&[("UPTIME", "seconds")])).is_f64());
    assert!(uptime(&Target::start(&[("UPTIME", "whole-seconds")])).is_u64());
    let target = Target::start(&[("UPTIME", "milliseconds")]);
    while uptime(&target).as_u64().unwrap() < 20 {
        std::thread::yield_now();
    }
    let mut target = Target::start(&[("UPTIME", "since-deployment")]);
    let before = uptime(&target).as_f64().unwrap();
    target.kill_and_restart();
    assert!(uptime(&target).as_f64().unwrap() > before);
}

#[test]
fn answers_come_in_the_words_that_they_say() {
    let answers = |settings: &[(&'static str, &str)]| {
        let target = Target::start(settings);
        [events(0..2), events(1..3), events(0..2)].map(|events| target.post(&events))
    };
    let told = |settings: &[(&'static str, &str)]| answers(settings).map(|answer| answer.json());
    let committed = told(&[("ACK", "committed")]);
    assert_eq!(
        committed[1],
        json!({"accepted": 2, "inserted": 1, "duplicates": 1, "results": ["duplicate", "inserted"]})
    );
    assert_eq!(told(&[("ACK", "counts")])[1], json!({"accepted": 2, "inserted": 1, "duplicates": 1}));
    assert_eq!(told(&[("ACK", "other-words")])[1]["results"], json!(["exists", "created"]));
    let statuses = |ack: &str| answers(&[("ACK", ack)]).map(|answer| answer.status);
    assert_eq!(statuses("conflict"), [200, 200, 409]);
    assert_eq!(statuses("queued"), [202; 3]);
    assert_eq!(statuses("queued-ok"), [200; 3]);
    assert_eq!(statuses("micro-batch"), [202; 3]);
    assert!(answers(&[("ACK", "empty")]).iter().all(|answer| answer.status == 200 && answer.body.is_empty()));
}

#[test]
fn a_queue_outlives_its_process_and_takes_up_again_what_was_claimed() {
    for ack in ["queued", "micro-batch", "reclaiming"] {
        let mut target = Target::start(&[("ACK", ack), ("SCALE", "20")]);
        target.fill(&events(0..500));
        target.kill_and_restart();
        while target.stored("true") < 500 {
            std::thread::yield_now();
        }
        assert_eq!(target.counters(), [500, 500, 0], "{ack}");
    }
}

#[test]
fn publishes_fail_with_and_without_effect_as_they_say() {
    let sent = |trouble: &str| {
        let target = Target::start(&[("TROUBLE", trouble)]);
        let each = |number: usize| target.post(&events(number..number + 1));
        let odd: Vec<u16> =
            (0..60).map(each).filter(|answer| answer.json().is_null()).map(|a| a.status).collect();
        (odd, target.stored("true"))
    };
    assert_eq!(sent("none"), (vec![], 60));
    assert_eq!(sent("unavailable"), (vec![503; 3], 57));
    assert_eq!(sent("fails"), (vec![500; 2], 58));
    assert_eq!(sent("fails-stored"), (vec![500; 2], 60));
    assert_eq!(sent("cut"), (vec![200; 2], 60));
}

#[test]
fn parts_and_conflicts_are_treated_as_they_say() {
    let spoilt = [events(0..2), vec![json!({"topic": ""})], events(2..3)].concat();
    let target = Target::start(&[("BATCH", "partial")]);
    let answer = target.post(&spoilt);
    let words = json!(["inserted", "inserted", "refused", "inserted"]);
    assert_eq!((answer.status, &answer.json()["results"], target.stored("true")), (200, &words, 3));
    let target = Target::start(&[("BATCH", "atomic")]);
    assert_eq!((target.post(&spoilt).status, target.stored("true")), (422, 0));

    let mut other = events(0..1);
    other[0]["payload"] = json!({"n": -5});
    for (conflict, status, kept) in [("first-wins", 200, 0), ("last-wins", 200, -5), ("rejected", 409, 0)] {
        let target = Target::start(&[("CONFLICT", conflict)]);
        target.fill(&events(0..1));
        assert_eq!(target.post(&other).status, status, "{conflict}");
        let shown = target.get("/events").json()[0]["payload"]["n"].clone();
        assert_eq!((shown, target.stored("true")), (json!(kept), 1), "{conflict}");
        let is_kept = format!("json_extract(payload, '$.n') = {kept}");
        assert_eq!(target.stored(&is_kept), 1, "{conflict}");
    }
    let target = Target::start(&[("CONFLICT", "last-wins")]);
    target.fill(&[events(0..1), other].concat());
    assert_eq!(target.get("/events").json()[0]["payload"]["n"], json!(-5), "in one request");
}

#[test]
fn each_defect_is_one() {
    let stored = |defect: &str, condition: &str| {
        let target = Target::start(&[("DEFECT", defect)]);
        target.fill(&events(0..KEYS));
        assert_eq!(target.counters(), [1_200, 1_200, 0], "{defect} is not to be seen in the counters");
        target.stored(condition)
    };
    assert_eq!(stored("none", "true"), 1_200);
    assert_eq!(stored("loses-one", "true"), 1_194);
    assert_eq!(stored("stores-twice", "true"), 1_206);
    assert_eq!(stored("changes-payload", "json_extract(payload, '$.n') = -1"), 12);
    assert_eq!(
        stored(
            "changes-timestamp",
            "timestamp NOT LIKE '%' || printf('%02d', \
         CAST(substr(event_id, 4) AS INTEGER) % 60) || '.007Z'"
        ),
        12
    );

    for ack in ["committed", "queued"] {
        let target = Target::start(&[("DEFECT", "drops"), ("ACK", ack), AT_ONCE]);
        for number in 0..80 {
            assert!(target.post(&events(number..number + 1)).status < 300);
        }
        while target.get("/stats").json()["queue"]["pending"] != 0 {
            std::thread::yield_now();
        }
        assert_eq!((target.counters(), target.stored("true")), ([78, 78, 0], 78), "{ack}");
    }

    let mut restamped = events(0..1);
    restamped[0]["timestamp"] = json!("2025-01-02T00:00:00Z");
    for (defect, rows) in [("none", 1), ("key-has-timestamp", 2)] {
        let target = Target::start(&[("DEFECT", defect)]);
        target.fill(&events(0..1));
        target.fill(&restamped);
        assert_eq!(target.stored("true"), rows, "{defect}");
    }

    let mut target = Target::start(&[("DEFECT", "forgets-keys")]);
    target.fill(&events(0..10));
    target.kill_and_restart();
    target.fill(&events(0..10));
    assert_eq!(target.stored("true"), 20);
}

fn programs() -> Programs {
    Programs::built(Profile::Debug, &Interrupt::never()).unwrap()
}

/// Returns the first trial of a cell, with shorter delays.
fn first_trial(oddity: &'static Oddity, cell: Cell) -> Trial {
    Trial { oddity, cell, pace: Pace::Scaled, seed: 1 }
}

#[test]
fn no_oddity_is_blamed_where_nothing_is_declared() {
    let programs = programs();
    side_by_side(table::all(), SIDE_BY_SIDE, |oddity| {
        let outcome = first_trial(oddity, Cell::Undeclared).run(&programs)?;
        assert_ne!(outcome.verdict, "FAIL", "{}: {}", oddity.name, outcome.first_reason());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_third_of_the_oddities_is_judged_as_due_with_its_remedy_and_with_a_defect_besides() {
    let programs = programs();
    let third = Third::chosen().unwrap();
    println!("{third}");
    let both = |oddity| [(oddity, Cell::Declared), (oddity, Cell::Defect)];
    // Without a remedy the second cell is the first.
    let is_meant = |(oddity, cell): &(&Oddity, Cell)| *cell == Cell::Defect || !oddity.remedy.is_none();
    let runs = table::all().flat_map(both).filter(is_meant).enumerate();
    side_by_side(runs.filter(|(place, _)| third.holds(*place)), SIDE_BY_SIDE, |(_, (oddity, cell))| {
        let outcome = first_trial(oddity, cell).run(&programs)?;
        assert!(cell.is_right(oddity, &outcome), "{third}: {} ({cell}): {outcome:?}", oddity.name);
        Ok(())
    })
    .unwrap();
}
