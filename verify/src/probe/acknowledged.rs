//! Meaning of an acknowledgement: a burst of events, and looks right after its response.

use std::collections::BTreeMap;
use std::time::Duration;

use reader::console;
use reader::listing::TakeRows;
use truth::observed::rows::{AnomalyClass, Equality, Row, RowTally, ShownRow};
use truth::plan::event::Decoded;
use truth::scenario::promises::PayloadEquality;

use super::asking::{Asker, Stop};
use super::context::Session;
use super::counters::{self, Counted};
use super::draft::Draft;
use super::exchange::Author;
use super::json::escaped;
use super::listing::Listed;
use super::pace::{Looks, Pace};
use super::publish::BATCH;
use super::rows::place_within;
use super::view::View;

/// Events of a burst at a target on this machine whose request was searched for.
const LARGE: u64 = 100;

/// Table of the promises.
const TABLE: &str = "promises";

/// Sends a burst, and writes what an acknowledgement means. `listed` is the listing that was found, and
/// the topics that it shows. Returns a doubt about what the scenario shows of the events.
pub(super) async fn say(
    session: &Session<'_>,
    author: &mut Author,
    listed: Option<(&Listed, &[String])>,
    counted: &Counted,
    draft: &mut Draft,
) -> Option<String> {
    let topic = author.events.topics().first().cloned().unwrap_or_default();
    let unique = counted.unique.as_ref().filter(|_| listed.is_none());
    let was = match unique {
        Some((url, place)) => counters::value(&session.asker, url, place, &topic).await,
        None => None,
    };
    let size = if session.is_careful() { BATCH } else { LARGE };
    let first = author.used();
    let mut burst = tolerated(author.burst(&session.asker, size).await, draft).unwrap_or_default();
    if let Some((_, topics)) = listed {
        burst.retain(|event| topics.contains(&event.topic));
    }
    let count = burst.len() as u64;
    let view = match session.view(&author.scenario) {
        Ok(view) => view,
        Err(error) => return Some(error.to_string()),
    };
    let mut doubt = None;
    let unreadable = session.asker.unreadable_because();
    let looks = match (listed, view, unique, was) {
        _ if count == 0 => Looks::None("no event of a burst was acknowledged".to_owned()),
        _ if unreadable.is_some() => Looks::None(unreadable.unwrap_or_default()),
        (Some((listed, _)), ..) => listed.looks(&session.asker, &burst).await,
        (None, Some(view), ..) => {
            let (looks, found) = by_view(&view, &session.asker, author, first, count, draft).await;
            doubt = found;
            looks
        }
        (None, None, Some((url, place)), Some(was)) => {
            by_counter(&session.asker, url, place, &topic, was, count).await
        }
        _ => Looks::None("nothing was found that shows what is stored".to_owned()),
    };
    say_looks(&looks, count, draft);
    doubt
}

fn say_looks(looks: &Looks, count: u64, draft: &mut Draft) {
    match looks {
        Looks::None(reason) => {
            draft.note(TABLE, &format!("{reason}: that an acknowledged event is stored was not seen. If it is stored \
                                        before its response, write ack = \"committed\"; if later, ack = \"queued\""));
        }
        Looks::Shown { place, after: Duration::ZERO } => {
            draft.note(
                TABLE,
                &format!("{place} showed {count} events at the first look after their response"),
            );
        }
        Looks::Shown { place, after } => {
            let seen =
                format!("{place} showed {count} events {after:.1?} after their response, and not at once");
            draft.set(TABLE, "ack", "queued", &seen);
            let drain = format!("{}s", (*after * 10).as_secs().max(1));
            draft.set(TABLE, "drain", &drain, "ten times the time that was seen");
        }
        Looks::Missed { place, shown, looks, within } => {
            let seen = format!(
                "{place} showed {shown} of {count} events at the last of {looks} looks in {within:.1?}"
            );
            draft.set(TABLE, "ack", "queued", &seen);
        }
    }
}

/// Returns a result. A stop at the end of a probe is a note: what was seen before it stands.
pub(super) fn tolerated<T>(result: Result<T, Stop>, draft: &mut Draft) -> Option<T> {
    result.inspect_err(|stop| draft.note("target.publish", &stop.to_string())).ok()
}

/// Rows, compared as the scenario says, and as if members could be added to payloads.
struct Tallies<'a> {
    author: &'a Author,
    own: RowTally<'a>,
    lenient: RowTally<'a>,
    /// Places of the payload that was sent within one that a row shows, and the number of such rows.
    within: BTreeMap<String, u64>,
}

impl<'a> Tallies<'a> {
    fn of(author: &'a Author) -> Self {
        let own = Equality::from(&author.scenario.promises).of_target(&author.scenario.target);
        let payload = match own.payload {
            PayloadEquality::Json => PayloadEquality::Contains,
            other => other,
        };
        let tally = |equality| RowTally::new(&author.events, author.nonce, author.used(), equality);
        let lenient = tally(Equality { payload, ..own });
        Self { author, own: tally(own), lenient, within: BTreeMap::new() }
    }

    /// Number of keys from this one on that are shown.
    fn shown(&self, first: u64, author: &Author) -> u64 {
        (first..author.used()).filter(|key| self.own.presence.seen(*key) > 0).count() as u64
    }

