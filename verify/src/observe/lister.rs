//! One listing of a target: its rows, and how far it reaches.

use judge::books::keys::KeyState;
use reader::client::{ReadError, TargetClient};
use reader::listing::Paged;
use truth::observed::counters::Counters;
use truth::observed::rows::{Equality, RowTally};
use truth::plan::event::Events;
use truth::scenario::promises::Ack;
use truth::target::{ListedTopics, Paging};

use super::look::{Extent, Listed};
use super::wanted::Wanted;

/// Rows of a listing, and the number that the target counts.
struct Total {
    shown: u64,
    /// None without counters.
    counted: Option<u64>,
}

/// Lister of one target, which knows the keys that it has to find.
pub(super) struct Lister<'a, 'e> {
    pub(super) client: &'a TargetClient,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) events: &'e Events,
    /// Number of keys of the plan.
    pub(super) keys: u64,
}

impl<'e> Lister<'_, 'e> {
    /// Lists once, and finds out how far the listing reaches.
    pub(super) async fn list(&self, stats: Option<&Counters>) -> Result<Listed<'e>, ReadError> {
        let listing = &self.client.target().listing;
        let topics = self.wanted.plan.topics.as_slice();
        let mut tally = self.blank(self.wanted.promises.into());
        let paged = self.client.list_into(topics, &mut tally).await?;
        if listing.paging == Paging::None {
            return Ok(self.on_one_page(tally, paged, stats));
        }
        let total = self.total(&tally, stats);
        let counts_more = paged.looks_capped(total.shown, total.counted);
        let half = u32::try_from(paged.longest / 2).unwrap_or(u32::MAX);
        let is_doubtful = counts_more || self.missing_of(&tally, &Extent::Whole) > 0;
        if paged.went_on || half == 0 || !is_doubtful {
            let extent = Extent::of(counts_more);
            return self.to_the_end(tally, paged, extent, listing.limit, stats).await;
        }
        // The listing ended after a single page, and rows are missing. It is read again with half
        // the page size: a target that cuts its pages off shows fewer rows then.
        let mut again = self.blank(self.wanted.promises.into());
        let mut in_halves = self.client.list_pages(topics, half, &mut again).await?;
        in_halves.pages += paged.pages;
        if in_halves.went_on {
            return self.to_the_end(again, in_halves, Extent::Whole, half, stats).await;
        }
        let extent = Extent::of(counts_more || again.rows < tally.rows);
        Ok(self.listed(tally, in_halves.pages, extent))
    }

    /// Judges a listing that has no next page. The number of rows that were asked for is where it
    /// may be cut off.
    fn on_one_page(&self, tally: RowTally<'e>, paged: Paged, stats: Option<&Counters>) -> Listed<'e> {
        let limit = u64::from(self.client.target().listing.limit);
        let total = self.total(&tally, stats);
        let reaches_cap = paged.longest >= limit;
        // No counter tells how many rows there are, and no listing was long enough to be cut off at
        // the limit that was asked for: the target may have a lower one.
        let may_be_lower =
            total.counted.is_none() && !reaches_cap && self.missing_of(&tally, &Extent::Whole) > 0;
        let is_full = (reaches_cap && total.counted != Some(total.shown)) || may_be_lower;
        let cut_off = self.as_long_as(limit, &paged);
        let extent = match cut_off.is_empty() || !is_full {
            true => Extent::of(is_full || paged.looks_capped(total.shown, total.counted)),
            false => Extent::CutOff(cut_off),
        };
        self.listed(tally, paged.pages, extent)
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
    async fn to_the_end(
        &self,
        tally: RowTally<'e>,
        paged: Paged,
        extent: Extent,
        limit: u32,
        stats: Option<&Counters>,
    ) -> Result<Listed<'e>, ReadError> {
        let total = self.total(&tally, stats);
        let lacks_keys = || total.counted.is_none() && self.missing_of(&tally, &Extent::Whole) > 0;
        let is_early = total.counted.is_some_and(|counted| counted > total.shown) || lacks_keys();
        if extent != Extent::Whole || !is_early {
            return Ok(self.listed(tally, paged.pages, extent));
        }
        if self.client.target().listing.topics == ListedTopics::Each {
            let cut_off = self.as_long_as(paged.longest, &paged);
            return Ok(self.listed(tally, paged.pages, Extent::CutOff(cut_off)));
        }
        let keys = &self.wanted.tally.keys;
        let is_attempted = |state: KeyState| state.acked() > 0 || state.unknown() > 0;
        let mut attempted = keys.iter().filter(|(_, state)| is_attempted(*state));
        if attempted.all(|(ordinal, _)| tally.presence.seen(ordinal) > 0) {
            // Every key that was attempted is shown. The other rows are not of this run, or are
            // keys that were counted twice.
            return Ok(Listed { tally, pages: paged.pages, extent, all_topics: false });
        }
        let topics = self.wanted.plan.topics.as_slice();
        let mut again = self.blank(Equality::NONE).after(tally.presence.clone());
        self.client.list_pages(topics, limit - limit / 3, &mut again).await?;
        if again.has_found_between() {
            // Other page ends show rows that were skipped before. So they are stored, and the
            // listing itself loses rows.
            return Ok(self.listed(tally, paged.pages, Extent::Whole));
        }
        let mut by_topic = self.blank(self.wanted.promises.into());
        let asked = self.client.list_by_topic(topics, limit, &mut by_topic).await?;
        let Some(in_topics) = asked.filter(|_| by_topic.ours.count >= tally.ours.count) else {
            return Ok(self.listed(tally, paged.pages, Extent::Capped));
        };
        let cut_off = self.as_long_as(paged.longest, &in_topics);
        let extent = if cut_off.is_empty() { Extent::Whole } else { Extent::CutOff(cut_off) };
        let pages = paged.pages + in_topics.pages;
        Ok(Listed { tally: by_topic, pages, extent, all_topics: false })
    }

    fn listed(&self, tally: RowTally<'e>, pages: u64, extent: Extent) -> Listed<'e> {
        let all_topics = self.client.target().listing.topics == ListedTopics::All;
        Listed { tally, pages, extent, all_topics }
    }

    /// Topics with at least this number of rows, if they were listed one by one.
    fn as_long_as(&self, rows: u64, paged: &Paged) -> Vec<String> {
        let topics = self.wanted.plan.topics.iter().zip(&paged.lengths);
        topics.filter(|(_, length)| **length >= rows).map(|(topic, _)| topic.clone()).collect()
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

    /// Makes an empty tally of rows.
    pub(super) fn blank(&self, equality: Equality) -> RowTally<'e> {
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
        let between = between.filter(|_| self.wanted.promises.ack == Ack::Committed);
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
