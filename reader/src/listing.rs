//! Listing of the stored events, read page by page in memory that does not grow with their number.

use std::collections::HashMap;

use truth::observed::rows::{Row, RowTally, ShownRow};
use truth::plan::event::Events;
use truth::target::template::HoleName;
use truth::target::{Prelude, Reading, Way};

use self::circle::Circle;
use self::page::Page;
use self::rows::Shown;
use crate::client::{Question, ReadError, TargetClient};
use crate::values::{Kept, PageValues, Run, Values};

mod circle;
mod link;
mod page;
mod paged;
mod rows;

pub use link::next_link;
pub use paged::Paged;

/// Taker of the rows of a listing.
pub trait TakeRows: Send {
    /// Begins a listing.
    fn begin_listing(&mut self) {}

    /// Begins a page.
    fn begin_page(&mut self) {}

    /// Takes a row.
    fn take_row(&mut self, row: &ShownRow);
}

impl TakeRows for RowTally<'_> {
    fn begin_listing(&mut self) {
        self.copies.begin_listing();
    }

    fn begin_page(&mut self) {
        self.copies.begin_page();
    }

    fn take_row(&mut self, row: &ShownRow) {
        self.take_shown(row);
    }
}

/// Rows that are asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// Topic; none for all.
    topic: Option<&'a str>,
    /// Topic of rows that show none.
    implied: Option<&'a str>,
    limit: u32,
    run: Run<'a>,
}

/// Place in a listing.
struct Position {
    /// Number of rows so far.
    listed: u64,
    page: u32,
    cursor: String,
    /// URL of the page, if the target gave it.
    url: Option<String>,
    is_first: bool,
}

impl Position {
    fn first(reading: &Reading) -> Self {
        Self {
            listed: 0,
            page: reading.first_page,
            cursor: reading.first_cursor.clone(),
            url: None,
            is_first: true,
        }
    }

    /// Text that no two different pages share.
    fn mark(&self, reading: &Reading) -> String {
        match (&reading.way, &self.url) {
            (Way::Offset, _) => self.listed.to_string(),
            (Way::Page, _) => self.page.to_string(),
            (_, Some(url)) => url.clone(),
            (_, None) => self.cursor.clone(),
        }
    }
}

impl<'a> Run<'a> {
    /// Returns what requests may ask of the run of these events, with so many keys.
    pub(crate) fn of(events: &'a Events, keys: u64) -> Self {
        // A run of unknown length ends with the calendar.
        const LAST_MS: i64 = 253_402_300_799_999;
        let last_ms = keys.checked_sub(1).map_or(LAST_MS, |last| events.timestamp_ms(last));
        Self { source: events.source(), span: [events.timestamp_ms(0), last_ms] }
    }
}

impl TargetClient {
    /// True if the scenario says where the target lists its events.
    pub fn offers_listing(&self) -> bool {
        self.reading().is_some()
    }

    /// Lists everything, or these topics one by one if the target has to be asked for each.
    pub async fn list_into(&self, topics: &[String], tally: &mut RowTally<'_>) -> Result<Paged, ReadError> {
        self.list_pages(topics, self.target().listing.limit, tally).await
    }

    /// Lists the same with another page size.
    pub async fn list_pages(
        &self,
        topics: &[String],
        limit: u32,
        tally: &mut RowTally<'_>,
    ) -> Result<Paged, ReadError> {
        let run = run_of(tally);
        self.list_all(topics, limit, run, tally).await
    }

    /// Lists the same of a run that has this source and this first and last timestamp, and hands each
    /// row on.
    pub async fn list_rows(
        &self,
        topics: &[String],
        source: &str,
        span: [i64; 2],
        rows: &mut dyn TakeRows,
    ) -> Result<Paged, ReadError> {
        self.list_all(topics, self.target().listing.limit, Run { source, span }, rows).await
    }

