//! Thresholds: what is demanded of the measurements, and the exit code that says whether it is so.

use std::time::Duration;

use serde_json::Value;

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
}

#[test]
fn a_scenario_has_them_too_and_what_was_not_measured_does_not_hold() {
    let stub = Stub::sound();
    let scenario =
        "[load]\nthresholds = [\"http_req_duration: p(95)<60000\", { threshold = \"lateness: max<1\" }]\n";
    let ran = Loadgen::against(&stub, "-n 20 --batch 10").scenario(scenario).run();
    assert_eq!(ran.code, Some(99), "{}", ran.stderr);
    assert!(ran.stdout.contains("✓ http_req_duration: p(95)<60000"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("✗ lateness: max<1  (measured nothing, not evaluated: no sample)"),
        "{}",
        ran.stdout
    );
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
    assert_eq!(ran.code, Some(99), "{}", ran.stderr);
    assert!(ran.stdout.contains("not evaluated: the rate was not held"), "{}", ran.stdout);
    assert!(ran.stdout.contains("✗ dropped_iterations:count==0"), "{}", ran.stdout);
}

#[test]
fn what_is_no_threshold_is_refused_before_anything_is_sent() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 10 --threshold http_req_duration:p(95)").run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("'http_req_duration: p(95)<500'"), "{}", ran.stderr);
    assert!(!ran.results().exists());
}
