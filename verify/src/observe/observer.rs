//! Looks at a target, until nothing is amiss, or what is amiss has not moved for long enough.
//!
//! A finding is looked at by the means that would refute it: all rows once at first; then only the
//! topics in question and the counters, while anything moves; then all rows in pages of another
//! size, and once more. For example, 3 of 14,000 keys of topic `auth` are not listed. `auth` is
//! asked for again and again. After 2 s one of them appears, and the waiting begins anew. For 10 s
//! nothing more appears, and two whole looks later the other two keys are a finding.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use judge::books::ages::Age;
use judge::numbers::{counted, grouped};
use reader::client::ReadError;
use truth::observed::Behind;
use truth::observed::presence::Presence;
use truth::observed::rows::RowTally;
use truth::target::Way;

use super::counters::{CounterWatch, POLL_EVERY};
use super::lister::{Examined, Lister};
use super::sight::Sight;
use super::waits::Quiet;

/// Most looks in a row that are repeated because the target moved meanwhile and nothing is amiss.
const BRACKETS: u32 = 5;

/// Least pause between two looks for what is in question.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Pause between two looks, as a multiple of the time that a look takes.
const PAUSES: u32 = 4;

/// Most topics that are asked for one by one. If more are in question, all rows are looked at.
const MOST_TOPICS: usize = 8;

/// Look that counts, or the last one that did not.
pub(super) struct Read<'e> {
    pub(super) sight: Sight<'e>,
    /// True if the rows came to rest.
    pub(super) rested: bool,
    /// Number of whole looks.
    pub(super) brackets: u32,
    /// Number of pages that looks in other page sizes and by topic took.
    pub(super) further_pages: u64,
    /// Reason why missing keys may still appear.
    pub(super) behind: Option<Behind>,
}

/// Numbers of keys that are amiss in a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Amiss {
    /// Acknowledged keys that neither the listing nor the database shows.
    missing: u64,
    /// Keys with more than one row.
    copies: u64,
    /// Keys on which listing and database differ.
    apart: u64,
}