    async fn list_all(
        &self,
        topics: &[String],
        limit: u32,
        run: Run<'_>,
        rows: &mut dyn TakeRows,
    ) -> Result<Paged, ReadError> {
        let reading = self.listing()?;
        let mut paged = Paged::default();
        for asked in all_asked(reading, topics, limit, run) {
            let listed = self.list_topic(reading, topics, asked, rows, &mut paged).await?;
            if reading.is_by_topic {
                paged.lengths.push(listed);
            }
        }
        paged.demand_ids()?;
        Ok(paged)
    }

    /// Lists topic by topic a target that can also list all at once. None if it ignores the topic
    /// of the request.
    pub async fn list_by_topic(
        &self,
        topics: &[String],
        limit: u32,
        tally: &mut RowTally<'_>,
    ) -> Result<Option<Paged>, ReadError> {
        let reading = self.listing()?;
        let mut paged = Paged::default();
        for topic in topics {
            let asked = of_topic(topic, limit, run_of(tally));
            let listed = self.list_topic(reading, topics, asked, tally, &mut paged).await?;
            paged.lengths.push(listed);
            if paged.of_others > 0 {
                return Ok(None);
            }
        }
        paged.demand_ids()?;
        Ok(Some(paged))
    }

    /// Returns true if the first page of a listing shows an event of this run.
    pub async fn shows_any(&self, topics: &[String], tally: &mut RowTally<'_>) -> Result<bool, ReadError> {
        let reading = self.listing()?;
        for asked in all_asked(reading, topics, self.target().listing.limit, run_of(tally)) {
            let rows = self.first_page(reading, topics, asked).await?;
            rows.iter().for_each(|shown| tally.take(&shown.row.row));
        }
        Ok(tally.ours.count + tally.wrong_topic + tally.never_planned > 0)
    }

    /// Returns the rows of a topic's first page. `keys` is the number of the run's keys.
    pub(super) async fn first_rows(
        &self,
        topic: &str,
        events: &Events,
        keys: u64,
    ) -> Result<Vec<Row>, ReadError> {
        let reading = self.listing()?;
        let asked = of_topic(topic, self.target().listing.limit, Run::of(events, keys));
        let rows = self.first_page(reading, &[topic.to_owned()], asked).await?;
        Ok(rows.into_iter().map(|shown| shown.row.row).collect())
    }

    fn listing(&self) -> Result<&Reading, ReadError> {
        self.reading().ok_or(ReadError::NotOffered { what: "listing" })
    }

    async fn first_page(
        &self,
        reading: &Reading,
        topics: &[String],
        asked: Asked<'_>,
    ) -> Result<Vec<Shown>, ReadError> {
        let kept = self.open(topics, asked).await?;
        let first = Position::first(reading);
        let question = || self.page_question(reading, asked, &first, &kept);
        let page = self.page(question, reading, asked.implied).await;
        // One page needs no more than that the request after it was sent.
        let _left_open = self.close(topics, asked, kept).await;
        let Page { rows, shown_url, .. } = page?;
        let mut paged = Paged::default();
        paged.note_ids(&rows, &shown_url);
        paged.demand_ids()?;
        Ok(rows)
    }

    /// Lists one topic, or all at once, and returns the number of rows.
    async fn list_topic(
        &self,
        reading: &Reading,
        topics: &[String],
        asked: Asked<'_>,
        rows: &mut dyn TakeRows,
        paged: &mut Paged,
    ) -> Result<u64, ReadError> {
        let kept = self.open(topics, asked).await?;
        let listed = self.list_opened(reading, asked, &kept, rows, paged).await;
        let left_open = self.close(topics, asked, kept).await;
        paged.left_open = paged.left_open.take().or(left_open);
        listed
    }

