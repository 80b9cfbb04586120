//! Troubles of a lane, an executor or a run: reasons why requests have no whole response, the first
//! responses that nobody expects, and pauses that the target asked for.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use truth::chain::chain;
use truth::excerpt::excerpt;
use truth::record::trouble::{LostBecause, Specimen, Trouble};
use truth::target::answer::{Answer, Outcome};

use crate::connection::Connection;
use crate::connection::attempt::Lost;

/// Most characters of a body, or of another text of the target, that are shown.
const SHOWN: usize = 200;

/// Troubles so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles {
    /// Requests without a whole response, by the name of the reason.
    lost: BTreeMap<&'static str, Reason>,
    first_unexpected: Option<Seen>,
    first_unclear: Option<Seen>,
    redirects: u64,
    first_redirect: Option<Seen>,
    pub(crate) pauses: Pauses,
}

/// Reason, with the sentence about the first request that had it.
#[derive(Clone, Debug)]
struct Reason {
    requests: u64,
    example: String,
}

/// Response that is shown, and the instant of its end.
#[derive(Clone, Debug)]
struct Seen {
    t_end: u64,
    specimen: Specimen,
}

/// Pauses that responses asked for with `Retry-After`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pauses {
    /// Responses that asked for a pause.
    pub(crate) asked: u64,
    /// Sum of the pauses that connections made for it.
    pub(crate) made: Duration,
    /// Longest of them.
    pub(crate) longest: Duration,
}

impl Troubles {
    /// Counts a request without a whole response.
    pub(crate) fn lose(&mut self, why: &Lost) {
        let example = || excerpt(chain(why).as_bytes(), SHOWN);
        let reason =
            self.lost.entry(why.name()).or_insert_with(|| Reason { requests: 0, example: example() });
        reason.requests += 1;
    }

    /// Looks at a whole response, and keeps it if it is the first of its kind.
    pub(crate) fn see(&mut self, status: u16, answer: &Answer, connection: &Connection, t_end: u64) {
        let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
        let is_unexpected = match answer.outcome {
            Outcome::Rejected | Outcome::Unknown => true,
            Outcome::Acked => !answer.kinds.take_all(),
            Outcome::Unclear | Outcome::NeverSent => false,
        };
        let is_unclear = answer.outcome == Outcome::Unclear;
        if !is_redirect && !is_unexpected && !is_unclear {
            return;
        }
        let seen = || {
            let location = Some(connection.advice().location()).filter(|location| !location.is_empty());
            let location = location.map(|location| excerpt(location, SHOWN));
            let body = excerpt(connection.excerpt(), SHOWN);
            Seen { t_end, specimen: Specimen { status, location, body } }
        };
        if is_redirect {
            self.redirects += 1;
            self.first_redirect.get_or_insert_with(seen);
        }
        if is_unexpected {
            self.first_unexpected.get_or_insert_with(seen);
        }
        if is_unclear {
            self.first_unclear.get_or_insert_with(seen);
        }
    }

    /// Returns the troubles as `summary.json` keeps them.
    pub(crate) fn recorded(&self) -> Trouble {
        let lost_because = self.lost.iter().map(|(cause, reason)| LostBecause {
            cause: (*cause).to_owned(),
            requests: reason.requests,
            example: reason.example.clone(),
        });
        let specimen = |seen: &Option<Seen>| seen.as_ref().map(|seen| seen.specimen.clone());
        Trouble {
            lost_because: lost_because.collect(),
            first_unexpected: specimen(&self.first_unexpected),
            first_unclear: specimen(&self.first_unclear),
            redirects: self.redirects,
            first_redirect: specimen(&self.first_redirect),
        }
    }
}

impl AddAssign<&Self> for Troubles {
    fn add_assign(&mut self, other: &Self) {
        let Self { lost, first_unexpected, first_unclear, redirects, first_redirect, pauses } = other;
        for (name, more) in lost {
            match self.lost.get_mut(name) {
                Some(known) => known.requests += more.requests,
                None => drop(self.lost.insert(name, more.clone())),
            }
        }
        keep_first(&mut self.first_unexpected, first_unexpected);
        keep_first(&mut self.first_unclear, first_unclear);
        self.redirects += redirects;
        keep_first(&mut self.first_redirect, first_redirect);
        self.pauses += *pauses;
    }
}

fn keep_first(kept: &mut Option<Seen>, other: &Option<Seen>) {
    let Some(other) = other else { return };
    if kept.as_ref().is_none_or(|kept| other.t_end < kept.t_end) {
        *kept = Some(other.clone());
    }
}

impl Pauses {
    /// Counts a response that asked for a pause, and the pause that is made for it.
    pub(crate) fn ask(&mut self, pause: Duration) {
        *self += Self { asked: 1, made: pause, longest: pause };
    }
}

impl AddAssign for Pauses {
    fn add_assign(&mut self, other: Self) {
        let Self { asked, made, longest } = other;
        self.asked += asked;
        self.made += made;
        self.longest = self.longest.max(longest);
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::connection::http1::malformed::Malformed;

    #[test]
    fn each_reason_is_counted_with_the_sentence_of_its_first_request() {
        let lost = |whys: &[Lost]| {
            let mut troubles = Troubles::default();
            whys.iter().for_each(|why| troubles.lose(why));
            troubles
        };
        let mut sum = lost(&[
            Lost::Malformed(Malformed::Chunk),
            Lost::Malformed(Malformed::Coding("a\u{1b}[2J".to_owned())),
            Lost::Malformed(Malformed::Coding("b".to_owned())),
        ]);
        sum += &lost(&[
            Lost::Malformed(Malformed::Chunk),
            Lost::Broken(io::Error::from(io::ErrorKind::ConnectionReset)),
        ]);
        let because: Vec<_> = sum.recorded().lost_because;
        let short: Vec<_> = because.iter().map(|reason| (&*reason.cause, reason.requests)).collect();
        assert_eq!(short, [("chunks", 2), ("connection-reset", 1), ("transfer-coding", 2)]);
        assert_eq!(because[1].example, "the connection broke: connection reset");
        assert!(because[2].example.contains("`a\\u{1b}[2J`"), "{}", because[2].example);
    }

    #[test]
    fn of_several_lanes_the_earliest_response_is_shown() {
        let seen = |t_end, status| {
            let specimen = Specimen { status, location: None, body: String::new() };
            Troubles { first_unexpected: Some(Seen { t_end, specimen }), ..Troubles::default() }
        };
        let mut sum = Troubles::default();
        for troubles in [seen(9, 500), seen(3, 404), seen(5, 503), Troubles::default()] {
            sum += &troubles;
        }
        assert_eq!(sum.recorded().first_unexpected.map(|seen| seen.status), Some(404));
    }

    #[test]
    fn pauses_are_added_and_the_longest_is_kept() {
        let mut pauses = Pauses::default();
        [3, 7, 2].map(Duration::from_secs).into_iter().for_each(|pause| pauses.ask(pause));
        let expected = Pauses { asked: 3, made: Duration::from_secs(12), longest: Duration::from_secs(7) };
        assert_eq!(pauses, expected);
    }
}
