//! SIGKILL of the sender: no attempt that the target saw may be missing from what is recorded or unknown.

use std::collections::HashMap;

use rustix::process::Signal;
use truth::answer::Outcome;
use truth::event::Events;

use crate::program::{Loadgen, Ran, round_of};
use crate::stub::{Key, Stub};

/// How often each key may have been sent by what the ledger says: the slots of all opened rounds, without those of
/// requests that are on record as never sent.
fn accounted(ran: &Ran) -> HashMap<Key, u64> {
    let plan = ran.folder().manifest().unwrap().plan;
    let events = Events::new(&plan);
    let tries = ran.tries();
    let never = |round, request| {
        tries.iter().any(|done| {
            round_of(done) == round && done.request == request && done.answer.outcome == Outcome::NeverSent
        })
    };
    let mut accounted = HashMap::new();
    for index in ran.opened() {
        let round = plan.round(index);
        for request in (0..round.requests()).filter(|request| !never(index, *request)) {
            for ordinal in round.request(request) {
                let key = (events.topic(*ordinal).to_owned(), events.id_text(*ordinal));
                *accounted.entry(key).or_default() += 1;
            }
        }
    }
    accounted
}

#[test]
fn a_killed_run_accounts_for_every_attempt_that_the_target_saw() {
    for (requests, batch, concurrency) in [(1, 1, 50), (3, 10, 3), (100, 1, 8), (257, 10, 50), (1000, 3, 20)]
    {
        let stub = Stub::sound();
        let arguments = format!("-n 10m --batch {batch} -c {concurrency} --dup 0.3");
        let running = Loadgen::against(&stub, &arguments).start();
        stub.wait_for(|seen| seen.requests.len() >= requests);
        running.signal(Signal::KILL);
        let ran = running.end();
        assert_eq!(ran.code, None);
        assert!(!ran.is_closed() && !ran.folder().is_running());
        let accounted = accounted(&ran);
        stub.look(|seen| {
            for (key, attempts) in &seen.attempts {
                assert!(accounted.get(key).is_some_and(|known| known >= attempts), "{arguments}: {key:?}");
            }
        });
    }
}
