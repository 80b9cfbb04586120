//! Retries: each is an attempt of its own, with a record of its own.

use truth::target::answer::Outcome;

use crate::program::Loadgen;
use crate::stub::{Stub, with_length};

/// Runs one request against a target that fails the first two tries in this way.
fn tries(
    arguments: &str,
    fail: fn(&mut crate::stub::Exchange<'_>),
) -> (Vec<(u16, bool, Outcome, u16)>, String) {
    let stub = Stub::scripted(move |it| if it.nth < 2 { fail(it) } else { it.answer() });
    let ran = Loadgen::against(&stub, &format!("-n 1 --dup 0 --batch 1 -c 1 {arguments}")).run();
    let tries = ran.tries();
    assert!(tries.windows(2).all(|pair| pair[0].t_end <= pair[1].t_planned), "a retry follows its backoff");
    let short = tries.iter().map(|done| (done.try_number, done.is_final, done.answer.outcome, done.status));
    (short.collect(), ran.last_line().to_owned())
}

#[test]
fn nothing_is_tried_again_unless_asked() {
    let (tries, last) = tries("", |it| it.say(with_length(503, "{}")));
    assert_eq!(tries, [(0, true, Outcome::Rejected, 503)]);
    assert_eq!(last, "done received=0 inserted=0 duplicates=0 dup_rate=0.00% rejected=1");
}

#[test]
fn what_was_refused_for_now_is_tried_again() {
    let (tries, last) = tries("--retries 2", |it| it.say(with_length(503, "{}")));
    let expected = [
        (0, false, Outcome::Rejected, 503),
        (1, false, Outcome::Rejected, 503),
        (2, true, Outcome::Acked, 200),
    ];
    assert_eq!(tries, expected);
    assert_eq!(last, "done received=1 inserted=1 duplicates=0 dup_rate=0.00% rejected=2");
}

#[test]
fn shares_of_outcomes_are_of_all_attempts() {
    let stub = Stub::scripted(|it| match it.nth {
        0 => it.say(with_length(503, "{}")),
        1 => it.close(),
        _ => it.answer(),
    });
    let ran = Loadgen::against(&stub, "-n 2 --dup 0 --batch 1 -c 1 --retries 2").run();
    for line in [
        " acked...................: 2 50.00%",
        " rejected................: 1 25.00%",
        " unknown.................: 1 25.00%",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
}

#[test]
fn an_unknown_attempt_is_tried_again_on_another_connection() {
    let (tries, _) = tries("--retries 5", |it| it.close());
    let expected =
        [(0, false, Outcome::Unknown, 0), (1, false, Outcome::Unknown, 0), (2, true, Outcome::Acked, 200)];
    assert_eq!(tries, expected);
}

#[test]
fn tries_are_counted_out() {
    let (tries, last) = tries("--retries 1", |it| it.close());
    assert_eq!(tries, [(0, false, Outcome::Unknown, 0), (1, true, Outcome::Unknown, 0)]);
    assert!(last.ends_with(" unknown=2"), "{last}");
}

#[test]
fn what_was_refused_for_good_is_not_tried_again() {
    let (tries, _) = tries("--retries 5", |it| it.say(with_length(422, "{}")));
    assert_eq!(tries, [(0, true, Outcome::Rejected, 422)]);
}
