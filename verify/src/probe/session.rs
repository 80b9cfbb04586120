//! A probe from its first request to its scenario: what is sent, in which order.

use std::time::{Duration, Instant};

use reader::client::TargetClient;
use reader::console::say;
use truth::chain::chain;
use truth::files::write_whole;
use truth::scenario::Scenario;
use truth::target::Target;
use url::Url;

use super::asking::{Asker, Limits, Stop};
use super::assumed;
use super::counters::{self, Before, Counted};
use super::deep;
use super::draft::Draft;
use super::error::ProbeError;
use super::exchange::{Author, Exchanges, SHOWN_WITHIN};
use super::input::{Input, Way};
use super::listing::{self, Listed};
use super::looking::Glass;
use super::meet::{Meeting, Met};
use super::options::ProbeOptions;
use super::publish::{self, BATCH};
use super::rules::{self, Fate};
use super::sight::Sight;

/// Event of the trap `invalid` that is tried.
const INVALID: &str = "{\"probe\":\"invalid\"}";

/// Events of a burst at a target on this machine whose request was searched for.
const LARGE: u64 = 100;

/// Longest pause between two looks at a counter.
const LOOK: Duration = Duration::from_millis(200);

/// Result of a probe.
pub(super) struct Probed {
    /// Scenario.
    pub(super) text: String,
    /// Parts that were not found, with the keys to fill in.
    pub(super) missing: Vec<String>,
    /// Variables that a run needs.
    pub(super) exports: Vec<String>,
    /// Sentence about what was sent.
    pub(super) spent: String,
    /// Reason why the description is not enough.
    pub(super) doubt: Option<String>,
}

/// A probe under way.
struct Session<'a> {
    options: &'a ProbeOptions,
    input: Input,
    target: Target,
    asker: Asker,
    is_local: bool,
}

/// What the requests by the scenario showed.
struct Shown {
    exchanges: Exchanges,
    counted: Counted,
    listed: Result<Listed, String>,
    topics: Vec<String>,
}

/// Probes a target and writes its scenario.
pub(super) async fn probe(options: &ProbeOptions) -> Result<Probed, ProbeError> {
    if options.out.exists() {
        return Err(ProbeError::Exists { path: options.out.clone() });
    }
    let input = Input::read(options)?;
    let mut target = Target::nothing();
    if let Some(half) = &input.half {
        target.connect = Scenario::parse(half, "the scenario").map_err(ProbeError::Scenario)?.target.connect;
    }
    target.url = input.url.clone();
    options.reach.outrank(&mut target.connect);
    target.endpoint()?;
    let is_local = match target.connect.unix_socket {
        Some(_) => true,
        None => input.is_local(target.connect.to.is_some() || target.connect.proxy.is_some()),
    };
    let limits = limits(options, &input, is_local);
    let session =
        Session { asker: connect(options, &input, &target, limits)?, options, input, target, is_local };
    session.announce(&limits)?;
    session.run().await
}

fn limits(options: &ProbeOptions, input: &Input, is_local: bool) -> Limits {
    let limits = match (&input.way, is_local) {
        (_, false) => Limits::CAREFUL,
        (Way::Assumed(_), true) => Limits::SEARCH,
        (Way::Given(_) | Way::Described, true) => Limits::LOCAL,
    };
    let events = deep::EVENTS as u32;
    if options.deep { limits.with_deep(events, events) } else { limits }
}

fn connect(
    options: &ProbeOptions,
    input: &Input,
    target: &Target,
    limits: Limits,
) -> Result<Asker, ProbeError> {
    let mut headers = options.reach.all_headers()?;
    headers.extend(input.headers()?);
    let login = options.reach.proxy_login()?;
    let client = TargetClient::new(target, &headers, &login)?;
    // Secrets go to the host that they were given for, and to no other.
    let home = origin(&target.url);
    let other = [&options.listing, &options.stats].into_iter().flatten().find(|url| origin(url) != home);
    let elsewhere = match other.and_then(|url| origin(url)) {
        Some(url) => Some(TargetClient::new(&Target { url, ..Target::nothing() }, &[], &login)?),
        None => None,
    };
    Ok(Asker::new(client, elsewhere, limits))
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}

