//! Listings of a target: their rows, and how far they reach. Each is recorded as a look.

use std::time::Duration;

use reader::client::{ReadError, TargetClient};
use reader::console;
use reader::database::DatabaseReader;
use reader::listing::Paged;
use truth::chain::chain;
use truth::observed::Route;
use truth::observed::looks::{Asked, Look};
use truth::observed::presence::Presence;
use truth::observed::rows::{Equality, RowTally, SetSum};
use truth::plan::event::Events;
use truth::target::{Reading, Way};

use super::history::{Histories, Kind, Noted};
use super::progress::Progress;
use super::sight::{Listed, Stored};
use super::wanted::Wanted;

/// Longest time to read a database: a hundred million rows take a few minutes.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(600);

/// Question to the listing.
struct Question {
    asked: Asked,
    kind: Kind,
    limit: u32,
    equality: Equality,
}

/// Result of further looks at what a listing shows.
pub(super) struct Examined<'e> {
    /// Rows of the look that showed most keys, if it showed more than the listing.
    pub(super) better: Option<RowTally<'e>>,
    /// True if that look was at the plan's topics alone.
    pub(super) is_by_topic: bool,
    /// Keys that these looks showed.
    pub(super) besides: Presence,
    /// Number of their pages.
    pub(super) pages: u64,
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
    /// Rows of all looks at a listing that drains: what was shown is not shown again.
    pub(super) drained: Option<RowTally<'e>>,
    /// Failure of a read of such a listing: the rows of its response may be gone.
    pub(super) failed_read: Option<String>,
}

impl<'e> Lister<'_, 'e> {
    /// Lists all rows once.
    pub(super) async fn list(&mut self) -> Result<Listed<'e>, ReadError> {
        let limit = self.client.target().listing.limit;
        let question = Question { asked: Asked::All, kind: Kind::Whole, limit, equality: self.promised() };
        let (tally, paged) = self.ask(question).await?.expect("only by topic a target may ignore the topic");
        let all_topics = !self.reading().is_by_topic;
        Ok(Listed { tally, paged, limit, besides: Presence::new(self.keys), all_topics })
    }

    /// Lists one topic, and returns the keys that it shows. None if the target ignores the topic.
    pub(super) async fn list_topic(&mut self, topic: &str) -> Result<Option<Presence>, ReadError> {
        let question = Question {
            asked: Asked::Topic(topic.to_owned()),
            kind: Kind::Topic,
            limit: self.client.target().listing.limit,
            equality: Equality::NONE,
        };
        let shown = self.ask(question).await?;
        self.ignores_topic |= shown.is_none();
        Ok(shown.map(|(tally, _)| tally.presence))
    }

    /// Reads the database. The error is a text for people.
    pub(super) async fn read_database(&mut self, database: &DatabaseReader) -> Result<Stored<'e>, String> {
        let wanted = self.wanted;
        let mut tally = self.blank(Equality::in_columns(wanted.promises).of_target(self.client.target()));
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
        let Question { asked, kind, limit, equality } = question;
        let drains = self.reading().drains;
        let mut tally = self.drained.take().unwrap_or_else(|| self.blank(*equality));
        let from_ms = self.histories.now_ms();
        let client = self.client;
        // Whatever failed before took no row.
        client.trace().take_failure();
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
        if drains {
            self.drained = Some(tally.clone());
            self.failed_read = self.failed_read.take().or(client.trace().take_failure());
        }
        let can_ask = self.reading().takes_limit;
        let look = self.look(Route::Api, asked.clone(), can_ask.then_some(*limit), from_ms);
        match read {
            Ok(Some(paged)) => {
                if can_ask {
                    self.histories.note_limit(*limit, paged.longest_page);
                }
                if let Some(reason) = &paged.left_open {
                    console::say(&format!("note: a request after the listing failed: {reason}"));
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

    /// Looks in other ways at what a listing does not show, or shows more than once: in pages of
    /// another size, and topic by topic.
    ///
    /// For example, a target shows its newest 1,000 rows, and those of topic a are not among them.
    /// Asked for topic a alone, it shows them.
    pub(super) async fn examine(&mut self, listed: &Listed<'e>) -> Result<Examined<'e>, ReadError> {
        let besides = Presence::new(self.keys);
        let mut examined = Examined { better: None, is_by_topic: false, besides, pages: 0 };
        if let Some(question) = self.in_other_pages(&listed.paged, listed.limit) {
            let (rows, paged) = self.ask(question).await?.expect("all topics were asked for");
            examined.take(&listed.tally, rows, &paged, false);
        }
        let is_lacking = self.missing_of(&listed.tally).any(|key| examined.besides.seen(key) == 0);
        if is_lacking && self.heeds_topic() && !self.reading().is_by_topic {
            let question = Question {
                asked: Asked::EachTopic,
                kind: Kind::Topic,
                limit: listed.limit,
                equality: self.promised(),
            };
            match self.ask(question).await? {
                Some((rows, paged)) => examined.take(&listed.tally, rows, &paged, true),
                None => self.ignores_topic = true,
            }
        }
        Ok(examined)
    }

    /// Question for all rows in smaller pages, of which there is more than one. None if their size
    /// cannot be asked for, or no page follows another.
    fn in_other_pages(&self, paged: &Paged, limit: u32) -> Option<Question> {
        let reading = self.reading();
        let longest = u32::try_from(paged.longest_page).unwrap_or(u32::MAX);
        let limit = if paged.went_on { golden(limit) } else { (longest / 2).min(limit) };
        let is_asked = limit > 0 && reading.way != Way::None && reading.takes_limit && !reading.drains;
        let equality = self.promised();
        is_asked.then_some(Question { asked: Asked::All, kind: Kind::OtherSize, limit, equality })
    }

    /// True if a topic can be asked for by itself.
    pub(super) fn heeds_topic(&self) -> bool {
        !self.ignores_topic && self.reading().takes_topic && !self.reading().drains
    }

    /// True if the listing is promised to show every stored event.
    pub(super) fn is_complete(&self) -> bool {
        self.client.target().listing.complete == Some(true)
    }

    /// Listing of the target, which has one where rows are listed.
    fn reading(&self) -> &Reading {
        self.client.reading().expect("rows are listed only where the scenario describes a listing")
    }

    /// Rules by which listed rows are compared: those of the promises, for what is sent and shown.
    fn promised(&self) -> Equality {
        let sent = Equality::from(self.wanted.promises).of_target(self.client.target());
        sent.of_places(&self.reading().places)
    }

    /// Makes an empty tally of rows.
    fn blank(&self, equality: Equality) -> RowTally<'e> {
        RowTally::new(self.events, self.wanted.plan.nonce, self.keys, equality)
    }

    /// Acknowledged keys that are not among these rows.
    pub(super) fn missing_of(&self, tally: &RowTally<'_>) -> impl Iterator<Item = u64> {
        let acked = self.wanted.tally.keys.iter().filter(|(_, state)| state.acked() > 0);
        acked.map(|(ordinal, _)| ordinal).filter(|ordinal| tally.presence.seen(*ordinal) == 0)
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

/// Returns a look with the totals of its rows.
fn totals(look: Look, tally: &RowTally<'_>) -> Look {
    Look { rows: tally.rows, keys: tally.presence.shown(), ours: tally.ours, foreign: tally.foreign, ..look }
}

/// Page size in the golden ratio to another: few pages of either end near a page of the other, so
/// that rows of one moment do not stand at an end in both. In pages of 1,000 and 667, each third
/// page would end with each second.
fn golden(limit: u32) -> u32 {
    (u64::from(limit) * 618 / 1_000) as u32
}