impl Amiss {
    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Observer of one target, by its counters, its listing and its database.
pub(super) struct Observer<'a, 'e> {
    pub(super) lister: Lister<'a, 'e>,
    pub(super) counters: CounterWatch<'a>,
    pub(super) quiet: Quiet,
    pub(super) deadline: Instant,
    /// Moment until which the target is looked at although nothing is amiss.
    pub(super) watch_until: Instant,
    /// Keys that the last look at each topic in question showed.
    pub(super) by_topic: BTreeMap<String, Presence>,
    /// Acknowledged keys that the first look did not show.
    pub(super) missing_at_first: u64,
    /// Time for which nothing was to move when the looking ended.
    pub(super) quiet_wanted: Duration,
}

impl<'e> Observer<'_, 'e> {
    /// Looks until nothing moved during the look and nothing is amiss; or until what is amiss has
    /// not moved for long enough; or until the deadline.
    pub(super) async fn read(&mut self) -> Result<Read<'e>, ReadError> {
        let sight = self.sight().await?;
        self.missing_at_first = self.amiss(&sight).missing;
        if !self.is_fine(&sight) {
            self.lister.progress.say_cost(sight.took);
        }
        let mut read = Read { sight, rested: false, brackets: 1, further_pages: 0, behind: None };
        loop {
            let has_ended = match self.is_fine(&read.sight) {
                true => self.bracket(&mut read).await?,
                false => self.confirm(&mut read).await?,
            };
            if has_ended {
                if let Some(listed) = &mut read.sight.listed {
                    self.by_topic.values().for_each(|shown| listed.besides.fill(shown));
                }
                return Ok(read);
            }
        }
    }

    /// Waits until the counters of a target without rows lack nothing, or have not moved for long
    /// enough.
    pub(super) async fn wait(&mut self) {
        self.quiet_wanted =
            if self.counters.is_amiss() { self.quiet.of_counters() } else { self.quiet.least };
        while self.counters.is_amiss() && !self.counters.is_quiet() && Instant::now() < self.deadline {
            self.lister.progress.tick(String::new);
            tokio::time::sleep(POLL_EVERY).await;
            self.counters.read().await;
        }
    }

    /// Finds out if a look at which nothing was amiss counts. Returns true if the looking ends.
    async fn bracket(&mut self, read: &mut Read<'e>) -> Result<bool, ReadError> {
        self.quiet_wanted = self.quiet.least;
        // The last event may have been counted just now.
        self.counters.settle(self.deadline).await;
        read.rested = self.counters_stood(&read.sight).await;
        if !read.rested {
            // Without counters to compare, a second look has to show the same rows.
            let again = self.sight().await?;
            read.rested = again.shows_the_same(&read.sight);
            read.sight = again;
            read.brackets += 1;
        }
        if !self.is_fine(&read.sight) {
            return Ok(false);
        }
        if Instant::now() < self.watch_until.min(self.deadline) {
            let pause = LOOK_AGAIN.max(read.sight.took * PAUSES);
            tokio::time::sleep(pause.min(self.watch_until - Instant::now())).await;
            self.counters.read().await;
            read.sight = self.sight().await?;
            read.brackets = 1;
            return Ok(false);
        }
        Ok(read.rested || read.brackets >= BRACKETS || Instant::now() >= self.deadline)
    }

    /// Waits until what is amiss has not moved for long enough, and looks at it by the means that
    /// would refute it. Returns true if the looking ends.
    async fn confirm(&mut self, read: &mut Read<'e>) -> Result<bool, ReadError> {
        let were_rows_fine = self.amiss(&read.sight).is_nothing();
        self.until_quiet(&mut read.sight).await?;
        if were_rows_fine && Instant::now() < self.deadline {
            return Ok(false);
        }
        // However soon nothing moves, the topics in question are asked for by themselves.
        if self.by_topic.is_empty() && !self.topics_in_question(&read.sight).is_empty() {
            self.glance(&mut read.sight).await?;
        }
        let quiet_since = Instant::now();
        let examined = match &read.sight.listed {
            Some(listed) if !self.amiss(&read.sight).is_nothing() => Some(self.lister.examine(listed).await?),
            _ => None,
        };
        let last = self.sight().await?;
        read.brackets += 1;
        read.rested = self.counters_stood(&last).await || last.shows_the_same(&read.sight);
        read.sight = last;
        let has_moved = self.lister.histories.moved() > quiet_since;
        if Instant::now() < self.deadline && (has_moved || self.is_fine(&read.sight)) {
            return Ok(false);
        }
        if let Some(examined) = examined {
            read.further_pages += examined.pages;
            take_examined(&mut read.sight, examined);
        }
        self.ask_for_single_keys(&mut read.sight).await;
        read.behind = self.behind(&read.sight);
        Ok(true)
    }

    /// Reason why keys that are missing now may still appear.
    fn behind(&self, sight: &Sight<'_>) -> Option<Behind> {
        let amiss = self.amiss(sight);
        let still_for = self.lister.histories.still_for();
        if amiss.is_nothing() {
            return None;
        }
        if sight.is_of_replica() && amiss.missing + amiss.apart > 0 {
            return Some(Behind::Replica);
        }
        let catches_up = still_for < self.quiet_of(amiss)
            || self.counters.catches_up(self.quiet_of(amiss).max(self.quiet.of_counters()));
        catches_up.then_some(Behind::CatchingUp)
    }

    /// Waits until nothing is amiss any more, or nothing in question moved for long enough. Looks
    /// meanwhile at the counters and at the topics in question.
    async fn until_quiet(&mut self, sight: &mut Sight<'e>) -> Result<(), ReadError> {
        let mut next_glance = Instant::now() + LOOK_AGAIN.max(sight.took * PAUSES);
        let mut amiss = self.amiss(sight);
        loop {
            let is_quiet = self.is_quiet(amiss) && (!self.counters.is_amiss() || self.counters.is_quiet());
            let is_resolved = amiss.is_nothing() && !self.counters.is_amiss();
            if is_resolved || is_quiet || Instant::now() >= self.deadline {
                return Ok(());
            }
            let missing = counted(amiss.missing, "key is", "keys are");
            let what = format!("; {missing} not shown, {} more than once", grouped(amiss.copies));
            self.lister.progress.tick(|| what);
            tokio::time::sleep(POLL_EVERY).await;
            self.counters.read().await;
            if !amiss.is_nothing() && Instant::now() >= next_glance {
                let took = self.glance(sight).await?;
                next_glance = Instant::now() + LOOK_AGAIN.max(took * PAUSES);
                amiss = self.amiss(sight);
            }
        }
    }

    /// True if nothing in question moved for long enough. Counters that lack something and move
    /// tell of events that still wait; other movements of the counters are not the listing's.
    fn is_quiet(&mut self, amiss: Amiss) -> bool {
        let quiet = self.quiet_of(amiss);
        self.quiet_wanted =
            if self.counters.is_amiss() { quiet.max(self.quiet.of_counters()) } else { quiet };
        amiss.is_nothing() || (self.lister.histories.still_for() >= quiet && !self.counters.catches_up(quiet))
    }

    fn quiet_of(&self, amiss: Amiss) -> Duration {
        let of = |is_amiss: bool, quiet: Duration| if is_amiss { quiet } else { self.quiet.least };
        of(amiss.missing + amiss.apart > 0, self.quiet.of_missing())
            .max(of(amiss.copies > 0, self.quiet.of_copies()))
    }

    /// Looks at what is in question, and returns the time that it took.
    async fn glance(&mut self, sight: &mut Sight<'e>) -> Result<Duration, ReadError> {
        let began = Instant::now();
        let topics = self.topics_in_question(sight);
        for topic in &topics {
            if let Some(shown) = self.lister.list_topic(topic).await? {
                self.by_topic.insert(topic.clone(), shown);
            }
        }
        if topics.is_empty() || self.lister.ignores_topic {
            *sight = self.sight().await?;
        }
        Ok(began.elapsed())
    }

    /// Topics of the keys in question. Empty if they cannot be asked for by themselves, or are too
    /// many.
    fn topics_in_question(&self, sight: &Sight<'e>) -> Vec<String> {
        let lister = &self.lister;
        let Some(listed) = &sight.listed else { return Vec::new() };
        if !lister.heeds_topic() || lister.wanted.database.is_some() {
            return Vec::new();
        }
        let mut topics: Vec<&str> = Vec::new();
        let missing = self.missing(sight);
        for ordinal in missing.chain(listed.tally.copies.keys.keys().copied()) {
            let topic = lister.events.topic(ordinal);
            if !topics.contains(&topic) {
                topics.push(topic);
            }
            if topics.len() > MOST_TOPICS {
                return Vec::new();
            }
        }
        topics.into_iter().map(str::to_owned).collect()
    }

    /// Looks once, in the listing and in the database. A database that cannot be read leaves the
    /// listing as it is.
    async fn sight(&mut self) -> Result<Sight<'e>, ReadError> {
        let began = Instant::now();
        let before = self.counters.counters().cloned();
        let offers_listing = self.lister.client.offers_listing();
        let listed = if offers_listing { Some(self.lister.list().await?) } else { None };
        let stored = match self.lister.wanted.database {
            Some(database) => Some(self.lister.read_database(database).await),
            None => None,
        };
        Ok(Sight { listed, stored, before, took: began.elapsed() })
    }

    /// True if the counters are those of before the look. Of counters that go back to an earlier
    /// state, two equal readings say nothing.
    async fn counters_stood(&mut self, sight: &Sight<'e>) -> bool {
        self.counters.read().await;
        !self.ignores_counters() && !self.counters.went_back && self.counters.stands_as(sight.before.as_ref())
    }

    /// True if counters that move say nothing, because others write to the target too. With offsets
    /// it is false: the rows of others shift the pages, so such a listing counts only if nothing
    /// moved at all.
    fn ignores_counters(&self) -> bool {
        let is_shifted = self.lister.client.reading().is_some_and(|reading| reading.way == Way::Offset);
        self.shared() && !is_shifted
    }

    fn shared(&self) -> bool {
        self.lister.wanted.promises.is_shared()
    }

    fn is_fine(&self, sight: &Sight<'_>) -> bool {
        let are_counters_fine = !self.counters.is_amiss() || self.counters.is_quiet();
        are_counters_fine && self.amiss(sight).is_nothing()
    }

    fn amiss(&self, sight: &Sight<'_>) -> Amiss {
        let wanted = self.lister.wanted;
        let is_copied = |ordinal: u64, rows: u8| {
            wanted.tally.ages.age(ordinal, rows) != Age::MayBeForgotten
                && self.lister.histories.has_copies(ordinal)
        };
        let copies_in = |tally: &RowTally<'_>| {
            let keys = tally.copies.keys.keys();
            keys.filter(|ordinal| is_copied(**ordinal, tally.presence.seen(**ordinal))).count() as u64
        };
        Amiss {
            missing: self.missing(sight).count() as u64,
            copies: sight.decisive().map_or(0, copies_in),
            apart: sight
                .apart(self.lister.keys, wanted.promises.window, self.lister.is_complete())
                .map_or(0, |apart| apart.keys),
        }
    }

    /// Acknowledged keys that neither the listing nor the database shows, as far as a look can tell.
    pub(super) fn missing<'s>(&'s self, sight: &'s Sight<'_>) -> Box<dyn Iterator<Item = u64> + 's> {
        let Some(tally) = sight.decisive() else { return Box::new(std::iter::empty()) };
        let keys = self.lister.missing_of(tally);
        let is_shown_by_topic = |ordinal: u64| self.by_topic.values().any(|shown| shown.seen(ordinal) > 0);
        Box::new(
            keys.filter(move |ordinal| !sight.is_shown_besides(*ordinal) && !is_shown_by_topic(*ordinal)),
        )
    }
}

/// Adds to a look what its examination showed.
fn take_examined<'e>(sight: &mut Sight<'e>, examined: Examined<'e>) {
    let Some(listed) = &mut sight.listed else { return };
    let Examined { better, is_by_topic, besides, .. } = examined;
    listed.besides.fill(&besides);
    listed.all_topics &= !is_by_topic;
    if let Some(better) = better {
        let plain = std::mem::replace(&mut listed.tally, better);
        listed.besides.fill(&plain.presence);
    }
}
