//! Pauses of a connection before its next request: before a retry, and where the target asks for one.

use std::time::Duration;

use reader::client::patience::pause_asked_for;
use truth::plan::rng::{derived, mix, scale};
use truth::record::ledger::{Done, Scope};

use crate::connection::Connection;

/// Pause before the first retry.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// Longest pause before a retry, unless the target asks for a longer one.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Longest pause that a target gets when it asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Steps between no jitter and the largest.
const STEPS: u64 = 1 << 16;

/// Returns the pause before the try after this one.
pub(super) fn backoff(try_number: u16) -> Duration {
    let doubled = 2_u32.saturating_pow(u32::from(try_number));
    FIRST_BACKOFF.saturating_mul(doubled).min(LONGEST_BACKOFF)
}

/// Returns the pause before the next request, if a response asks for one: by a status that can, or
/// because the target's description calls it busy.
pub(super) fn asked_for(connection: &Connection, is_busy: bool, seed: u32, done: &Done) -> Option<Duration> {
    let retry_after = match is_busy {
        true => connection.field("retry-after").and_then(|field| std::str::from_utf8(field).ok()),
        false => connection.advice().retry_after(),
    };
    Some(stretched(retry_after.and_then(pause_asked_for)?, seed, done))
}

/// Returns the pause that a response asked for, and up to a tenth more, so that connections do not
/// come back all at once. The seed fixes how much.
fn stretched(asked: Duration, seed: u32, done: &Done) -> Duration {
    let asked = asked.min(LONGEST_PAUSE);
    let scope = match done.scope {
        Scope::Round(round) => round,
        Scope::Resend(list) => u64::from(list),
    };
    let request = derived(mix(scope ^ u64::from(seed)), done.request.into());
    let drawn = scale(mix(request ^ u64::from(done.try_number)), STEPS + 1);
    (asked + asked.mul_f64(0.1 * drawn as f64 / STEPS as f64)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use truth::target::answer::{Answer, Outcome};

    use super::*;

    fn done(round: u64, request: u32, try_number: u16) -> Done {
        Done {
            scope: Scope::Round(round),
            request,
            try_number,
            is_final: true,
            connection: 1,
            t_planned: 0,
            t_start: 0,
            t_end: 0,
            status: 503,
            answer: Answer::bare(Outcome::Rejected),
        }
    }

    #[test]
    fn the_pause_before_a_retry_doubles_up_to_two_seconds() {
        let pauses: Vec<u128> = [0, 1, 4, 5, 100].map(|number| backoff(number).as_millis()).to_vec();
        assert_eq!(pauses, [100, 200, 1600, 2000, 2000]);
    }

    #[test]
    fn a_pause_that_is_asked_for_is_a_tenth_longer_at_most_and_the_seed_fixes_it() {
        let asked = Duration::from_secs(10);
        let mut pauses = HashSet::new();
        for round in 0..20 {
            for (request, try_number) in [(0, 0), (1, 0), (0, 1)] {
                let pause = stretched(asked, 7, &done(round, request, try_number));
                assert!(asked <= pause && pause <= Duration::from_secs(11), "{pause:?}");
                assert_eq!(pause, stretched(asked, 7, &done(round, request, try_number)));
                assert_ne!(pause, stretched(asked, 8, &done(round, request, try_number)));
                pauses.insert(pause);
            }
        }
        assert!(pauses.len() > 50, "{pauses:?}");
    }

    #[test]
    fn no_pause_is_longer_than_a_minute() {
        for seconds in [58, 60, 3_600, u64::MAX] {
            let pause = stretched(Duration::from_secs(seconds), 7, &done(0, 0, 0));
            assert!((Duration::from_secs(58)..=LONGEST_PAUSE).contains(&pause), "{pause:?}");
        }
    }
}
