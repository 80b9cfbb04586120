//! Listings of a target: their rows, and how far they reach. Each is recorded as a look.

use std::time::Duration;

use judge::books::keys::KeyState;
use reader::client::{ReadError, TargetClient};
use reader::database::DatabaseReader;
use reader::listing::Paged;
use truth::chain::chain;
use truth::observed::Route;
use truth::observed::counters::Counters;
use truth::observed::looks::{Asked, Look};
use truth::observed::presence::Presence;
use truth::observed::rows::{Equality, RowTally, SetSum};
use truth::plan::event::Events;
use truth::target::{ListedTopics, Paging};

use super::history::{Histories, Kind, Noted};
use super::progress::Progress;
use super::sight::{Extent, Listed, Stored};
use super::wanted::Wanted;

/// Longest time to read a database: a hundred million rows take a few minutes.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(600);

/// Rows of a listing, and the number that the target counts.
struct Total {
    shown: u64,
    /// None without counters.
    counted: Option<u64>,
}

/// Question to the listing.
struct Question {
    asked: Asked,
    kind: Kind,
    limit: u32,
    equality: Equality,
    /// Presence of a listing that the rows are compared with.
    earlier: Option<Presence>,
}

/// Result of an examination of a listing.
pub(super) struct Examined<'e> {
    pub(super) extent: Extent,
    /// Rows that show more than the listing.
    pub(super) better: Option<RowTally<'e>>,
    /// Keys that the other looks showed.
    pub(super) besides: Presence,
    pub(super) pages: u64,
    /// True if the rows that count are not all that the target counts: those of the plan's topics
    /// alone, or fewer than it counts although all keys are shown.
    pub(super) is_part: bool,
}

impl Examined<'_> {
    fn nothing(extent: Extent, keys: u64) -> Self {
        Self { extent, better: None, besides: Presence::new(keys), pages: 0, is_part: false }
    }
}

/// Lister of one target, which knows the keys that it has to find.
pub(super) struct Lister<'a, 'e> {
    pub(super) client: &'a TargetClient,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) events: &'e Events,
    /// Number of keys of the plan.
    pub(super) keys: u64,
    pub(super) histories: Histories<'a>,
    pub(super) progress: Progress,
    /// True if the target ignores the topic that it is asked for.
    pub(super) ignores_topic: bool,
}

