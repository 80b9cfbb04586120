//! Scenarios: the shipped files, and the messages about files that cannot be used.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use truth::plan::Weights;
use truth::scenario::promises::{Ack, PayloadEquality, Preset, Promises};
use truth::scenario::{Executor, Scenario};
use truth::target::{
    AnswerFields, Envelope, Listing, Publish, Stats, StatsFields, StatusPattern, Target, Template,
};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

fn parse(text: &str) -> Scenario {
    Scenario::parse(text, "test.toml").expect("a scenario")
}

/// Returns an error and all its causes, as they are shown.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[test]
fn the_default_file_says_what_the_defaults_are() {
    let default = Scenario::load(&shipped().join("default.toml")).unwrap();
    let mut said = Scenario::default();
    said.load.count = said.load.resolve().unwrap().total();
    assert_eq!(default, said);
    assert_eq!(parse(""), Scenario::default(), "nothing said is the default too");
}

#[test]
fn every_shipped_scenario_makes_a_plan() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(shipped()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let scenario = Scenario::load(&path).unwrap();
        assert_eq!(path.file_stem().unwrap().to_str(), Some(scenario.name.as_str()), "named as its file");
        let plan = scenario.plan(1, 2).unwrap();
        assert_eq!(
            plan.impossible_modes(),
            Vec::<&str>::new(),
            "{} asks for nothing impossible",
            path.display()
        );
        assert!(plan.rounds().is_none_or(|rounds| rounds > 1));
        names.push(scenario.name);
    }
    names.sort();
    assert_eq!(
        names,
        [
            "constant-arrival-rate",
            "constant-vus",
            "default",
            "delayed",
            "killed",
            "queued",
            "races",
            "ramping-arrival-rate",
            "ramping-vus",
            "reference",
            "replicas",
            "several-executors",
            "single-events",
            "traps"
        ]
    );
}

#[test]
fn a_plan_has_the_numbers_of_its_scenario() {
    let scenario = parse(
        "load = { count = 45, dup = \"0.7\", batch = 3 }\n\
         mix = { group = 2, in_batch = 9, concurrent = 8, next = 7, delayed = 6 }\n\
         events = { topics = [\"t\"], source = \"s\", epoch = \"1970-01-01T00:00:01.5Z\", \
         payload = { bytes = [50, 60] } }",
    );
    let plan = scenario.plan(11, 12).unwrap();
    assert_eq!((plan.seed, plan.nonce, plan.share, plan.total), (11, 12, [32, 45], Some(45)));
    assert_eq!((plan.batch, plan.group, plan.weights), (3, 2, Weights::from([9, 8, 7, 6])));
    assert_eq!((plan.topics.join(","), plan.source.as_str(), plan.epoch_ms), ("t".to_owned(), "s", 1_500));
    assert_eq!(plan.payload_bytes, [50, 60]);
}

