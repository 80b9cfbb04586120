//! Runs that end early, and their exit codes.

use rustix::process::Signal;
use truth::target::answer::Outcome;

use crate::program::{Loadgen, Ran};
use crate::stub::{Stub, with_length};

fn count(ran: &Ran, outcome: Outcome) -> usize {
    ran.tries().iter().filter(|done| done.is_final && done.answer.outcome == outcome).count()
}

#[test]
fn a_target_that_is_not_there_is_said_at_once_and_leaves_nothing_behind() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = Loadgen::with(&format!("--target {free} -n 10")).run();
    assert_eq!(ran.code, Some(5));
    assert!(
        ran.stderr.contains(&free.to_string()) && ran.stderr.contains("start the target"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(!ran.results().exists());
}

#[test]
fn a_target_that_is_waited_for_is_loaded_once_it_is_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = Loadgen::with(&format!("--target {free} -n 10 --wait 300ms")).run();
    assert_eq!(ran.code, Some(5), "it never came");
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 10 --wait 30s").run();
    assert_eq!(ran.code, Some(0), "one without a health check is as ready as its port: {}", ran.stderr);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_way_out() {
    let stub = Stub::sound();
    for (arguments, part) in [
        ("-n 10 --dup 1.5", "30%"),
        ("-n 0", "count"),
        ("-n ten", "20k"),
        ("-n 3g --dup 0", "2147483648 (2^31) at most"),
        ("-n 10 -c 0", "concurrency"),
        ("-n 10 --batch 20000", "1 to 10000"),
        ("-n 10 --topics a,a", "listed twice"),
        ("-n 10 --timeout 3", "30s"),
        ("-n 10 --shard 5/4", "1/4"),
        ("-n 10 --shard 1/4", "--run-id"),
        ("-n 10 --scenario /no/such.toml", "/no/such.toml"),
        ("-n 10 -H nonsense", "Name: value"),
        ("-n 10 --target wss://localhost", "https://"),
        ("-n 10 --target https://localhost --cacert /no/such.pem", "/no/such.pem"),
        ("-n 10 --target https://localhost --cacert /dev/null", "certificate in PEM"),
        ("-n 10 --target https://localhost --cert /no/such.pem", "--key"),
        ("-n 10 --insecure", "https://"),
        ("-n 10 --connect-to nowhere", "10.0.0.5:8443"),
        ("-n 10 --proxy https://127.0.0.1:3128", "socks5h://"),
        ("-n 10 --proxy http://user:hunter2@127.0.0.1:3128", "--proxy-basic-file"),
        ("-n 10 --proxy http://127.0.0.1:1 --proxy-basic-file /no/such.pair", "/no/such.pair"),
        ("-n 10 --proxy http://127.0.0.1:1 --unix-socket /run/a.sock", "cannot be used with"),
        ("-n 10 --http2 -H te:trailers", "--http2 out"),
        ("-n 10 --bearer-file /no/such.token", "/no/such.token"),
        ("-n 10 --first-byte-timeout 0", "first_byte_timeout"),
    ] {
        let ran = Loadgen::against(&stub, "").with_arguments(arguments).run();
        assert_eq!(ran.code, Some(2), "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments}: {}", ran.stderr);
        assert!(!ran.results().exists(), "{arguments}");
    }
}

#[test]
fn a_run_without_one_acknowledgement_says_so() {
    let stub = Stub::scripted(|it| it.say(with_length(500, "{}")));
    let ran = Loadgen::against(&stub, "-n 20 --batch 10 -c 2").run();
    assert_eq!(ran.code, Some(4));
    assert!(ran.last_line().ends_with(" unknown=20"), "{}", ran.last_line());
}

#[test]
fn asked_to_verify_it_ends_with_the_verdict() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 2000 --batch 10 -c 8 --verify").run();
    assert_eq!(ran.code, Some(0), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("PASS"), "{}", ran.stdout);
    let forgetful = Stub::scripted(|it| if it.nth == 100 { it.forget() } else { it.answer() });
    let ran = Loadgen::against(&forgetful, "-n 2000 --batch 10 -c 8 --verify").run();
    assert_eq!(ran.code, Some(1), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("FAIL"), "{}", ran.stdout);
}

