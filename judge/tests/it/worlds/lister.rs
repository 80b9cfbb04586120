//! Lister: listings of a target, and further looks at what they do not show.

use truth::observed::presence::Presence;
use truth::observed::rows::{Equality, RowTally};

use super::histories::{Histories, Pages, Question};
use super::observer::Wanted;
use super::target::Target;
use super::world::TopicFilter;

/// Course of a listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Paged {
    pub(super) pages: u64,
    went_on: bool,
    of_others: u64,
    longest_page: u64,
}

impl Paged {
    /// Reads all pages of one topic, or of all at once.
    pub(super) fn list(
        &mut self,
        target: &mut Target<'_>,
        topic: Option<(usize, &str)>,
        limit: u32,
        tally: &mut RowTally<'_>,
    ) {
        let mut listed = 0;
        tally.copies.begin_listing();
        for page in target.list(topic.map(|(place, _)| place), limit) {
            tally.copies.begin_page();
            self.pages += 1;
            self.longest_page = self.longest_page.max(page.len() as u64);
            self.went_on |= listed > 0;
            listed += page.len() as u64;
            for nth in page {
                let row = &target.history.rows[nth].row;
                match topic.is_none_or(|(_, name)| row.topic == name) {
                    true => tally.take(row),
                    false => self.of_others += 1,
                }
            }
        }
    }

    pub(super) fn looks_capped(&self, shown: u64, counted: Option<u64>) -> bool {
        !self.went_on && counted.is_some_and(|counted| counted > shown)
    }
}

/// Rows of a listing.
pub(super) struct Listed<'e> {
    pub(super) tally: RowTally<'e>,
    pub(super) paged: Paged,
    pub(super) besides: Presence,
    pub(super) all_topics: bool,
}

/// What other looks say of a listing.
pub(super) struct Examined<'e> {
    better: Option<RowTally<'e>>,
    is_by_topic: bool,
    besides: Presence,
    pub(super) pages: u64,
}

impl<'e> Listed<'e> {
    /// Adds what its examination showed.
    pub(super) fn take(&mut self, examined: Examined<'e>) {
        let Examined { better, is_by_topic, besides, .. } = examined;
        self.besides.fill(&besides);
        self.all_topics &= !is_by_topic;
        if let Some(better) = better {
            let plain = std::mem::replace(&mut self.tally, better);
            self.besides.fill(&plain.presence);
        }
    }
}

impl<'e> Examined<'e> {
    /// Takes the rows of a further look at what this listing showed.
    fn take(&mut self, listed: &RowTally<'e>, rows: RowTally<'e>, paged: &Paged, is_by_topic: bool) {
        self.besides.fill(&rows.presence);
        self.pages += paged.pages;
        let most = self.better.as_ref().unwrap_or(listed);
        if rows.presence.shown() > most.presence.shown() {
            self.better = Some(rows);
            self.is_by_topic = is_by_topic;
        }
    }
}

/// Lister of one target.
pub(super) struct Lister<'t, 'w, 'e> {
    pub(super) target: &'t mut Target<'w>,
    pub(super) wanted: &'e Wanted<'e>,
    pub(super) histories: Histories<'e>,
    /// True if the target ignores the topic that it is asked for.
    pub(super) ignores_topic: bool,
}

impl<'e> Lister<'_, '_, 'e> {
    fn limit(&self) -> u32 {
        self.target.world.listing.limit
    }

    fn is_each(&self) -> bool {
        self.target.world.listing.topics == TopicFilter::Demanded
    }

    pub(super) fn heeds_topic(&self) -> bool {
        self.target.world.listing.topics != TopicFilter::Unoffered && !self.ignores_topic
    }

