//! Thresholds, and the exit code that reports them.

use std::time::Duration;

use serde_json::Value;
use truth::record::ledger::Done;

use crate::program::Loadgen;
use crate::stub::{Stub, with_length};

#[test]
fn what_holds_is_marked_and_what_does_not_is_an_exit_code() {
    let stub = Stub::sound();
    let demands = "--threshold http_req_failed:rate<0.01 --threshold events{outcome:acked}:count==200";
    let ran = Loadgen::against(&stub, &format!("-n 200 --batch 10 {demands}")).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("✓ http_req_failed:rate<0.01  (measured 0)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("✓ events{outcome:acked}:count==200  (measured 200)"), "{}", ran.stdout);

    let ran = Loadgen::against(&stub, "-n 200 --batch 10 --threshold http_reqs:count<20").run();
    assert_eq!(ran.code, Some(99), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("✗ http_reqs:count<20  (measured 20)"), "{}", ran.stdout);
    let judged = &ran.summary()["thresholds"][0];
    assert_eq!((&judged["ok"], &judged["value"]), (&Value::Bool(false), &Value::from(20.0)));
    let junit = std::fs::read_to_string(ran.folder().file("junit.xml")).unwrap();
    for part in ["name=\"load\"", "name=\"threshold http_reqs:count&lt;20\"", "message=\"measured 20\""] {
        assert!(junit.contains(part), "{part}: {junit}");
    }
    let judged = Loadgen::against(&stub, "-n 200 --batch 10 --verify --threshold http_reqs:count<20").run();
    assert_eq!(judged.code, Some(99), "{}{}", judged.stdout, judged.stderr);
    let junit = std::fs::read_to_string(judged.folder().file("junit.xml")).unwrap();
    for part in ["name=\"verdict\"", "name=\"lost\"", "message=\"measured 20\"", "failures=\"1\""] {
        assert!(junit.contains(part), "{part}: {junit}");
    }
}

#[test]
fn a_scenario_has_them_too_and_what_was_not_measured_does_not_hold() {
    let stub = Stub::sound();
    let scenario =
        "[load]\nthresholds = [\"http_req_duration: p(95)<60000\", { threshold = \"lateness: max<1\" }]\n";
    let ran = Loadgen::against(&stub, "-n 20 --batch 10").scenario(scenario).run();
    assert_eq!(ran.code, Some(99), "{}", ran.stderr);
    assert!(ran.stdout.contains("✓ http_req_duration: p(95)<60000"), "{}", ran.stdout);
    assert!(ran.stdout.contains("✗ lateness: max<1  (not evaluated: no sample)"), "{}", ran.stdout);
}

#[test]
fn a_failure_that_was_to_end_the_run_ends_it() {
    let stub = Stub::scripted(|it| {
        std::thread::sleep(Duration::from_millis(20));
        it.say(with_length(503, "{}"));
    });
    let arguments =
        "-n 1000000 --batch 10 --dup 0 -c 2 --threshold http_req_failed:rate<0.5 --abort-on-fail=100ms";
    let ran = Loadgen::against(&stub, arguments).run();
    assert_eq!(ran.code, Some(99), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("threshold `http_req_failed:rate<0.5` failed: the run ends here"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.summary()["ended"], "threshold");
    assert!(ran.stdout.contains("the run was ended by a threshold; at most "), "{}", ran.stdout);
}

#[test]
fn latencies_of_a_rate_that_was_not_held_are_not_evaluated() {
    let stub = Stub::scripted(|it| {
        std::thread::sleep(Duration::from_millis(100));
        it.answer();
    });
    let arguments = "--rate 1000 --duration 500ms --batch 10 --dup 0 -c 1 --threshold response_time:p(95)<60000 \
                     --threshold dropped_iterations:count==0";
    let ran = Loadgen::against(&stub, arguments).run();
    // A slow machine may send nothing in this time.
    let is_sent = ran.summary()["requests"]["sent"] != 0;
    assert_eq!(ran.code, Some(if is_sent { 99 } else { 4 }), "{}", ran.stderr);
    let why = if is_sent { "the rate was not held" } else { "no sample" };
    assert!(ran.stdout.contains(&format!("not evaluated: {why}")), "{}", ran.stdout);
    assert!(ran.stdout.contains("✗ dropped_iterations:count==0"), "{}", ran.stdout);
}

/// Answers every fifth request after 60 ms with 503, and the others at once.
fn sometimes_busy() -> Stub {
    Stub::scripted(|it| {
        if it.nth % 5 == 0 {
            std::thread::sleep(Duration::from_millis(60));
            it.say(with_length(503, "{}"));
        } else {
            it.answer();
        }
    })
}

#[test]
fn a_metric_with_tags_is_measured_apart() {
    let stub = sometimes_busy();
    let demands = "--threshold http_req_duration{status:503}:min>=60 --threshold http_reqs{status:503}:count==10 \
                   --threshold http_reqs{status:200,outcome:acked}:count==40 --threshold http_req_duration:min>0 \
                   --threshold events{outcome:rejected}:count==100 --threshold http_req_failed{status:200}:rate<=0 \
                   --threshold http_reqs{topic:orders}:count>0 --threshold data_sent{status:503}:count>0";
    let ran = Loadgen::against(&stub, &format!("-n 500 --batch 10 --dup 0 -c 4 {demands}")).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let summary = ran.summary();
    let (all, busy) =
        (&summary["service_time"], &summary["submetrics"]["http_req_duration{status:503}"]["trend"]);
    assert_eq!((&all["samples"], &busy["samples"]), (&50.into(), &10.into()), "{summary:#}");
    let shortest = |is_of: fn(&Done) -> bool| {
        let tries = ran.tries();
        let micros = tries.iter().filter(|done| is_of(done)).map(|done| (done.t_end - done.t_start) / 1_000);
        micros.min().unwrap() as f64 / 1_000.0
    };
    let is_near = |told: &Value, exact: f64| (told.as_f64().unwrap() - exact).abs() <= exact / 100.0;
    assert!(is_near(&busy["min_ms"], shortest(|done| done.status == 503)), "{summary:#}");
    assert!(is_near(&all["min_ms"], shortest(|_| true)), "{summary:#}");
    let failed = &summary["submetrics"]["http_req_failed{status:200}"]["rate"];
    assert_eq!(*failed, serde_json::json!({ "failed": 0, "requests": 40 }));
    for line in [
        "     http_req_duration.......: avg=",
        "       {status:503}..........: avg=",
        "       {status:200}..........: 0.00%  0 out of 40",
        "       {status:503}..........: 10  ",
        "     ✓ http_reqs{status:503}:count==10  (measured 10)",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
}

#[test]
fn a_metric_with_tags_fails_alone_and_is_exported_under_its_name() {
    let stub = sometimes_busy();
    let file = tempfile::NamedTempFile::new().unwrap();
    let demands =
        "--threshold http_req_duration{status:503}:p(95)<60 --threshold http_req_failed{topic:auth}:rate<1";
    let arguments = format!("-n 500 --batch 10 --dup 0 {demands} --summary-export {}", file.path().display());
    let ran = Loadgen::against(&stub, &arguments).run();
    assert_eq!(ran.code, Some(99), "{}{}", ran.stdout, ran.stderr);
    let exported: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
    let metrics = &exported["metrics"];
    let busy = &metrics["http_req_duration{status:503}"];
    assert!(busy["min"].as_f64() >= Some(60.0), "{busy}");
    assert_eq!(busy["thresholds"]["p(95)<60"], true, "it was crossed: {busy}");
    let of_auth = &metrics["http_req_failed{topic:auth}"];
    assert!(of_auth["passes"].as_u64() > Some(0) && of_auth["fails"].as_u64() > Some(0), "{of_auth}");
    assert_eq!(of_auth["thresholds"]["rate<1"], false);
    assert_eq!(
        metrics["http_req_duration"]["thresholds"],
        Value::Null,
        "of all requests nothing was demanded"
    );
}

#[test]
fn a_failure_of_a_metric_with_tags_can_end_the_run() {
    let stub = Stub::scripted(|it| {
        std::thread::sleep(Duration::from_millis(20));
        it.say(with_length(if it.nth == 7 { 500 } else { 503 }, "{}"));
    });
    let arguments =
        "-n 1000000 --batch 10 --dup 0 -c 2 --threshold http_reqs{status:500}:count<1 --abort-on-fail";
    let ran = Loadgen::against(&stub, arguments).run();
    assert_eq!(ran.code, Some(99), "{}", ran.stderr);
    assert_eq!(ran.summary()["ended"], "threshold");
}

#[test]
fn a_topic_that_is_not_sent_to_is_refused_with_those_that_are() {
    let stub = Stub::sound();
    let threshold = "--threshold events{topic:nowhere}:count>0";
    let ran = Loadgen::against(&stub, &format!("-n 10 --topics a,b {threshold}")).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no topic `nowhere`; the topics are a, b"), "{}", ran.stderr);
    let ran = Loadgen::with(&format!("http http://{}/ {threshold}", stub.address)).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("names a topic, but [request] sends no events"), "{}", ran.stderr);
    assert_eq!(stub.look(|seen| seen.accepted), 0);
}

#[test]
fn what_is_no_threshold_is_refused_before_anything_is_sent() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 10 --threshold http_req_duration:p(95)").run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("'http_req_duration: p(95)<500'"), "{}", ran.stderr);
    assert!(!ran.results().exists());
}