#[test]
fn quiet_holds_for_the_judgement_too() {
    // So few requests have no bookends: what is missing at the end hangs on sentinels. Of each topic
    // at least 95 % have to be there.
    let arguments = "-n 190 --dup 0 --batch 5 -c 1 --seed 7 --verify --settle 100ms";
    for quiet in ["", "--quiet"] {
        let stub = Stub::scripted(|it| if it.nth == 37 { it.forget() } else { it.answer() });
        let ran = Loadgen::against(&stub, &format!("{arguments} {quiet}")).run();
        assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("\nFAIL  "), "{}", ran.stdout);
        let is_quiet = !quiet.is_empty();
        assert_eq!(ran.stderr.contains("sending 24 sentinels"), !is_quiet, "{}", ran.stderr);
        assert_eq!(ran.stderr.is_empty(), is_quiet, "{}", ran.stderr);
    }
}

#[test]
fn a_run_with_failed_requests_has_run() {
    let stub = Stub::scripted(|it| if it.nth % 2 == 0 { it.close() } else { it.answer() });
    let ran = Loadgen::against(&stub, "-n 40 --dup 0 --batch 10 -c 1").run();
    assert_eq!(ran.code, Some(0));
    assert!(ran.last_line().starts_with("done received=20 inserted=20 duplicates=0 "), "{}", ran.last_line());
    assert!(ran.last_line().ends_with(" unknown=20"), "{}", ran.last_line());
}