    /// Asks a question. None if the target ignores the topic of the question.
    fn ask(&mut self, question: Question, limit: u32) -> Option<(RowTally<'e>, Paged)> {
        let equality = match question {
            Question::Whole | Question::OtherSize | Question::EachTopic => self.wanted.promises.into(),
            Question::Topic(_) => Equality::NONE,
        };
        let Wanted { plan, events, keys, .. } = self.wanted;
        let mut tally = RowTally::new(events, plan.nonce, *keys, equality);
        let mut paged = Paged::default();
        let topics = 0..plan.topics.len();
        match question {
            Question::Whole | Question::OtherSize if !self.is_each() => {
                self.list_topic(None, limit, &mut tally, &mut paged);
            }
            Question::Whole | Question::OtherSize | Question::EachTopic => {
                topics.for_each(|topic| self.list_topic(Some(topic), limit, &mut tally, &mut paged));
            }
            Question::Topic(topic) => self.list_topic(Some(topic), limit, &mut tally, &mut paged),
        }
        let is_by_topic = matches!(question, Question::EachTopic | Question::Topic(_));
        if is_by_topic && paged.of_others > 0 {
            return None;
        }
        let limit = self.target.world.listing.can_ask_for_limit.then_some(limit);
        let pages = Pages { count: paged.pages, longest: paged.longest_page, limit };
        self.histories.note(question, self.target.now, pages, &tally);
        Some((tally, paged))
    }

    fn list_topic(&mut self, topic: Option<usize>, limit: u32, tally: &mut RowTally<'e>, paged: &mut Paged) {
        let topic = topic.map(|topic| (topic, self.wanted.plan.topics[topic].as_str()));
        paged.list(self.target, topic, limit, tally);
    }

    /// Lists all rows once.
    pub(super) fn list(&mut self) -> Listed<'e> {
        let (tally, paged) = self.ask(Question::Whole, self.limit()).expect("all topics were asked for");
        Listed { tally, paged, besides: Presence::new(self.wanted.keys), all_topics: !self.is_each() }
    }

    /// Lists one topic. None if the target ignores it.
    pub(super) fn list_by_topic(&mut self, topic: usize) -> Option<Presence> {
        let shown = self.ask(Question::Topic(topic), self.limit());
        self.ignores_topic |= shown.is_none();
        shown.map(|(tally, _)| tally.presence)
    }

    /// Looks in other ways at what a listing does not show, or shows more than once: in pages of
    /// another size, and topic by topic.
    pub(super) fn examine(&mut self, listed: &Listed<'e>) -> Examined<'e> {
        let besides = Presence::new(self.wanted.keys);
        let mut examined = Examined { better: None, is_by_topic: false, besides, pages: 0 };
        if let Some(limit) = self.other_limit(&listed.paged) {
            let (rows, paged) = self.ask(Question::OtherSize, limit).expect("all topics were asked for");
            examined.take(&listed.tally, rows, &paged, false);
        }
        let is_lacking = self.missing_of(&listed.tally).any(|key| examined.besides.seen(key) == 0);
        if is_lacking && self.heeds_topic() && !self.is_each() {
            match self.ask(Question::EachTopic, self.limit()) {
                Some((rows, paged)) => examined.take(&listed.tally, rows, &paged, true),
                None => self.ignores_topic = true,
            }
        }
        examined
    }

    /// Another size of pages, of which there is more than one. None if it cannot be asked for, or no
    /// page follows another.
    fn other_limit(&self, paged: &Paged) -> Option<u32> {
        let listing = &self.target.world.listing;
        let longest = u32::try_from(paged.longest_page).unwrap_or(u32::MAX);
        let limit = self.limit();
        let limit = if paged.went_on { golden(limit) } else { (longest / 2).min(limit) };
        (limit > 0 && listing.is_paged && listing.can_ask_for_limit).then_some(limit)
    }

    /// Acknowledged keys that are not among these rows.
    pub(super) fn missing_of(&self, tally: &RowTally<'_>) -> impl Iterator<Item = u64> {
        let acked = self.wanted.tally.keys.iter().filter(|(_, state)| state.acked() > 0);
        acked.map(|(ordinal, _)| ordinal).filter(|ordinal| tally.presence.seen(*ordinal) == 0)
    }
}

/// The page size that verify looks in besides.
fn golden(limit: u32) -> u32 {
    (u64::from(limit) * 618 / 1_000) as u32
}
