//! Sights of a key: what each look at the target showed of it.

use truth::observed::looks::{Asked, CopyHistory, KeyHistory, Look};
use truth::observed::{Observed, Route};

/// Sight of a key in one look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// Beginning of the look, in milliseconds since the looking began.
    pub from_ms: u64,
    /// End of the look.
    pub to_ms: u64,
    /// Sight of the key.
    pub seen: Seen,
    /// Way by which the rows were read.
    pub route: Route,
}

/// Rows of a key that a look showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// The key once.
    Once,
    /// The key more than once.
    Twice,
    /// Not the key.
    Not,
    /// The folder does not keep what this look showed of it.
    Unkept,
}

impl Seen {
    /// Name in reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Once => "seen",
            Self::Twice => "seen more than once",
            Self::Not => "not seen",
            Self::Unkept => "not kept",
        }
    }
}

/// Returns the sights of a key in all looks that asked for it. A folder without looks has one, of
/// its only listing.
pub fn sights(observed: &Observed, ordinal: u64, topic: &str) -> Vec<Sight> {
    let looks = &observed.looks;
    let asks_for_it = |look: &&Look| match &look.asked {
        Asked::All | Asked::EachTopic => look.error.is_none(),
        Asked::Topic(asked) => look.error.is_none() && asked == topic,
    };
    let sights = looks.looks.iter().filter(asks_for_it).map(|look| Sight {
        from_ms: look.from_ms,
        to_ms: look.to_ms,
        seen: seen(observed, ordinal, look.to_ms),
        route: look.route,
    });
    let sights: Vec<Sight> = sights.collect();
    let listing = &observed.listing;
    let was_read = listing.offered && listing.unread.is_none() || listing.route == Route::Database;
    if sights.is_empty() && was_read {
        let seen = at_last(observed, ordinal);
        return vec![Sight { from_ms: 0, to_ms: listing.looked_ms, seen, route: listing.route }];
    }
    sights
}

fn seen(observed: &Observed, ordinal: u64, at_ms: u64) -> Seen {
    let looks = &observed.looks;
    if let Some(copies) = looks.copies(ordinal) {
        return of_copies(copies, at_ms);
    }
    match looks.missing(ordinal) {
        Some(missing) => of_missing(missing, at_ms),
        None if looks.is_gone(ordinal) => Seen::Unkept,
        None => at_last(observed, ordinal),
    }
}

fn of_copies(history: &CopyHistory, at_ms: u64) -> Seen {
    let is_among_them = (history.first_ms..=history.last_ms).contains(&at_ms);
    match (is_among_them, history.vanished()) {
        (true, false) => Seen::Twice,
        (true, true) => Seen::Unkept,
        (false, _) => Seen::Once,
    }
}

fn of_missing(history: &KeyHistory, at_ms: u64) -> Seen {
    let is_between = |first: Option<u64>, last: Option<u64>| {
        first.zip(last).is_some_and(|(first, last)| (first..=last).contains(&at_ms))
    };
    let is_seen = is_between(history.first_seen_ms, history.last_seen_ms);
    let is_missed = is_between(history.first_missed_ms, history.last_missed_ms);
    match (is_seen, is_missed) {
        (true, false) => Seen::Once,
        (false, true) => Seen::Not,
        (true, true) | (false, false) => Seen::Unkept,
    }
}

fn at_last(observed: &Observed, ordinal: u64) -> Seen {
    if ordinal >= observed.presence.keys() {
        return Seen::Unkept;
    }
    match observed.presence.seen(ordinal) {
        0 => Seen::Not,
        1 => Seen::Once,
        _ => Seen::Twice,
    }
}

/// Says in one phrase what all sights show.
pub fn summary(sights: &[Sight]) -> String {
    let count = |wanted: Seen| sights.iter().filter(|sight| sight.seen == wanted).count();
    let kept = sights.len() - count(Seen::Unkept);
    let counts = [Seen::Not, Seen::Twice, Seen::Once].map(|seen| (seen, count(seen)));
    match counts.iter().find(|(_, count)| *count == kept && kept > 0) {
        Some((seen, _)) if kept == 1 => format!("1 look at the target: {}", seen.text()),
        Some((Seen::Not, _)) => format!("{kept} looks at the target: not seen in any"),
        Some((seen, _)) => format!("{kept} looks at the target: {} in each", seen.text()),
        None => {
            let some = counts.iter().filter(|(_, count)| *count > 0);
            let some: Vec<String> = some.map(|(seen, count)| format!("{} in {count}", seen.text())).collect();
            match some.is_empty() {
                true => "no look at the target asked for it".to_owned(),
                false => format!("{kept} looks at the target: {}", some.join(", ")),
            }
        }
    }
}