    /// Returns a doubt about the contents that are shown. Members that were added are written down, and
    /// so is the place of the payload within a larger one.
    fn doubt(&self, view: &View, draft: &mut Draft) -> Option<String> {
        let name = view.name();
        let changed = self.own.payload_changed();
        if changed == 0 {
            return None;
        }
        if self.lenient.payload_changed() == 0 {
            let evidence = format!("{name} shows members of the payload that were not sent");
            draft.set(TABLE, "payload", "contains", &evidence);
            return None;
        }
        let within = self.within.iter().next().filter(|_| self.within.len() == 1);
        if let (Some((place, rows)), Some(field)) = (within, view.payload_field())
            && *rows >= changed
        {
            let whole =
                if field.starts_with('/') { field.to_owned() } else { format!("/{}", escaped(field)) };
            let place = format!("{whole}{place}");
            let evidence =
                format!("the payload that was sent, within what {field} shows, in each of {rows} rows");
            draft.correct("target.listing.fields", "payload", &place, &evidence);
            console::say(&format!(
                "{name} shows the payload within {field}, so the file says payload = \"{place}\""
            ));
            return None;
        }
        let detail = self.example(AnomalyClass::PayloadChanged);
        let remedy = match self.within.keys().next() {
            Some(place) => format!("; the payload stands within it, at {place}"),
            None => String::new(),
        };
        Some(format!("{name} shows {changed} events with other contents than were sent{detail}{remedy}"))
    }

    /// Place of the payload that was sent within the payload of a row.
    fn place_within(&self, row: &ShownRow) -> Option<String> {
        let Row { topic, event_id, payload, .. } = &row.row;
        let Decoded::Ours(key) = self.author.events.decode(topic, event_id) else { return None };
        let sent = self.author.sent(key).payload;
        (!sent.is_empty()).then(|| place_within(payload.as_deref()?, &sent)).flatten()
    }

    /// Detail of a row with such a defect.
    fn example(&self, class: AnomalyClass) -> String {
        let anomalies = self.own.anomalies();
        let found = anomalies.iter().find(|anomaly| anomaly.class == class);
        found.map(|anomaly| format!(" ({})", anomaly.detail)).unwrap_or_default()
    }
}

impl TakeRows for Tallies<'_> {
    fn begin_listing(&mut self) {
        self.own.begin_listing();
        self.lenient.begin_listing();
    }

    fn begin_page(&mut self) {
        self.own.begin_page();
        self.lenient.begin_page();
    }

    fn take_row(&mut self, row: &ShownRow) {
        if let Some(place) = self.place_within(row) {
            *self.within.entry(place).or_default() += 1;
        }
        self.own.take_row(row);
        self.lenient.take_row(row);
    }
}

/// Looks until a view shows so many keys from this one on. The doubt says that it does not, or shows
/// other contents than were sent.
async fn by_view(
    view: &View,
    asker: &Asker,
    author: &Author,
    first: u64,
    count: u64,
    draft: &mut Draft,
) -> (Looks, Option<String>) {
    let mut pace = Pace::begin();
    let name = view.name();
    let table = view.table();
    let mut tallies = Tallies::of(author);
    loop {
        if !view.drains() {
            tallies = Tallies::of(author);
        }
        if let Err(reason) = view.look(asker, author.events.topics(), &mut tallies).await {
            let reason = format!("{name} could not be read: {reason}");
            let doubt = format!("{reason}; correct {table}, and probe again");
            return (Looks::None(reason), Some(doubt));
        }
        let shown = tallies.shown(first, author);
        if shown >= count {
            let looks = Looks::Shown { place: name.to_owned(), after: pace.after() };
            let doubt = tallies.doubt(view, draft);
            return (looks, doubt.map(|doubt| format!("{doubt}: correct {table}, and probe again")));
        }
        if !pace.next(asker).await {
            let elsewhere = match tallies.own.wrong_topic {
                0 => String::new(),
                _ => format!("; some stand under another topic{}", tallies.example(AnomalyClass::WrongTopic)),
            };
            let doubt = format!(
                "{name} does not show the {count} events of a burst{elsewhere}: correct {table}, and probe again"
            );
            return (pace.missed(name.to_owned(), shown), Some(doubt));
        }
    }
}

/// Looks until a counter has grown by so much.
async fn by_counter(asker: &Asker, url: &str, at: &str, topic: &str, was: u64, count: u64) -> Looks {
    let mut pace = Pace::begin();
    let place = format!("the counter {at}");
    loop {
        let now = counters::value(asker, url, at, topic).await.unwrap_or(was);
        let shown = now.saturating_sub(was);
        if shown >= count {
            return Looks::Shown { place, after: pace.after() };
        }
        if !pace.next(asker).await {
            return pace.missed(place, shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(looks: &Looks) -> String {
        let mut draft = Draft::default();
        say_looks(looks, 5, &mut draft);
        draft.text()
    }

    #[test]
    fn an_acknowledgement_is_queued_only_if_looks_did_not_show_a_burst_at_once() {
        let shown = |ms| Looks::Shown { place: "the listing".to_owned(), after: Duration::from_millis(ms) };
        let at_once = said(&shown(0));
        assert!(
            at_once.contains("the listing showed 5 events at the first look")
                && !at_once.contains("\nack = ")
        );
        let late = said(&shown(400));
        assert!(late.contains("\nack = \"queued\"\n") && late.contains("\ndrain = \"4s\"\n"), "{late}");
        assert!(said(&shown(1)).contains("\ndrain = \"1s\"\n"));
        let place = "the listing".to_owned();
        let missed = said(&Looks::Missed { place, shown: 2, looks: 7, within: Duration::from_secs(10) });
        assert!(missed.contains("\nack = \"queued\"\n") && !missed.contains("drain"), "{missed}");
        assert!(missed.contains("2 of 5 events at the last of 7 looks in 10.0s"), "{missed}");
        let none = said(&Looks::None("nothing was found".to_owned()));
        assert!(!none.contains("\nack = ") && none.contains("# nothing was found: that an"), "{none}");
    }
}