    async fn list_opened(
        &self,
        reading: &Reading,
        asked: Asked<'_>,
        kept: &Kept,
        taker: &mut dyn TakeRows,
        paged: &mut Paged,
    ) -> Result<u64, ReadError> {
        let mut position = Position::first(reading);
        let mut circle = Circle::new(position.mark(reading));
        let mut repeats = Repeats::default();
        taker.begin_listing();
        loop {
            let question = || self.page_question(reading, asked, &position, kept);
            let page = self.page(question, reading, asked.implied).await?;
            let url = page.shown_url.clone();
            taker.begin_page();
            let rows = page.rows.len() as u64;
            self.trace().add_rows(rows);
            paged.note_ids(&page.rows, &url);
            paged.pages += 1;
            paged.longest_page = paged.longest_page.max(rows);
            paged.went_on |= position.listed > 0 && rows > 0;
            position.listed += rows;
            paged.longest = paged.longest.max(position.listed);
            let skipped = if reading.inclusive { repeats.at_the_start(&page.rows) } else { 0 };
            let is_new = skipped < page.rows.len();
            take_rows(&page.rows[skipped..], asked.topic, taker, paged);
            let repeated = circle.repeats(page.fingerprint, rows > 0);
            let has_next = !page.ends && advance(&mut position, reading, page, is_new);
            if !has_next {
                return Ok(position.listed);
            }
            if repeated || (reading.way != Way::Again && circle.closes(&position.mark(reading))) {
                let reason = "the next page is an earlier page again".to_owned();
                return Err(ReadError::Shape { url, reason });
            }
        }
    }

    fn page_question(
        &self,
        reading: &Reading,
        asked: Asked<'_>,
        position: &Position,
        kept: &Kept,
    ) -> Result<Question, ReadError> {
        let is_left_out = position.is_first && reading.is_old_form;
        let page = PageValues {
            limit: asked.limit,
            offset: (!is_left_out).then_some(position.listed),
            page: (!is_left_out).then_some(position.page),
            cursor: &position.cursor,
            topic: asked.topic,
            run: asked.run,
        };
        let values = Values { page: Some(page), ..self.values(kept) };
        let question = self.question(reading.request(), &values, accepted(reading))?;
        Ok(match &position.url {
            Some(url) => question.at(url.clone()),
            None => question,
        })
    }

    /// Makes the requests before the first page, and returns what is kept of their responses.
    async fn open(&self, topics: &[String], asked: Asked<'_>) -> Result<Kept, ReadError> {
        let mut kept = Kept::default();
        self.preludes(&self.target().listing.before, topics, asked, &mut kept).await?;
        Ok(kept)
    }

    /// Makes the requests after the last page. A failure is no finding: the rows were shown.
    async fn close(&self, topics: &[String], asked: Asked<'_>, mut kept: Kept) -> Option<String> {
        let closed = self.preludes(&self.target().listing.after, topics, asked, &mut kept).await;
        closed.err().map(|error| truth::chain::chain(&error))
    }

    async fn preludes(
        &self,
        preludes: &[Prelude],
        topics: &[String],
        asked: Asked<'_>,
        kept: &mut Kept,
    ) -> Result<(), ReadError> {
        for prelude in preludes {
            // Without a topic of its own, a request that names one is made for each.
            let is_for_each = asked.topic.is_none() && prelude.request().names(&HoleName::Topic);
            let each: Vec<Option<&str>> = match is_for_each {
                true => topics.iter().map(|topic| Some(topic.as_str())).collect(),
                false => vec![asked.topic],
            };
            for topic in each {
                let page = PageValues {
                    limit: asked.limit,
                    offset: None,
                    page: None,
                    cursor: "",
                    topic,
                    run: asked.run,
                };
                let before = kept.clone();
                let values = Values { page: Some(page), ..self.values(&before) };
                self.prelude(prelude, &values, kept).await?;
            }
        }
        Ok(())
    }
}

/// Returns what has to be asked for to see everything.
fn all_asked<'t>(reading: &Reading, topics: &'t [String], limit: u32, run: Run<'t>) -> Vec<Asked<'t>> {
    match reading.is_by_topic {
        true => topics.iter().map(|topic| of_topic(topic, limit, run)).collect(),
        false => {
            let implied = if topics.len() == 1 { topics.first().map(String::as_str) } else { None };
            vec![Asked { topic: None, implied, limit, run }]
        }
    }
}