#[test]
fn a_target_that_tells_nothing_is_loaded_all_the_same() {
    let stub = Stub::scripted(|it| it.say(with_length(200, r#"{"status":"ok"}"#)));
    let ran = Loadgen::against(&stub, "-n 20 --batch 10 -c 2").scenario("[target]\nstats = {}").run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.last_line(), "done received=20 inserted=? duplicates=? dup_rate=?");
    assert!(ran.stderr.contains("the target has no counters"), "{}", ran.stderr);
    assert!(!ran.folder().file("polls.ndjson").exists());
}

#[test]
fn patience_ends_a_run_that_nothing_answers_any_more() {
    let stub = Stub::scripted(|it| if it.nth < 3 { it.answer() } else { it.hang() });
    let ran = Loadgen::against(&stub, "-n 50 --dup 0 --batch 1 -c 2 --patience 300ms").run();
    let summary = ran.summary();
    assert_eq!(summary["ended"], "out-of-patience");
    assert!(ran.stderr.contains("no response for 300ms (--patience)"), "{}", ran.stderr);
    let [acked, unknown, never_sent] =
        [Outcome::Acked, Outcome::Unknown, Outcome::NeverSent].map(|outcome| count(&ran, outcome));
    // On a slow machine 300 ms may be over before the third response.
    assert!(acked <= 3 && unknown <= 2, "{acked} {unknown}: {}", ran.stdout);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let last = format!("error: sent {} of 50: the target no longer responded", acked + unknown);
    assert_eq!(ran.stderr.lines().last(), Some(&*last));
    assert!(ran.is_closed());
    let told = ["acked", "unknown", "never_sent"].map(|outcome| summary["events"][outcome].as_u64());
    assert_eq!(told, [acked, unknown, 50 - acked - unknown].map(|count| Some(count as u64)));
    // Rounds that were never opened hold the rest.
    assert!(acked + unknown + never_sent <= 50);
    let last = format!(" never_sent={}", 50 - acked - unknown);
    assert!(ran.last_line().ends_with(&last), "{}", ran.last_line());
}

#[test]
fn a_request_that_cannot_leave_waits_and_is_never_sent() {
    // The target stops listening, and only then drops the first request, so that the second finds
    // no connection.
    let address = crate::stub::serve_one_post();
    let loadgen = Loadgen::with(&format!("--target {address} -n 5 --dup 0 --batch 1 -c 1"));
    let mut command = loadgen.command();
    command.env("RUST_LOG", "loadgen=debug");
    let mut running = loadgen.start_with(command);
    running.wait_for_line("cannot connect");
    running.signal(Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{}", ran.stdout);
    assert_eq!((count(&ran, Outcome::Unknown), count(&ran, Outcome::NeverSent)), (1, 4));
    assert!(ran.summary()["connections"]["refused"].as_u64().unwrap() > 0);
}

#[test]
fn a_ledger_that_cannot_be_written_stops_the_run() {
    let stub = Stub::sound();
    let loadgen = Loadgen::against(&stub, "-n 100000 --dup 0 --batch 1 -c 4");
    // Files of 16 or 32 KiB at most, depending on the shell; an error instead of a signal beyond
    // that.
    let output = loadgen.command_after("trap '' XFSZ; ulimit -f 32").output().unwrap();
    let ran = loadgen.ran(output);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot write ledger segment"), "{}", ran.stderr);
    let opened: u64 = ran.opened().len() as u64;
    assert!(
        stub.look(|seen| seen.requests.len() as u64) <= opened * 256,
        "nothing left of a round not on record"
    );
}

#[test]
fn the_first_interrupt_drains_and_reports() {
    let stub = Stub::scripted(|it| {
        it.wait_for(|seen| seen.released);
        it.answer();
    });
    let mut running = Loadgen::against(&stub, "-n 50 --dup 0 --batch 1 -c 2").start();
    stub.wait_for(|seen| seen.requests.len() == 2);
    running.signal(Signal::INT);
    running.wait_for_line("stopping");
    stub.release();
    let ran = running.end();
    assert_eq!(ran.code, Some(130));
    let counts = [Outcome::Acked, Outcome::Unknown, Outcome::NeverSent].map(|outcome| count(&ran, outcome));
    assert_eq!(counts, [2, 0, 48]);
    assert!(ran.is_closed());
    assert_eq!(ran.last_line(), "done received=2 inserted=2 duplicates=0 dup_rate=0.00% never_sent=48");
}

#[test]
fn a_terminal_that_closes_is_a_first_interrupt_unless_that_is_ignored() {
    for (first, code, acked) in [("true", 130, 2), ("trap '' HUP", 0, 50)] {
        let stub = Stub::scripted(|it| {
            it.wait_for(|seen| seen.released);
            it.answer();
        });
        let loadgen = Loadgen::against(&stub, "-n 50 --dup 0 --batch 1 -c 2 --no-bookends");
        let command = loadgen.command_after(first);
        let mut running = loadgen.start_with(command);
        stub.wait_for(|seen| seen.requests.len() == 2);
        running.signal(Signal::HUP);
        if code == 130 {
            running.wait_for_line("stopping");
        }
        stub.release();
        let ran = running.end();
        assert_eq!(ran.code, Some(code), "{first}: {}", ran.stderr);
        assert_eq!(count(&ran, Outcome::Acked), acked, "{first}");
    }
}

#[test]
fn a_summary_that_cannot_be_printed_is_an_exit_code() {
    let stub = Stub::sound();
    let forgetful = Stub::scripted(|it| if it.nth == 100 { it.forget() } else { it.answer() });
    for (stub, arguments, code) in [
        (&stub, "-n 20", 3),
        (&stub, "-n 20 --verify", 3),
        (&forgetful, "-n 2000 --batch 10 -c 8 --verify", 1),
    ] {
        let loadgen = Loadgen::against(stub, arguments);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = loadgen.command().stdout(full).output().unwrap();
        let ran = loadgen.ran(output);
        assert_eq!(ran.code, Some(code), "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains("cannot write to standard output: No space left"), "{}", ran.stderr);
        assert!(ran.is_closed(), "all else is written");
    }
}

#[test]
fn what_a_hostile_target_says_is_escaped() {
    // One event of ten: the status acknowledges, and the body contradicts it.
    let hostile = "{\"accepted\": 1,\n\n\"note\": \"\u{202e}\u{9b}31m\u{7f}PASS  all is well\"}";
    let stub = Stub::scripted(move |it| match it.nth {
        7 => it.say(with_length(200, hostile)),
        _ => it.answer(),
    });
    let ran = Loadgen::against(&stub, "-n 100 --dup 0 --batch 10 -c 1 --verify --settle 100ms").run();
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let junit = std::fs::read_to_string(ran.folder().file("junit.xml")).unwrap();
    for text in [&ran.stdout, &ran.stderr, &junit] {
        let hidden = text.split('\n').find(|line| truth::printable::printable(line) != *line);
        assert_eq!(hidden, None, "{text}");
        assert!(!text.lines().any(|line| line.starts_with("PASS  all is well")), "{text}");
    }
    // The ledger holds blanks instead of control characters.
    let said = "\\u{202e} 31m PASS  all is well";
    assert!(ran.stdout.contains(said) && junit.contains(said), "{}", ran.stdout);
}

#[test]
fn the_second_interrupt_leaves_at_once() {
    let stub = Stub::scripted(|it| it.hang());
    let mut running = Loadgen::against(&stub, "-n 50 --dup 0 --batch 1 -c 2").start();
    stub.wait_for(|seen| seen.requests.len() == 2);
    running.signal(Signal::TERM);
    running.wait_for_line("stopping");
    running.signal(Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130));
    assert_eq!(ran.stdout, "", "there is no summary of what was not waited for");
    assert_eq!(count(&ran, Outcome::Acked), 0);
}

#[test]
fn a_target_that_takes_nothing_is_told_with_its_answers_and_the_way_out() {
    let stub = Stub::scripted(|it| it.say(with_length(404, "{}")));
    let ran = Loadgen::against(&stub, "-n 30 --batch 10 --dup 0").run();
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let said = format!("no attempt was acknowledged by POST http://{}/publish", stub.address);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains(&said)
            && last.contains(": status 404 (3 times), first status 404, body `{}`; `verify probe"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_answers_do_not_tell_is_not_told_as_nothing() {
    let stub = Stub::scripted(|it| it.say(with_length(202, "")));
    let ran = Loadgen::against(&stub, "-n 30 --batch 10").scenario("[target]\nanswer = {}\n").run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains(": 30 100.00%  new or duplicate not reported\n"), "{}", ran.stdout);
}

#[test]
fn who_judges_at_once_is_not_told_how_to_judge() {
    let stub = Stub::sound();
    let later = Loadgen::against(&stub, "-n 10").run();
    assert!(later.stdout.contains("to judge the target: verify"), "{}", later.stdout);
    let at_once = Loadgen::against(&stub, "-n 10 --verify").run();
    assert!(at_once.stdout.contains("done received=10"), "{}", at_once.stdout);
    assert!(!at_once.stdout.contains("to judge the target"), "{}", at_once.stdout);
}

#[test]
fn a_database_that_cannot_be_opened_is_said_before_anything_is_sent() {
    let stub = Stub::sound();
    let folder = tempfile::tempdir().unwrap();
    let scenario = |file: &str| {
        let url = format!("sqlite:{}", folder.path().join(file).display());
        format!("[database]\nurl = \"{url}\"\nquery = \"SELECT topic, event_id FROM events\"\n")
    };
    let ran = Loadgen::against(&stub, "-n 10").scenario(&scenario("none.db")).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot connect to sqlite:"), "{}", ran.stderr);
    assert!(!ran.results().exists());
    // A target may create its table when the first event comes.
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    let ran = Loadgen::against(&stub, "-n 10").scenario(&scenario("empty.db")).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("no such table: events"), "{}", ran.stderr);
}

#[test]
fn who_waits_for_its_start_can_be_told_not_to() {
    let stub = Stub::sound();
    let start_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let running = Loadgen::against(&stub, &format!("-n 10 --start-at {start_at}")).start();
    let interrupt = Signal::INT;
    running.wait_until_it_catches(interrupt);
    running.signal(interrupt);
    let ran = running.end();
    assert_eq!(ran.code, Some(130));
    assert!(!ran.results().exists(), "nothing was sent, and nothing is left behind");
    assert_eq!(stub.look(|seen| seen.requests.len()), 0);
}