impl Session<'_> {
    /// Says what will be sent. A target that is not this machine needs a word of its owner.
    fn announce(&self, limits: &Limits) -> Result<(), ProbeError> {
        self.input.notes.iter().for_each(|note| say(&format!("note: {note}")));
        if self.is_local {
            say(&format!("sending events to {}", self.target.url));
            return Ok(());
        }
        let Limits { requests, events, reads, .. } = limits;
        say(&format!(
            "the target {} is not this machine; at most {requests} requests with {events} events, and {reads} reads, \
             two a second, would be made of:",
            self.target.url
        ));
        match &self.input.way {
            Way::Given(sketch) => {
                let texts = sketch.texts(&super::roles::Roles::of(sketch).holes(&[0, 1, 2, 3]));
                say(&format!("  {} {}{}", sketch.method, sketch.base, texts.path));
                let headers = texts.common.iter().chain(&texts.headers);
                headers.for_each(|(name, value)| say(&format!("  {name}: {value}")));
                say(&format!("  {}{}{}", texts.before, texts.event, texts.after));
                say(
                    "with fresh ids, the same again, other topics, times and payloads, an invalid event and none",
                );
            }
            Way::Described => say("  the requests that the scenario describes"),
            Way::Assumed(_) => say("  events as the reference takes them, at the usual paths"),
        }
        match self.options.yes {
            true => Ok(()),
            false => Err(ProbeError::NotLocal { url: self.target.url.clone() }),
        }
    }

    async fn run(self) -> Result<Probed, ProbeError> {
        if let (Way::Assumed(_), Some(reason)) = (&self.input.way, self.asker.unreachable_because().await) {
            return Err(ProbeError::Unreachable { url: self.target.url.clone(), reason });
        }
        let topic = self.options.topic.clone();
        let stats_urls = self.stats_urls();
        let looks = counters::first_look(&self.asker, &stats_urls, &topic).await;
        let stats_urls: Vec<String> = looks.iter().map(|look| look.url().to_owned()).collect();
        let mut met = self.meet(stats_urls.first().cloned()).await?;
        let mut author = self.author(met.as_ref())?;
        let mut before = counters::first_look(&self.asker, &stats_urls, &topic).await;
        let mut exchanges = author.exchange(&self.asker).await?;
        if let Some(single) = met.as_mut().filter(|_| exchanges.refuses_neighbours) {
            let note = exchanges.seen.last().map(|seen| seen.response.in_one_line()).unwrap_or_default();
            single.notes.push(format!("a known event and two new ones in one request were answered {note}"));
            single.sketch = single.sketch.clone().single();
            author = self.author(met.as_ref())?;
            before = counters::first_look(&self.asker, &stats_urls, &topic).await;
            exchanges = author.exchange(&self.asker).await?;
        }
        let shown = self.look(&mut author, exchanges, before, met.as_ref()).await?;
        self.conclude(met, author, shown).await
    }

    /// URLs that may show counters.
    fn stats_urls(&self) -> Vec<String> {
        let has_stats = self.draft().has("target", "stats");
        let at = |paths: &[&str], home: &str| paths.iter().map(|path| format!("{home}{path}")).collect();
        match (&self.options.stats, &self.input.way) {
            _ if has_stats => Vec::new(),
            (Some(url), _) => vec![url.clone()],
            (None, Way::Assumed(home)) => at(&counters::PATHS, &home.url),
            (None, _) if self.is_local => at(&["/stats", "/metrics"], &self.target.url),
            (None, _) => Vec::new(),
        }
    }

    /// URLs that may list what is stored.
    fn listing_urls(&self, met: Option<&Met>) -> Vec<String> {
        let path = met.map(|met| met.sketch.texts(&Default::default()).path);
        let publish = path.as_deref().and_then(|path| path.split('?').next()).map(str::to_owned);
        let own = publish.map(|path| format!("{}{path}", met.map_or("", |met| &met.sketch.base)));
        match (&self.options.listing, &self.input.way) {
            (Some(url), _) => vec![url.clone()],
            (None, Way::Assumed(home)) => {
                listing::PATHS.iter().map(|path| format!("{}{path}", home.url)).chain(own).collect()
            }
            (None, Way::Given(_)) => own.into_iter().collect(),
            (None, Way::Described) => vec![format!("{}/events", self.target.url)],
        }
    }

    /// Finds a request that the target accepts; none if the scenario describes it.
    async fn meet(&self, stats: Option<String>) -> Result<Option<Met>, ProbeError> {
        let glass = Glass::new(self.options.listing.clone(), self.options.stats.clone().or(stats));
        let mut meeting = Meeting { asker: &self.asker, secrets: &self.input.secrets, glass: Some(glass) };
        let sketch = match &self.input.way {
            Way::Described => return Ok(None),
            Way::Given(sketch) => (**sketch).clone(),
            Way::Assumed(home) => assumed::find(&meeting, home, &self.options.topic).await?,
        };
        let mut met = meeting.meet(sketch).await?;
        if met.identity.ids.is_empty() {
            return Err(ProbeError::NoId);
        }
        if met.has_topic_outside_events() {
            met.topics.truncate(1);
        }
        Ok(Some(met))
    }

    fn draft(&self) -> Draft {
        self.input.half.as_deref().map_or_else(Draft::default, Draft::over)
    }

    fn is_careful(&self) -> bool {
        !matches!(self.input.way, Way::Assumed(_))
    }

    /// Returns the author of requests by the scenario as far as it is known.
    fn author(&self, met: Option<&Met>) -> Result<Author, ProbeError> {
        let mut draft = self.draft();
        draft.begin(&self.target);
        if let Some(met) = met {
            publish::say(met, &met.topics, self.is_careful(), &mut draft);
            if met.takes_invalid() {
                draft.line("target.publish", "invalid", &format!("['{INVALID}']"), "to be tried");
            }
        }
        let path = self.options.out.display().to_string();
        let author = Author::new(&draft.text(), &path, self.input.secrets.clone());
        author.map_err(|error| ProbeError::Unusable { reason: chain(&error) })
    }

    /// Looks at counters and listings.
    async fn look(
        &self,
        author: &mut Author,
        exchanges: Exchanges,
        before: Vec<Before>,
        met: Option<&Met>,
    ) -> Result<Shown, ProbeError> {
        let home = self.home();
        let topic = author.events.topics().first().cloned().unwrap_or_default();
        let counted = counters::find(&self.asker, before, exchanges.totals, &topic, &home).await;
        let mut topics = author.events.topics().to_vec();
        let has_listing = self.draft().has("target", "listing");
        let listed = match &exchanges.last {
            _ if has_listing => Err("it is the scenario's own".to_owned()),
            None => Err("no event was accepted that could be looked for".to_owned()),
            Some(event) => listing::find(&self.asker, &self.listing_urls(met), event, &topics).await,
        };
        if listed.as_ref().is_ok_and(Listed::lacks_topic) && self.is_free_to_choose_topics() {
            topics.truncate(1);
        }
        Ok(Shown { exchanges, counted, listed, topics })
    }

    fn is_free_to_choose_topics(&self) -> bool {
        !self.draft().has("events", "topics")
    }

    fn home(&self) -> String {
        origin(&self.target.url).unwrap_or_else(|| self.target.url.clone())
    }

    async fn conclude(
        &self,
        met: Option<Met>,
        mut author: Author,
        mut shown: Shown,
    ) -> Result<Probed, ProbeError> {
        let mut draft = self.draft();
        draft.begin(&self.target);
        if let Some(met) = &met {
            publish::say(met, &shown.topics, self.is_careful(), &mut draft);
        }
        draft.append(std::mem::take(&mut shown.counted.draft));
        let home = self.home();
        match &shown.listed {
            Ok(listed) => listed.say(&home, &mut draft),
            Err(_) if draft.has("target", "listing") => {}
            Err(seen) => {
                draft.note("target.listing", seen);
                draft.note(
                    "target.listing",
                    "fill in: path = \"/...\", rows = \"/...\", next = \"...\", and fields",
                );
            }
        }
        self.say_acknowledged(&mut author, &shown, &mut draft).await;
        self.say_rules(met.as_ref(), &mut author, &shown.exchanges, &mut draft).await;
        if self.options.deep {
            self.look_deep(&mut author, &mut draft).await?;
        }
        let text = draft.text();
        self.understood(&text)?;
        write_whole(&self.options.out, text.as_bytes())?;
        Ok(self.probed(text, met.as_ref(), &shown, &draft))
    }

    fn probed(&self, text: String, met: Option<&Met>, shown: &Shown, draft: &Draft) -> Probed {
        let mut missing = Vec::new();
        if !shown.counted.missing.is_empty() && !draft.has("target", "stats") {
            missing.push(format!("counters (target.stats: {})", shown.counted.missing.join(", ")));
        }
        if let (Err(seen), false) = (&shown.listed, draft.has("target", "listing")) {
            missing.push(format!("a listing (target.listing: path, rows); {seen}"));
        }
        let is_seen = met.is_some_and(|met| met.identity.is_seen) || shown.tells_repeats();
        let is_shown =
            shown.listed.is_ok() || shown.counted.unique.is_some() || draft.has("target", "listing");
        let doubt = match (is_seen, is_shown) {
            (_, true) => None,
            (true, false) => Some("nothing shows what the target stored, so a run could not be judged"),
            (false, false) => Some("nothing tells a new event from a repeat, so the id is a guess"),
        };
        let todo = "give --listing URL or --stats URL, or fill in what was not found";
        let doubt = doubt.map(|doubt| format!("{doubt}: {todo}"));
        let mut exports = self.input.exports.clone();
        exports.retain(|variable| text.contains(&format!("env:{variable}")));
        Probed { text, missing, exports, spent: self.asker.spent(), doubt }
    }

    fn understood(&self, text: &str) -> Result<Scenario, ProbeError> {
        let understood = Scenario::parse(text, &self.options.out.display().to_string());
        let understood = understood.and_then(|scenario| scenario.plan(1, 1).map(|_| scenario));
        understood.map_err(|error| ProbeError::Unusable { reason: chain(&error) })
    }

    /// Sends a burst, and writes what an acknowledgement means.
    async fn say_acknowledged(&self, author: &mut Author, shown: &Shown, draft: &mut Draft) {
        let topic = author.events.topics().first().cloned().unwrap_or_default();
        let unique = shown.counted.unique.as_ref().filter(|_| shown.listed.is_err());
        let was = match unique {
            Some((url, place)) => counters::value(&self.asker, url, place, &topic).await,
            None => None,
        };
        let size = if self.is_careful() { BATCH } else { LARGE };
        let burst = tolerated(author.burst(&self.asker, size).await, draft).unwrap_or_default();
        let count = burst.len();
        let lag = match (&shown.listed, unique, was) {
            (Ok(listed), _, _) => listed.lag(&self.asker, &burst).await,
            (Err(_), Some((url, place)), Some(was)) => {
                let expected = was + count as u64;
                counter_lag(&self.asker, url, place, &topic, expected).await
            }
            _ => None,
        };
        match lag {
            _ if count == 0 => draft.note("promises", "no event of a burst was acknowledged"),
            Some(Duration::ZERO) => {
                let note = format!("{count} events were visible at the first look after their response");
                draft.note("promises", &note);
            }
            Some(lag) => {
                let seen =
                    format!("{count} events were visible {lag:.1?} after their response, and not at once");
                draft.set("promises", "ack", "queued", &seen);
                let drain = format!("{}s", (lag * 10).as_secs().max(1));
                draft.set("promises", "drain", &drain, "ten times the time that was seen");
            }
            None => {
                let seen = format!(
                    "no look showed {count} events right after their response: they may be stored later"
                );
                draft.set("promises", "ack", "queued", &seen);
            }
        }
    }

    /// Sends what may be refused, and writes what responses mean.
    async fn say_rules(
        &self,
        met: Option<&Met>,
        author: &mut Author,
        exchanges: &Exchanges,
        draft: &mut Draft,
    ) {
        let is_given = ["answers", "answer", "publish.ack", "publish.rejected"]
            .iter()
            .any(|name| draft.has("target", name));
        if is_given {
            return;
        }
        let mut seen = exchanges.seen.clone();
        let mut is_refused = false;
        let pair = tolerated(author.at_once(&self.asker).await, draft);
        let can_be_invalid = match met {
            Some(met) => met.takes_invalid() || !met.sketch.is_batch(),
            None => author.knows_invalid(),
        };
        if can_be_invalid && let Some(invalid) = tolerated(author.invalid(&self.asker, INVALID).await, draft)
        {
            let note = format!("{} was answered {}", invalid.name, invalid.response.in_one_line());
            draft.note("target.publish", &note);
            is_refused = !invalid.response.is_success();
            seen.push(invalid);
        }
        if author.is_batch()
            && let Some(empty) = tolerated(author.empty(&self.asker).await, draft)
        {
            draft.note(
                "target.publish",
                &format!("a request without an event was answered {}", empty.in_one_line()),
            );
        }
        let with = rules::of(&seen);
        seen.retain(|seen| !seen.fates.contains(&Fate::Invalid));
        let without = rules::of(&seen);
        let is_lost =
            without.iter().any(rules::Rule::reads_body) && !with.iter().any(rules::Rule::reads_body);
        let mut rules = if is_lost { without } else { with };
        is_refused |= rules.iter().any(rules::Rule::names_rejected) && !is_lost;
        if is_refused && met.is_some_and(Met::takes_invalid) {
            let evidence = "a request with such an event was refused, or the event in it";
            draft.line("target.publish", "invalid", &format!("['{INVALID}']"), evidence);
        }
        let known: Vec<u16> = seen.iter().map(|seen| seen.response.status).collect();
        let late = pair
            .iter()
            .flatten()
            .find(|response| !response.is_success() && !known.contains(&response.status));
        if let Some(late) = late {
            rules.insert(0, rules::Rule::busy(late));
        }
        draft.rules(&rules);
    }

    async fn look_deep(&self, author: &mut Author, draft: &mut Draft) -> Result<(), ProbeError> {
        let scenario = self.understood(&draft.text())?;
        if scenario.target.listing.path.is_none() {
            draft.note("target.listing", "--deep needs a listing");
            return Ok(());
        }
        let headers = self.options.reach.all_headers()?;
        let login = self.options.reach.proxy_login()?;
        let client =
            TargetClient::with_secrets(&scenario.target, &headers, &login, self.input.secrets.clone())?;
        Ok(deep::look(author, &self.asker, &client, draft).await?)
    }
}

/// Returns a result. A stop at the end of a probe is a note: what was seen before it stands.
fn tolerated<T>(result: Result<T, Stop>, draft: &mut Draft) -> Option<T> {
    result.inspect_err(|stop| draft.note("target.publish", &stop.to_string())).ok()
}

impl Shown {
    /// True if responses tell new events from repeats.
    fn tells_repeats(&self) -> bool {
        let [first, again, other, ..] = self.exchanges.seen.as_slice() else { return false };
        let ids: Vec<String> = self.exchanges.seen.iter().flat_map(|seen| seen.ids.clone()).collect();
        Sight::of(&first.response, &again.response, &other.response, &ids).is_some()
    }
}

/// Returns the time until a counter has a value; none if it does not. Zero stands for the first look.
async fn counter_lag(asker: &Asker, url: &str, place: &str, topic: &str, expected: u64) -> Option<Duration> {
    let begun = Instant::now();
    let mut is_first = true;
    while begun.elapsed() < SHOWN_WITHIN {
        if counters::value(asker, url, place, topic).await.is_some_and(|now| now >= expected) {
            return Some(if is_first { Duration::ZERO } else { begun.elapsed() });
        }
        is_first = false;
        tokio::time::sleep(LOOK).await;
    }
    None
}