#[test]
fn what_is_not_known_is_an_error_at_its_line_and_column() {
    let table = [
        ("\n\nspeed = 9", "line 3, column 1", "unknown field `speed`"),
        ("[load]\ncount = 1\nconcurency = 2", "line 3, column 1", "unknown field `concurency`"),
        ("[mix]\n  nxet = 2", "line 2, column 3", "unknown field `nxet`"),
        ("[events]\npayload = { bytes = [64, 256], zip = true }", "line 2, column 32", "unknown field `zip`"),
        (
            "[target]\nstats = { path = \"/stats\", uptimes = \"/up\" }",
            "line 2, column 28",
            "unknown field `uptimes`",
        ),
        ("[target.publish]\nack = [\"2xx\", \"9xx\"]", "line 2, column 15", "`9xx` is not a status"),
        ("[target.publish]\nenvelope = \"\"", "line 2, column 12", "the envelope is empty"),
        ("[target]\nlisting = { paging = \"pages\" }", "line 2, column 22", "unknown value `pages`"),
        ("[promises]\npreset = \"stict\"", "line 2, column 10", "unknown value `stict`"),
        ("[promises]\nzombies = \"2s\"", "line 2, column 1", "unknown field `zombies`"),
        ("[promises]\ndrain = \"soon\"", "line 2, column 9", "not a duration"),
        ("[promises]\nstats_lag = \"1\"", "line 2, column 13", "not a duration"),
        ("[load]\ntimeout = \"soon\"", "line 2, column 11", "not a duration"),
        ("[load]\ndup = 0.3", "line 2, column 7", "expected a share in quotes, such as \"0.3\""),
        ("[events]\nepoch = \"soon\"", "line 2, column 9", "`soon` is not a time"),
        ("[load]\ncount = -1", "line 2, column 9", "invalid value"),
        ("[load]\nexecutor = \"constant-users\"", "line 2, column 12", "unknown value `constant-users`"),
        ("[load]\ncount = 1\ncount = 2", "line 3, column 1", "duplicate key (`count` stands above already"),
        ("[load\ncount = 1", "line 1, column 6", "unclosed table"),
    ];
    for (text, place, says) in table {
        let error = Scenario::parse(text, "my.toml").unwrap_err();
        let chain = chain(&error);
        assert!(chain.starts_with(&format!("my.toml, {place}: ")), "{chain}");
        assert!(chain.contains(says) && !chain.contains('\n'), "{text:?} says {chain}");
    }
}

#[test]
fn topics_can_be_counted_instead_of_named() {
    let topics = |text: &str| parse(&format!("[events]\ntopics = {text}")).events.topics;
    assert_eq!(topics("1"), ["topic-0"]);
    assert_eq!(topics("700")[698..], ["topic-698", "topic-699"]);
    assert_eq!(topics("[\"a\", \"b\"]"), ["a", "b"]);
    for (text, says) in [
        ("0", "topics is 0: it must be 1 to 100000"),
        ("-1", "topics must be a list"),
        ("\"a\"", "topics must be a list"),
    ] {
        let error = chain(&Scenario::parse(&format!("[events]\ntopics = {text}"), "t.toml").unwrap_err());
        assert!(error.contains(says) && error.contains("line 2"), "{text}: {error}");
    }
}