impl<'e> Lister<'_, 'e> {
    /// Lists all rows once. Only of a single page it is known at once how far it reaches.
    pub(super) async fn list(&mut self, stats: Option<&Counters>) -> Result<Listed<'e>, ReadError> {
        let limit = self.client.target().listing.limit;
        let question = Question {
            asked: Asked::All,
            kind: Kind::Whole,
            limit,
            equality: self.wanted.promises.into(),
            earlier: None,
        };
        let (tally, paged) = self.ask(question).await?.expect("only by topic a target may ignore the topic");
        let all_topics = self.client.target().listing.topics == ListedTopics::All;
        let besides = Presence::new(self.keys);
        let mut listed = Listed { tally, paged, limit, extent: Extent::Whole, besides, all_topics };
        if self.client.target().listing.paging == Paging::None {
            listed.extent = self.extent_of_one_page(&listed, stats);
        }
        Ok(listed)
    }

    /// Lists one topic, and returns the keys that it shows. None if the target ignores the topic.
    pub(super) async fn list_topic(&mut self, topic: &str) -> Result<Option<Presence>, ReadError> {
        let question = Question {
            asked: Asked::Topic(topic.to_owned()),
            kind: Kind::Topic,
            limit: self.client.target().listing.limit,
            equality: Equality::NONE,
            earlier: None,
        };
        let shown = self.ask(question).await?;
        self.ignores_topic |= shown.is_none();
        Ok(shown.map(|(tally, _)| tally.presence))
    }

    /// Reads the database. The error is a text for people.
    pub(super) async fn read_database(&mut self, database: &DatabaseReader) -> Result<Stored<'e>, String> {
        let wanted = self.wanted;
        let mut tally = self.blank(Equality::in_columns(wanted.promises));
        let from_ms = self.histories.now_ms();
        let reading = database.rows_into(&mut tally, READ_WITHIN);
        let read = self.progress.during(reading).await.map_err(|error| chain(&error));
        let look = self.look(Route::Database, Asked::All, None, from_ms);
        match read {
            Ok(is_replica) => {
                let look = Look { pages: 0, ..totals(look, &tally) };
                self.histories.note(Noted { look, kind: Kind::Database, rows: &tally });
                let acked = wanted.tally.keys.iter().any(|(_, state)| state.acked() > 0);
                Stored { tally, is_replica }.understood(acked)
            }
            Err(reason) => {
                self.histories.note_error(Look { error: Some(reason.clone()), ..look });
                Err(reason)
            }
        }
    }

    /// Asks a question. If the listing ends after some of its pages, the target may have changed
    /// under the reader, and the question is asked once more. None if the target ignores the topic
    /// of the question.
    async fn ask(&mut self, question: Question) -> Result<Option<(RowTally<'e>, Paged)>, ReadError> {
        let before = self.client.trace().rows();
        match self.ask_once(&question).await {
            Err(_) if self.client.trace().rows() > before => self.ask_once(&question).await,
            asked => asked,
        }
    }

    async fn ask_once(&mut self, question: &Question) -> Result<Option<(RowTally<'e>, Paged)>, ReadError> {
        let Question { asked, kind, limit, equality, earlier } = question;
        let mut tally = self.blank(*equality);
        if let Some(earlier) = earlier {
            tally = tally.after(earlier.clone());
        }
        let from_ms = self.histories.now_ms();
        let client = self.client;
        let topics = self.wanted.plan.topics.as_slice();
        let reading = async {
            match asked {
                Asked::All => client.list_pages(topics, *limit, &mut tally).await.map(Some),
                Asked::EachTopic => client.list_by_topic(topics, *limit, &mut tally).await,
                Asked::Topic(topic) => {
                    client.list_by_topic(std::slice::from_ref(topic), *limit, &mut tally).await
                }
            }
        };
        let read = self.progress.during(Box::pin(reading)).await;
        let can_ask = !client.target().listing.parameters.limit.is_empty();
        let look = self.look(Route::Api, asked.clone(), can_ask.then_some(*limit), from_ms);
        match read {
            Ok(Some(paged)) => {
                if can_ask {
                    self.histories.note_limit(*limit, paged.longest_page);
                }
                let look = Look { pages: paged.pages, ..totals(look, &tally) };
                self.histories.note(Noted { look, kind: *kind, rows: &tally });
                Ok(Some((tally, paged)))
            }
            Ok(None) => {
                let error = Some("rows of other topics were shown".to_owned());
                self.histories.note_error(Look { error, ..totals(look, &tally) });
                Ok(None)
            }
            Err(error) => {
                self.histories.note_error(Look { error: Some(chain(&error)), ..totals(look, &tally) });
                Err(error)
            }
        }
    }

    fn look(&self, route: Route, asked: Asked, limit: Option<u32>, from_ms: u64) -> Look {
        Look {
            route,
            asked,
            limit,
            from_ms,
            to_ms: self.histories.now_ms(),
            rows: 0,
            keys: 0,
            ours: SetSum::default(),
            foreign: SetSum::default(),
            pages: 0,
            error: None,
        }
    }

    /// Judges a listing that has no next page. The number of rows that were asked for is where it
    /// may be cut off. If it cannot be asked for, it is the most that the target shows, so a longer
    /// listing was not cut off there.
    fn extent_of_one_page(&self, listed: &Listed<'e>, stats: Option<&Counters>) -> Extent {
        let limit = u64::from(listed.limit);
        let can_ask = !self.client.target().listing.parameters.limit.is_empty();
        let total = self.total(&listed.tally, stats);
        let reaches_cap = match can_ask {
            true => listed.paged.longest >= limit,
            false => listed.paged.longest == limit,
        };
        // No counter tells how many rows there are, and no listing was long enough to be cut off at
        // the limit that was asked for: the target may have a lower one.
        let may_be_lower =
            total.counted.is_none() && !reaches_cap && self.missing_of(&listed.tally, &Extent::Whole) > 0;
        let is_full = (reaches_cap && total.counted != Some(total.shown)) || may_be_lower;
        let cut_off = self.as_long_as(limit, &listed.paged);
        match cut_off.is_empty() || !is_full {
            true => Extent::of(is_full || listed.paged.looks_capped(total.shown, total.counted)),
            false => Extent::CutOff(cut_off),
        }
    }

    /// Examines a listing that lacks something, or shows a key more than once: lists in pages of
    /// another size, and by topic where the listing may end early.
    ///
    /// If the listing ended after a single page, it is read again with half the page size. A target
    /// that cuts its pages off shows fewer rows then.
    pub(super) async fn examine(
        &mut self,
        listed: &Listed<'e>,
        stats: Option<&Counters>,
    ) -> Result<Examined<'e>, ReadError> {
        let listing = &self.client.target().listing;
        if listing.paging == Paging::None {
            return Ok(Examined::nothing(listed.extent.clone(), self.keys));
        }
        let total = self.total(&listed.tally, stats);
        let counts_more = listed.paged.looks_capped(total.shown, total.counted);
        let is_doubtful = counts_more
            || listed.tally.copies.count > 0
            || self.missing_of(&listed.tally, &Extent::Whole) > 0;
        if listed.paged.went_on || !is_doubtful || !self.can_ask_for_limit() {
            let extent = Extent::of(counts_more);
            return self.list_to_the_end(&listed.tally, &listed.paged, extent, listed.limit, stats).await;
        }
        let half = u32::try_from(listed.paged.longest_page / 2).unwrap_or(u32::MAX);
        if half == 0 {
            return Ok(Examined::nothing(Extent::of(counts_more), self.keys));
        }
        let question = self.in_pages_of(half, self.wanted.promises.into(), None);
        let (again, in_halves) = self.ask(question).await?.expect("all topics were asked for");
        if !in_halves.went_on {
            let extent = Extent::of(counts_more || again.rows < listed.tally.rows);
            return Ok(Examined { pages: in_halves.pages, ..Examined::nothing(extent, self.keys) });
        }
        let mut examined = self.list_to_the_end(&again, &in_halves, Extent::Whole, half, stats).await?;
        examined.pages += in_halves.pages;
        examined.besides.fill(&again.presence);
        examined.better = examined.better.or(Some(again));
        Ok(examined)
    }

    /// Judges a listing that was followed to its last page.
    ///
    /// A target may end it early, such as one that shows only its newest rows. The rows that it
    /// does not show then lie before the first or after the last row, whatever the page size. That
    /// is suspected if the target counts more rows than it showed, or if acknowledged keys are
    /// missing and there are no counters. Then the topics are listed one by one, and a topic is
    /// whole if it has fewer rows than the target has shown in one listing.
    ///
    /// For example, a target shows 1,000 rows of all topics, and counts 1,400. Listed one by one,
    /// topic a has 1,000 rows and topic b has 300. Topic b is whole, and a key of b that is not
    /// shown is lost. Topic a may go on.
    async fn list_to_the_end(
        &mut self,
        tally: &RowTally<'e>,
        paged: &Paged,
        extent: Extent,
        limit: u32,
        stats: Option<&Counters>,
    ) -> Result<Examined<'e>, ReadError> {
        let total = self.total(tally, stats);
        let missing = self.missing_of(tally, &Extent::Whole);
        let lacks_keys = total.counted.is_none() && missing > 0;
        let counts_more = total.counted.is_some_and(|counted| counted > total.shown);
        let is_early = extent == Extent::Whole && (counts_more || lacks_keys);
        let mut examined = Examined::nothing(extent, self.keys);
        // The other rows are not of this run, or are keys that were counted twice.
        examined.is_part = is_early && self.shows_all_attempted(tally);
        if missing == 0 && tally.copies.count == 0 && (!is_early || examined.is_part) {
            return Ok(examined);
        }
        if self.can_ask_for_limit() {
            let question = self.in_pages_of(limit - limit / 3, Equality::NONE, Some(tally.presence.clone()));
            let (again, in_pages) = self.ask(question).await?.expect("all topics were asked for");
            examined.besides.fill(&again.presence);
            examined.pages += in_pages.pages;
            if again.has_found_between() {
                // Other page ends show rows that were skipped before. So they are stored, and the
                // listing itself loses rows.
                return Ok(examined);
            }
        }
        if !is_early || examined.is_part {
            return Ok(examined);
        }
        if self.client.target().listing.topics == ListedTopics::Each {
            examined.extent = Extent::CutOff(self.as_long_as(paged.longest, paged));
            return Ok(examined);
        }
        self.examine_by_topic(tally, paged.longest, limit, &mut examined).await?;
        Ok(examined)
    }

    /// Lists topic by topic what may end early if it is listed at once.
    async fn examine_by_topic(
        &mut self,
        tally: &RowTally<'e>,
        longest: u64,
        limit: u32,
        examined: &mut Examined<'e>,
    ) -> Result<(), ReadError> {
        examined.extent = Extent::Capped;
        let question = Question {
            asked: Asked::EachTopic,
            kind: Kind::Topic,
            limit,
            equality: self.wanted.promises.into(),
            earlier: None,
        };
        let Some((by_topic, in_topics)) = self.ask(question).await? else {
            self.ignores_topic = true;
            return Ok(());
        };
        examined.besides.fill(&by_topic.presence);
        examined.pages += in_topics.pages;
        if by_topic.ours.count >= tally.ours.count {
            let cut_off = self.as_long_as(longest, &in_topics);
            examined.extent = if cut_off.is_empty() { Extent::Whole } else { Extent::CutOff(cut_off) };
            examined.better = Some(by_topic);
            examined.is_part = true;
        }
        Ok(())
    }

    /// True if every key that was attempted is shown.
    fn shows_all_attempted(&self, tally: &RowTally<'_>) -> bool {
        let is_attempted = |state: KeyState| state.acked() > 0 || state.unknown() > 0;
        let mut attempted = self.wanted.tally.keys.iter().filter(|(_, state)| is_attempted(*state));
        attempted.all(|(ordinal, _)| tally.presence.seen(ordinal) > 0)
    }

    fn in_pages_of(&self, limit: u32, equality: Equality, earlier: Option<Presence>) -> Question {
        Question { asked: Asked::All, kind: Kind::OtherSize, limit, equality, earlier }
    }

    fn can_ask_for_limit(&self) -> bool {
        !self.client.target().listing.parameters.limit.is_empty()
    }

    /// Topics with at least this number of rows, if they were listed one by one.
    fn as_long_as(&self, rows: u64, paged: &Paged) -> Vec<String> {
        let topics = self.wanted.plan.topics.iter().zip(&paged.lengths);
        topics.filter(|(_, length)| **length >= rows).map(|(topic, _)| topic.clone()).collect()
    }

    /// True if the target counts more rows than a listing showed.
    pub(super) fn counts_more(&self, listed: &Listed<'_>, stats: Option<&Counters>) -> bool {
        let total = self.total(&listed.tally, stats);
        total.counted.is_some_and(|counted| counted > total.shown)
    }

    /// Counts the rows that a listing showed. If topics are listed one by one, only the rows of
    /// this run count.
    fn total(&self, tally: &RowTally<'_>, stats: Option<&Counters>) -> Total {
        let unique = stats.and_then(|stats| stats.unique);
        match self.client.target().listing.topics {
            ListedTopics::All => Total { shown: tally.rows, counted: unique },
            ListedTopics::Each => {
                let before = self.wanted.baseline.and_then(|baseline| baseline.stats.as_ref()?.unique);
                let added = unique.zip(before).and_then(|(unique, before)| unique.checked_sub(before));
                Total { shown: tally.ours.count, counted: added }
            }
        }
    }

    /// True if the listing is promised to show every stored event.
    pub(super) fn is_complete(&self) -> bool {
        self.client.target().listing.complete == Some(true)
    }

    /// Makes an empty tally of rows.
    fn blank(&self, equality: Equality) -> RowTally<'e> {
        let equality = equality.of_fields(&self.client.target().fields);
        RowTally::new(self.events, self.wanted.plan.nonce, self.keys, equality)
    }

    /// Number of acknowledged keys that this listing should show and does not.
    fn missing_of(&self, tally: &RowTally<'_>, extent: &Extent) -> u64 {
        self.acked_absent_from(tally, extent).count() as u64
    }

    /// Acknowledged keys that are not among these rows, though they should be if the listing
    /// reaches so far.
    pub(super) fn acked_absent_from(
        &self,
        tally: &RowTally<'_>,
        extent: &Extent,
    ) -> impl Iterator<Item = u64> {
        let sample = extent.sample(tally);
        let between = sample.iter().min().copied().zip(sample.iter().max().copied());
        let between = between.filter(|_| !self.wanted.promises.is_queued());
        let is_shown = move |ordinal: &u64| match extent {
            Extent::Whole => true,
            Extent::Capped => between.is_some_and(|(low, high)| low < *ordinal && *ordinal < high),
            Extent::CutOff(topics) => topics.iter().all(|topic| topic != self.events.topic(*ordinal)),
        };
        let acked = self.wanted.tally.keys.iter().filter(|(_, state)| state.acked() > 0);
        let absent = acked.map(|(ordinal, _)| ordinal).filter(|ordinal| tally.presence.seen(*ordinal) == 0);
        absent.filter(is_shown)
    }
}

/// Returns a look with the totals of its rows.
fn totals(look: Look, tally: &RowTally<'_>) -> Look {
    Look { rows: tally.rows, keys: tally.presence.shown(), ours: tally.ours, foreign: tally.foreign, ..look }
}
