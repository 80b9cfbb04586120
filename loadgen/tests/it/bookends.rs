//! Bookends: the first and the last requests of a run are not under way beside the others.

use std::collections::HashSet;

use rustix::process::Signal;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::ledger::Done;
use truth::target::answer::Outcome;

use crate::program::{Loadgen, Ran, round_of};
use crate::stub::{Stub, with_length};

/// 40 requests: the fewest that have bookends.
const FORTY: &str = "-n 4000 --batch 100";

/// Tries in the order of their starts, and the plan that they are of.
struct Course {
    plan: Plan,
    tries: Vec<Done>,
}

impl Course {
    fn of(ran: &Ran) -> Self {
        let plan = ran.folder().manifest().unwrap().plan;
        let mut tries = ran.tries();
        tries.retain(|done| done.answer.outcome != Outcome::NeverSent);
        tries.sort_by_key(|done| done.t_start);
        Self { plan, tries }
    }

    /// Numbers of tries that had all ended before the next one began.
    fn pauses(&self) -> Vec<usize> {
        let mut ended = 0;
        let is_pause = |number: usize| {
            ended = ended.max(self.tries[number - 1].t_end);
            self.tries.get(number).is_none_or(|next| ended <= next.t_start)
        };
        let mut is_pause = is_pause;
        (1..self.tries.len()).filter(|number| is_pause(*number)).collect()
    }

    fn keys(&self, tries: &[Done]) -> HashSet<u64> {
        let keys = |done: &Done| self.plan.round(round_of(done)).request(done.request).to_vec();
        tries.iter().flat_map(keys).collect()
    }

    fn requests(tries: &[Done]) -> usize {
        tries.iter().map(|done| (round_of(done), done.request)).collect::<HashSet<_>>().len()
    }

    /// True if there are 24 keys, and 8 of each topic.
    fn is_enough(&self, keys: &HashSet<u64>) -> bool {
        let events = Events::new(&self.plan);
        let mut in_topic = vec![0; self.plan.topics.len()];
        keys.iter().for_each(|ordinal| in_topic[events.topic_index(*ordinal)] += 1);
        keys.len() >= 24 && in_topic.iter().all(|count| *count >= 8)
    }

    /// True if few first tries that hold enough keys had ended before any other began.
    fn begins_with_bookends(&self) -> bool {
        let most = (Self::requests(&self.tries) / 20).max(4);
        self.pauses().into_iter().any(|number| {
            let first = &self.tries[..number];
            Self::requests(first) <= most && self.is_enough(&self.keys(first))
        })
    }

    /// True if few last tries that hold enough new keys began after all others had ended.
    fn ends_with_bookends(&self) -> bool {
        let most = (Self::requests(&self.tries) / 20).max(4);
        self.pauses().into_iter().any(|number| {
            let (before, last) = self.tries.split_at(number);
            let before = self.keys(before);
            let new = self.keys(last).into_iter().filter(|ordinal| !before.contains(ordinal)).collect();
            Self::requests(last) <= most && self.is_enough(&new)
        })
    }
}

#[test]
fn the_first_requests_end_before_any_other_begins_and_the_last_begin_when_all_others_have_ended() {
    for arguments in [
        FORTY,
        "-n 4000 --batch 100 -c 1",
        "-n 4000 --batch 100 --lanes 3",
        "-n 12000 --batch 50 --lanes 4 --dup 0",
        "-n 1600 --batch 1 --topics 2 --lanes 2",
        "-n 8000 --batch 100 --run-id x --shard 1/2",
        "-n 8000 --batch 100 --run-id x --shard 2/2",
        "-n 4000 --batch 100 --requests-per-connection 1",
    ] {
        let stub = Stub::sound();
        let ran = Loadgen::against(&stub, arguments).run();
        assert_eq!(ran.code, Some(0), "{arguments}: {}", ran.stderr);
        let course = Course::of(&ran);
        assert!(course.begins_with_bookends(), "{arguments}");
        assert!(course.ends_with_bookends(), "{arguments}");
        assert!(ran.is_closed(), "{arguments}");
    }
}

#[test]
fn a_retry_of_a_bookend_is_waited_for() {
    let stub = Stub::scripted(|it| if it.nth < 6 { it.say(with_length(503, "{}")) } else { it.answer() });
    let ran = Loadgen::against(&stub, &format!("{FORTY} --retries 5")).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let course = Course::of(&ran);
    assert!(course.tries.len() > 40 && course.begins_with_bookends() && course.ends_with_bookends());
}

#[test]
fn without_bookends_no_request_waits_for_another() {
    // All 40 requests have to be under way at once.
    let stub = Stub::scripted(|it| {
        it.wait_for(|seen| seen.requests.len() >= 40);
        it.answer();
    });
    let ran = Loadgen::against(&stub, &format!("{FORTY} --no-bookends")).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let course = Course::of(&ran);
    assert!(course.pauses().is_empty());
    let manifest = std::fs::read_to_string(ran.folder().file("run.json")).unwrap();
    assert!(manifest.contains("--no-bookends"), "the command that sends the same load again: {manifest}");
}

#[test]
fn a_request_that_is_not_answered_holds_the_run_up_for_a_moment_only() {
    // One of the first bookends and one of the requests in the middle are answered at the end.
    let stub = Stub::scripted(|it| {
        if it.nth == 0 || it.nth == 20 {
            it.wait_for(|seen| seen.requests.len() >= 40);
        }
        it.answer();
    });
    let ran = Loadgen::against(&stub, FORTY).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.last_line().starts_with("done received=4000 "), "{}", ran.last_line());
    let course = Course::of(&ran);
    assert!(course.pauses().is_empty() && ran.is_closed());
}

#[test]
fn a_target_that_is_gone_after_some_requests_ends_the_run() {
    let stub = Stub::scripted(|it| if it.nth < 12 { it.answer() } else { it.hang() });
    let ran = Loadgen::against(&stub, &format!("{FORTY} --patience 1s -c 8")).run();
    assert!(ran.stderr.contains("no response for 1s (--patience)"), "{}", ran.stderr);
    assert!(ran.is_closed());
    let outcomes: Vec<Outcome> = ran.tries().iter().map(|done| done.answer.outcome).collect();
    assert!(outcomes.contains(&Outcome::Acked) && outcomes.contains(&Outcome::Unknown), "{outcomes:?}");
}

#[test]
fn a_signal_ends_a_run_whose_first_requests_are_not_answered() {
    let stub = Stub::scripted(|it| it.hang());
    let running = Loadgen::against(&stub, &format!("{FORTY} --graceful-stop 0s")).start();
    stub.wait_for(|seen| seen.requests.len() >= 4);
    running.signal(Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130));
    assert!(ran.is_closed());
    let ended = ran.tries().iter().filter(|done| done.is_final).count();
    assert_eq!(ended, ran.opened().len() * 8, "each request of an opened round has its end");
}