fn of_topic<'a>(topic: &'a str, limit: u32, run: Run<'a>) -> Asked<'a> {
    Asked { topic: Some(topic), implied: Some(topic), limit, run }
}

fn run_of<'e>(tally: &RowTally<'e>) -> Run<'e> {
    Run::of(tally.events(), tally.presence.keys())
}

fn accepted(reading: &Reading) -> &'static str {
    match reading.format {
        truth::target::Format::Json => "application/json",
        truth::target::Format::Ndjson => "application/x-ndjson, application/json",
        truth::target::Format::Csv => "text/csv",
    }
}

/// Takes the rows of a page. A target that ignores the topic shows every event under each, so only
/// rows of the topic count.
fn take_rows(rows: &[Shown], topic: Option<&str>, taker: &mut dyn TakeRows, paged: &mut Paged) {
    for Shown { row: shown, .. } in rows {
        match topic.is_some_and(|topic| shown.row.topic != topic) {
            true => paged.of_others += 1,
            false => taker.take_row(shown),
        }
    }
}

/// Moves to the next page. Returns false if there is none.
fn advance(position: &mut Position, reading: &Reading, page: Page, is_new: bool) -> bool {
    position.is_first = false;
    let has_rows = !page.rows.is_empty();
    match &reading.way {
        Way::None => false,
        Way::Offset | Way::Again => has_rows && is_new,
        Way::Page => {
            position.page += 1;
            has_rows
        }
        // The old form goes on over a page without rows, such as one whose rows were all filtered out.
        Way::Link => {
            position.url = page.next;
            position.url.is_some() && (has_rows || reading.is_old_form)
        }
        Way::Body(_) | Way::Header(_) | Way::LastRow(_) => {
            let Some(next) = page.next.filter(|_| has_rows || reading.is_old_form) else { return false };
            let here = if reading.has_cursor { Some(&position.cursor) } else { position.url.as_ref() };
            let is_same = here == Some(&next);
            match reading.has_cursor {
                true => position.cursor = next,
                false => position.url = Some(next),
            }
            !is_same
        }
    }
}

/// Rows of the page before, which an inclusive cursor shows again.
#[derive(Default)]
struct Repeats {
    before: HashMap<u64, u32>,
}

impl Repeats {
    /// Number of rows at the start of a page that are rows of the page before.
    fn at_the_start(&mut self, rows: &[Shown]) -> usize {
        let mut skipped = 0;
        while let Some(left) = rows.get(skipped).and_then(|shown| self.before.get_mut(&shown.fingerprint)) {
            if *left == 0 {
                break;
            }
            *left -= 1;
            skipped += 1;
        }
        self.before.clear();
        for shown in rows {
            *self.before.entry(shown.fingerprint).or_default() += 1;
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use truth::observed::rows::ShownRow;

    use super::*;

    fn shown(fingerprint: u64) -> Shown {
        let text = String::new;
        let row = Row { topic: text(), event_id: text(), timestamp: None, source: None, payload: None };
        Shown { row: ShownRow { row, name: None, values: Vec::new() }, fingerprint, lacks_id: None }
    }

    fn skipped(pages: &[&[u64]]) -> Vec<usize> {
        let mut repeats = Repeats::default();
        let rows = |page: &&[u64]| page.iter().map(|fingerprint| shown(*fingerprint)).collect::<Vec<_>>();
        pages.iter().map(|page| repeats.at_the_start(&rows(page))).collect()
    }

    #[test]
    fn rows_at_an_inclusive_cursor_count_once() {
        assert_eq!(skipped(&[&[1, 2, 3], &[3, 4, 5], &[5]]), [0, 1, 1]);
        assert_eq!(skipped(&[&[1, 2, 2], &[2, 2, 3]]), [0, 2], "several rows at one cursor");
        assert_eq!(skipped(&[&[1, 2], &[2, 2, 3]]), [0, 1], "the second copy is new");
        assert_eq!(skipped(&[&[1, 2], &[3, 1]]), [0, 0], "only the start of a page repeats");
    }
}