#[test]
fn a_payload_is_read_from_beside_its_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.json");
    let scenario = folder.path().join("s.toml");
    std::fs::write(&scenario, "[events]\npayload = { file = \"order.json\" }").unwrap();
    let error = chain(&Scenario::load(&scenario).unwrap_err());
    assert!(error.starts_with("cannot read the payload's file ") && error.contains("order.json"), "{error}");
    std::fs::write(&file, r#"{"no":{{n}}}"#).unwrap();
    let plan = Scenario::load(&scenario).unwrap().plan(1, 2).unwrap();
    assert_eq!(plan.payload_template.as_deref(), Some(r#"{"no":{{n}}}"#));
    std::fs::write(&file, r#"{"no":{{number}}}"#).unwrap();
    let error = chain(&Scenario::load(&scenario).unwrap().plan(1, 2).unwrap_err());
    assert!(error.contains("{{number"), "{error}");
}

#[test]
fn times_that_are_promised_are_kept_in_what_is_saved_and_unpromised_by_default() {
    let promised = parse("[promises]\npreset = \"queued\"\nstats_lag = \"0s\"\ndrain = \"1m\"").promises;
    assert_eq!((promised.stats_lag, promised.drain), (Some(Duration::ZERO), Some(Duration::from_secs(60))));
    for promises in [promised, Preset::Queued.promises()] {
        let saved = serde_json::to_string(&promises).unwrap();
        assert_eq!(serde_json::from_str::<Promises>(&saved).unwrap(), promises, "{saved}");
    }
    assert_eq!((Preset::Queued.promises().stats_lag, Preset::Queued.promises().drain), (None, None));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Scenario::load(Path::new("/nowhere/my.toml")).unwrap_err();
    assert_eq!(
        chain(&error),
        "cannot read scenario /nowhere/my.toml: No such file or directory (os error 2)"
    );
}

#[test]
fn numbers_that_make_no_run_are_refused() {
    let table = [
        ("target = { fields = { topic = \"\" } }", "so give both a name"),
        ("target = { fields = { event_id = \"topic\" } }", "two fields of an event have the name `topic`"),
        ("target = { fields = { extra = { source = 1 } } }", "two fields of an event have the name `source`"),
        ("name = \"a/b\"", "name = \"a/b\": it must be 1 to 64 letters"),
        ("name = \"\"", "it must be 1 to 64 letters"),
        ("load = { count = 0 }", "count is 0"),
        ("load = { concurrency = 0 }", "concurrency is 0: it must be 1 to 10000"),
        ("load = { timeout = \"0\" }", "timeout is 0: it must be longer"),
        ("load = { patience = \"0s\" }", "patience is 0"),
        ("load = { first_byte_timeout = \"0s\" }", "first_byte_timeout is 0"),
        ("load = { requests_per_connection = 0 }", "left out for no limit"),
        ("load = { retries = 101 }", "retries is 101: it must be 0 to 100"),
        (
            "load = { thresholds = [\"http_reqs{topic:a}: count>0\"] }",
            "there is no topic `a`; the topics are auth, payment, orders",
        ),
        (
            "load = { thresholds = [\"events{topic:a}: count>0\"] }\nevents = { topics = 12 }",
            "topic-09 and 2 more",
        ),
        (
            "request = {}\nload = { batch = 1, dup = \"0\", thresholds = [\"events{topic:orders}: count>0\"] }",
            "[request] sends no events: leave the tag out",
        ),
        (
            "load = { thresholds = [\"http_req_failed{outcome:acked}: rate<1\"] }",
            "its tags are status, topic",
        ),
        ("load = { dup = \"lots\" }", "duplicate share `lots`"),
        ("load = { batch = 0 }", "batch is 0"),
        (
            "mix = { in_batch = 0, concurrent = 0, next = 0, delayed = 0 }",
            "no possible mode of [mix] has a weight",
        ),
        ("target = { publish = { envelope = \"object\" } }", "needs batch = 1"),
        (
            "target = { publish = { path = \"publish\" } }",
            "target.publish.path = \"publish\" must begin with /",
        ),
        ("target = { stats = { path = \"/a b\" } }", "write it as %20"),
        ("target = { publish = { path = \"/a b\" } }", "write it as %20"),
        ("target = { listing = { path = \"/a b\" } }", "write it as %20"),
        (
            "target = { listing = { path = \"/a?l={{limit}}\", fields = { event_id = \"i\" } } }",
            "write topics = [\"\"] under [events] if the target has no topics",
        ),
        ("target = { listing = { rows = \"items\" } }", "listing.rows = \"items\" is not a JSON pointer"),
        ("target = { stats = { unique = \"unique\" } }", "write it as \"/unique\""),
        ("target = { answer = { results = \"results\" } }", "answer.results"),
        ("target = { listing = { limit = 0 } }", "listing.limit"),
        ("target = { url = \"ftp://a\" }", "its scheme must be http://"),
        ("target = { url = \"http://a\", connect = { insecure = true } }", "begins with https://"),
        ("request = { method = \"get\" }\nload = { batch = 1, dup = \"0\" }", "must be capital letters"),
        (
            "request = { method = \"CONNECT\" }\nload = { batch = 1, dup = \"0\" }",
            "the method CONNECT opens a tunnel",
        ),
        (
            "request = { method = \"HEAD\", body = \"a\" }\nload = { batch = 1, dup = \"0\" }",
            "a HEAD request has no body",
        ),
        ("request = {}\nload = { batch = 1 }", "needs batch = 1 and dup = \"0\""),
        ("request = {}\nload = { dup = \"0\" }", "needs batch = 1 and dup = \"0\""),
        ("target = { connect = { to = \"a\" } }", "write it as 10.0.0.5:8443"),
        ("target = { connect = { proxy = \"ftp://a:1\" } }", "socks5h://"),
        ("target = { connect = { proxy = \"http://u:hunter2@a:1\" } }", "--proxy-basic-file"),
        (
            "target = { connect = { proxy = \"http://a:1\", unix_socket = \"a\" } }",
            "a proxy cannot reach a socket",
        ),
        ("target = { url = \"https://a\", connect = { key = \"k\" } }", "--key needs --cert"),
        ("traps = { invalid = 9 }\npromises = { received = \"offered\" }", "leave one of them out"),
        ("traps = { empty = 101 }", "0 to 100 requests"),
        (
            "traps = { empty = 1 }\nload = { batch = 1 }\ntarget = { publish = { envelope = \"object\" } }",
            "requests without events",
        ),
        (
            "traps = { invalid = 9 }\nload = { batch = 1 }\ntarget = { publish = { envelope = \"object\" } }",
            "one event a request: leave it out",
        ),
        ("traps = { other_payload = 9 }\ntarget = { fields = { payload = \"\" } }", "need fields.payload"),
        ("traps = { same_payload = 9 }\ntarget = { fields = { payload = \"\" } }", "need fields.payload"),
        (
            "traps = { same_timestamp = 9 }\ntarget = { fields = { timestamp = \"\" } }",
            "need fields.timestamp",
        ),
        (
            "traps = { other_timestamp = 9 }\ntarget = { fields = { timestamp = \"\" } }",
            "need fields.timestamp",
        ),
        ("traps = { other_source = 9 }\ntarget = { fields = { source = \"\" } }", "needs fields.source"),
        (
            "traps = { other_payload = 9 }\nevents = { payload = { template = '{\"n\":{{n}}}' } }",
            "needs {{data}} in the payload's template",
        ),
        (
            "traps = { key_order = 9 }\nevents = { payload = { template = '\"{{data}}\"' } }",
            "do not work with a payload template",
        ),
        ("database = { url = \"postgres://a:b@c/d\", query = \"SELECT 1\" }", "holds a password"),
        ("database = { url = \"sqlite:a\", query = \"\" }", "database.query is empty"),
    ];
    for (text, says) in table {
        let message = chain(&parse(text).plan(1, 2).unwrap_err());
        assert!(message.contains(says), "{text} says {message}");
    }
}

#[test]
fn a_secret_in_a_url_makes_no_plan_and_is_not_repeated() {
    let error = parse("target = { url = \"http://me:hunter2@localhost\" }").plan(1, 2).unwrap_err();
    assert!(chain(&error).contains("credentials") && !chain(&error).contains("hunter2"), "{}", chain(&error));
}

#[test]
fn a_table_of_the_target_that_is_given_replaces_the_default_whole() {
    let target = |text: &str| parse(&format!("[target]\n{text}")).target;
    assert_eq!(target("url = \"http://a\""), Target { url: "http://a".to_owned(), ..Target::default() });
    let stats = StatsFields {
        path: Some(Template::literal("/count")),
        unique: Some("/n".to_owned()),
        ..StatsFields::default()
    };
    assert_eq!(
        target("stats = { path = \"/count\", unique = \"/n\" }"),
        Target { stats: Stats::from(stats), ..Target::default() }
    );
    let found = target("stats = {}\nanswer = {}\nlisting = {}");
    assert_eq!((found.stats.are_offered(), found.answer.any(), found.listing.path), (false, false, None));
    assert_eq!(found.publish, Publish::default(), "a table that is not given stays");
    let answer = AnswerFields { inserted: Some("/new".to_owned()), ..AnswerFields::default() };
    assert_eq!(target("answer = { inserted = \"/new\" }").answer, answer);
    let listing = Listing { path: Some(Template::literal("/rows")), ..Listing::default() };
    assert_eq!(target("listing = { path = \"/rows\" }").listing, listing);
    let publish = Publish {
        path: Template::literal("/in"),
        envelope: Envelope::Under("events".to_owned()),
        ack: vec![StatusPattern::Class(2), StatusPattern::Exact(302)],
        ..Publish::default()
    };
    let text = "publish = { path = \"/in\", envelope = \"events\", ack = [\"2xx\", \"302\"] }";
    assert_eq!(target(text).publish, publish, "what a target cannot lack is the reference's");
    assert_eq!(target("fields = { event_id = \"id\" }").fields.topic, "topic");
}

#[test]
fn promises_start_from_their_preset() {
    let promises = |text: &str| parse(&format!("[promises]\n{text}")).promises;
    assert_eq!(promises(""), Promises::default(), "nothing is promised that is not said");
    let reference = Scenario::load(Path::new("reference")).unwrap();
    assert_eq!(reference.promises, Preset::Reference.promises());
    assert_eq!(reference.target.listing.complete, Some(true));
    assert_eq!(parse("promises = { preset = \"counters-only\" }").target.listing.path, None);
    assert_eq!(promises("preset = \"counters-only\""), Preset::CountersOnly.promises());
    assert_eq!(promises("preset = \"windowed\"").window, Some(Duration::from_secs(120)));
    assert_eq!(promises("window = \"1s\"\nconflict = \"last-wins\"").window, Some(Duration::from_secs(1)));
    let queued = promises("preset = \"queued\"\npayload = \"exact\"\nzombie = \"5s\"\nshared = true");
    assert_eq!((queued.preset, queued.ack, queued.stats), (Some(Preset::Queued), Some(Ack::Queued), None));
    assert_eq!(
        (queued.payload, queued.zombie, queued.shared),
        (PayloadEquality::Exact, Duration::from_secs(5), Some(true))
    );
}

#[test]
fn a_scenario_reads_back_from_json_as_it_was() {
    for name in ["default", "single-events", "killed", "traps"] {
        let mut scenario = Scenario::load(&shipped().join(format!("{name}.toml"))).unwrap();
        scenario.promises = Preset::Queued.promises();
        scenario.load.timeout = Duration::from_micros(1_500);
        let text = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario);
    }
}

#[test]
fn several_executors_share_one_plan() {
    let text = r#"
        [load]
        batch = 10
        concurrency = 7
        [[load.executors]]
        name = "warm-up"
        executor = "constant-vus"
        duration = "5s"
        measured = false
        [[load.executors]]
        name = "steady"
        executor = "constant-arrival-rate"
        rate = "1000"
        duration = "3s"
        after = "warm-up"
        [[load.executors]]
        name = "burst"
        executor = "shared-iterations"
        count = 55
        concurrency = 3
        start_time = "2s"
        after = "warm-up"
    "#;
    let scenario = parse(text);
    let executors = scenario.load.resolve().unwrap();
    let each = || executors.each().iter();
    assert_eq!(each().map(Executor::total).collect::<Vec<_>>(), [None, Some(3_000), Some(55)]);
    assert_eq!(each().map(Executor::most_connections).collect::<Vec<_>>(), [7, 7, 3]);
    assert_eq!((executors.total(), executors.most_connections()), (None, 17));
    let plan = scenario.plan(1, 2).unwrap();
    assert_eq!((plan.total, &*plan.counts), (None, &[3_000, 55][..]));
    let counted = parse(&text.replace("duration = \"5s\"", "duration = \"5s\"\ncount = 45"));
    let plan = counted.plan(1, 2).unwrap();
    assert_eq!((plan.total, &*plan.counts), (Some(3_100), &[45, 3_000, 55][..]));
    let again = Scenario::parse(&toml::to_string(&counted).unwrap(), "again").unwrap();
    assert_eq!(again, counted, "what run.json keeps is what was said");
}

#[test]
fn executors_that_make_no_load_are_refused_by_name() {
    let refused = |text: &str| chain(&parse(text).plan(1, 1).unwrap_err());
    let one = |rest: &str| format!("[[load.executors]]\nname = \"one\"\nexecutor = {rest}\n");
    let shared = "\"shared-iterations\"\ncount = 5";
    let demanding =
        |name: &str| format!("[load]\nthresholds = [\"http_reqs{{executor:{name}}}: count>0\"]\n");
    for (text, says) in [
        (format!("[load]\ncount = 5\n{}", one(shared)), "move them into the entries"),
        (one("\"constant-vus\""), "the executor \"one\": executor = \"constant-vus\" needs a duration"),
        (one(&format!("{shared}\nafter = \"two\"")), "names no executor above this one"),
        (one(&format!("{shared}\nafter = \"one\"")), "names no executor above this one"),
        (one(shared) + &one(shared), "an executor above has the same name"),
        (one(shared).replace("\"one\"", "\"o ne\""), "its name must be"),
        (one("\"shared-iterations\"\ncount = 0"), "count is 0"),
        (one(&format!("{shared}\nconcurrency = 0")), "concurrency is 0: it must be 1 to 10000"),
        (demanding("two") + &one(shared), "no executor `two` is measured; measured are one"),
        (
            demanding("one") + &one(&format!("{shared}\nmeasured = false")),
            "no [[load.executors]] is measured",
        ),
        (demanding("one"), "no [[load.executors]] is measured"),
    ] {
        let said = refused(&text);
        assert!(said.contains(says), "{text}: {said}");
    }
}

#[test]
fn an_executor_takes_the_keys_of_its_kind_alone() {
    let stages = |target: &str| format!("stages = [{{ duration = \"30s\", target = \"{target}\" }}]");
    for (kind, keys, says) in [
        ("shared-iterations", "rate = \"9\"".to_owned(), "takes no rate (9): use constant-arrival-rate"),
        ("shared-iterations", "duration = \"1m\"".to_owned(), "takes no duration (60s): use constant-vus"),
        ("shared-iterations", stages("5"), "takes no stages (30s:5): use ramping-vus, or"),
        ("constant-vus", "rate = \"9\"".to_owned(), "takes no rate (9): use constant-arrival-rate"),
        ("constant-vus", stages("5"), "takes no stages (30s:5): use ramping-vus"),
        ("constant-vus", "duration = \"0s\"".to_owned(), "needs a duration above 0 (--duration 30s)"),
        ("ramping-vus", "count = 5".to_owned(), "needs stages (--stage 30s:100)"),
        (
            "ramping-vus",
            "rate = \"9\"\n".to_owned() + &stages("5"),
            "takes no rate (9): use ramping-arrival-rate",
        ),
        ("ramping-vus", stages("5/s"), "the stage 30s:5/s gives a rate"),
        ("constant-arrival-rate", "count = 5".to_owned(), "needs a rate above 0 (--rate 1000)"),
        ("constant-arrival-rate", "rate = \"9\"".to_owned(), "needs a duration (--duration 30s) or a count"),
        ("constant-arrival-rate", "rate = \"9\"\n".to_owned() + &stages("5"), "takes no stages (30s:5)"),
        ("ramping-arrival-rate", "rate = \"9\"".to_owned(), "needs stages (--stage 30s:1000)"),
        (
            "ramping-arrival-rate",
            "duration = \"1s\"\n".to_owned() + &stages("5"),
            "takes no duration (1s): it lasts as long as its stages",
        ),
        (
            "ramping-arrival-rate",
            "count = 9_999\n".to_owned() + &stages("0"),
            "reaches rate 0 before its count of 9999",
        ),
    ] {
        let scenario = parse(&format!("[load]\nexecutor = \"{kind}\"\n{keys}"));
        let message = chain(&scenario.plan(1, 1).unwrap_err());
        assert!(message.contains(says) && message.contains(kind), "{kind} with {keys}: {message}");
    }
}
