//! A probe under way: what was asked for, and how its target is reached.

use std::collections::BTreeMap;

use reader::client::TargetClient;
use reader::console::say;
use truth::chain::chain;
use truth::scenario::Scenario;
use truth::target::{Listing, Target, Template};
use url::Url;

use super::asking::{Asker, Limits};
use super::counters;
use super::deep;
use super::draft::Draft;
use super::error::ProbeError;
use super::exchange::Author;
use super::input::{Input, Way, is_local};
use super::listing;
use super::meet::Met;
use super::options::ProbeOptions;
use super::publish;
use super::roles::Roles;
use super::view::View;

/// Event of the trap `invalid` that is tried.
pub(super) const INVALID: &str = "{\"probe\":\"invalid\"}";

/// A probe under way.
pub(super) struct Session<'a> {
    pub(super) options: &'a ProbeOptions,
    pub(super) input: Input,
    pub(super) target: Target,
    pub(super) asker: Asker,
    /// First URL that is contacted and does not lead to this machine.
    foreign: Option<String>,
}

impl<'a> Session<'a> {
    /// Opens a session: reads what was asked for, and says what will be sent.
    pub(super) fn open(options: &'a ProbeOptions) -> Result<Self, ProbeError> {
        let input = Input::read(options)?;
        let mut target = Target::nothing();
        if let Some(half) = &input.half {
            target.connect =
                Scenario::parse(half, "the scenario").map_err(ProbeError::Scenario)?.target.connect;
        }
        target.url = input.url.clone();
        target.publish.url = input.publish_url()?;
        options.reach.outrank(&mut target.connect);
        target.endpoint()?;
        target.at_publish().endpoint()?;
        let foreign = foreign(options, &input, &target)?;
        let limits = limits(options, &input, foreign.is_none());
        let session =
            Self { asker: connect(options, &input, &target, limits)?, options, input, target, foreign };
        session.announce(&limits)?;
        Ok(session)
    }

    /// Says what will be sent. A URL that does not lead to this machine needs `--yes`.
    fn announce(&self, limits: &Limits) -> Result<(), ProbeError> {
        let Some(foreign) = &self.foreign else {
            say(&format!("sending events to {}", self.target.publish_url()));
            return Ok(());
        };
        let place = if *foreign == self.target.url { "the target" } else { "the host" };
        let Limits { requests, events, reads, .. } = limits;
        let there = match self.target.publish_url() {
            url if url == foreign => String::new(),
            url => format!(" to {url}"),
        };
        say(&format!(
            "{place} {foreign} is not this machine; at most {requests} requests with {events} events{there}, and \
             {reads} reads, two a second, would be made of:"
        ));
        match &self.input.way {
            Way::Given(sketch) => {
                let texts = sketch.texts(&Roles::of(sketch).holes(&[0, 1, 2, 3]));
                say(&format!("  {} {}{}", sketch.method, self.target.publish_url(), texts.path));
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
            false => Err(ProbeError::NotLocal { url: foreign.clone() }),
        }
    }

    /// URLs that may show counters.
    pub(super) fn stats_urls(&self) -> Vec<String> {
        let has_stats = self.draft().has("target", "stats");
        let at = |paths: &[&str], home: &str| paths.iter().map(|path| format!("{home}{path}")).collect();
        match (&self.options.stats, &self.input.way) {
            _ if has_stats => Vec::new(),
            (Some(url), _) => vec![url.clone()],
            (None, Way::Assumed(home)) => at(&counters::PATHS, &home.url),
            (None, _) if self.foreign.is_none() => at(&["/stats", "/metrics"], &self.target.url),
            (None, _) => Vec::new(),
        }
    }

    /// URLs that may list what is stored.
    pub(super) fn listing_urls(&self, met: Option<&Met>) -> Vec<String> {
        let path = met.map(|met| met.sketch.texts(&BTreeMap::new()).path);
        let publish = path.as_deref().and_then(|path| path.split('?').next()).map(str::to_owned);
        let own = publish.map(|path| format!("{}{path}", self.target.url));
        match (&self.options.listing, &self.input.way) {
            (Some(url), _) => vec![url.clone()],
            (None, Way::Assumed(home)) => {
                listing::PATHS.iter().map(|path| format!("{}{path}", home.url)).chain(own).collect()
            }
            (None, Way::Given(_)) => own.into_iter().collect(),
            (None, Way::Described) => vec![format!("{}/events", self.target.url)],
        }
    }

    /// Returns an empty draft, over the scenario that was given.
    pub(super) fn draft(&self) -> Draft {
        self.input.half.as_deref().map_or_else(Draft::default, Draft::over)
    }

    /// True if the request was given, so that nothing is searched for.
    pub(super) fn is_careful(&self) -> bool {
        !matches!(self.input.way, Way::Assumed(_))
    }

    /// Returns what requests of the scenario take from the probe.
    pub(super) fn habit(&self) -> publish::Habit {
        publish::Habit { is_careful: self.is_careful(), shares_headers: self.asker.needs_all_headers() }
    }

    /// Returns the author of requests by the scenario as far as it is known.
    pub(super) fn author(&self, met: Option<&Met>) -> Result<Author, ProbeError> {
        let mut draft = self.draft();
        draft.begin(&self.target);
        if let Some(met) = met {
            publish::say(met, &met.topics, self.habit(), &mut draft);
            if met.takes_invalid() {
                draft.line("target.publish", "invalid", &format!("['{INVALID}']"), "to be tried");
            }
        }
        let path = self.options.file().display().to_string();
        let author = Author::new(&draft.text(), &path, self.input.secrets.clone());
        author.map_err(|error| ProbeError::Unusable { reason: chain(&error) })
    }

    /// True if the scenario that was given says how stored events are read.
    pub(super) fn has_own_view(&self) -> bool {
        let draft = self.draft();
        draft.has("target", "listing") || (draft.has("", "database") && self.options.listing.is_none())
    }

    /// True if the scenario that was given leaves the topics open.
    pub(super) fn is_free_to_choose_topics(&self) -> bool {
        !self.draft().has("events", "topics")
    }

    /// Scheme, host and port of the target.
    pub(super) fn home(&self) -> String {
        origin(&self.target.url).unwrap_or_else(|| self.target.url.clone())
    }

    /// Reads a scenario, and checks that it can run.
    pub(super) fn understood(&self, text: &str) -> Result<Scenario, ProbeError> {
        let understood = Scenario::parse(text, &self.options.file().display().to_string());
        let understood = understood.and_then(|scenario| scenario.plan(1, 1).map(|_| scenario));
        understood.map_err(|error| ProbeError::Unusable { reason: chain(&error) })
    }

    /// Returns the listing or the database that a scenario describes; none if it describes none.
    pub(super) fn view(&self, scenario: &Scenario) -> Result<Option<View>, ProbeError> {
        View::of(scenario, self.client(&scenario.target)?)
    }

    /// Returns what the scenario that was given describes.
    pub(super) fn given_view(&self) -> Result<Option<View>, ProbeError> {
        let Some(half) = &self.input.half else { return Ok(None) };
        let mut scenario = Scenario::parse(half, "the scenario").map_err(ProbeError::Scenario)?;
        scenario.target.url.clone_from(&self.target.url);
        scenario.target.connect = self.target.connect.clone();
        if !self.draft().has("target", "listing") {
            scenario.target.listing = Listing::default();
        }
        let common = self.input.common.iter().map(|(name, text)| (name.clone(), text));
        for (name, text) in common.filter(|(name, _)| name != "content-type") {
            let template = Template::parse(text);
            let template = template.map_err(|error| ProbeError::Unusable { reason: error.to_string() })?;
            scenario.target.headers.entry(name).or_insert(template);
        }
        self.view(&scenario)
    }

    /// Returns a client that reads a target as a scenario describes it.
    pub(super) fn client(&self, target: &Target) -> Result<TargetClient, ProbeError> {
        let headers = self.options.reach.all_headers()?;
        let login = self.options.reach.proxy_login()?;
        Ok(TargetClient::with_secrets(target, &headers, &login, self.input.secrets.clone())?)
    }
}

/// Returns the first URL that is contacted and does not lead to this machine, if there is one. Of a
/// URL beside the target's only the host is shown: the rest may hold secrets.
fn foreign(options: &ProbeOptions, input: &Input, target: &Target) -> Result<Option<String>, ProbeError> {
    let connect = &target.connect;
    let leads_away = connect.to.is_some() || connect.proxy.is_some();
    if connect.unix_socket.is_none() && (leads_away || !is_local(&target.url)) {
        return Ok(Some(target.url.clone()));
    }
    let mut urls: Vec<String> = [&options.listing, &options.stats].into_iter().flatten().cloned().collect();
    urls.extend(input.other_urls()?);
    let other = urls.into_iter().find(|url| !target.is_at(url) && !is_local(url));
    let shown = |url: String| origin(&url).filter(|shown| shown != "null");
    Ok(other.map(|url| shown(url).unwrap_or_else(|| "of a URL without http://".to_owned())))
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
    let more = input.sharable_headers()?;
    let fuller = match more.is_empty() {
        true => None,
        false => Some(TargetClient::new(target, &[headers.clone(), more].concat(), &login)?),
    };
    // Secrets go to the host that they were given for, and to no other.
    let home = origin(&target.url);
    let other = [&options.listing, &options.stats].into_iter().flatten().find(|url| origin(url) != home);
    let elsewhere = match other.and_then(|url| origin(url)) {
        Some(url) => Some(TargetClient::new(&Target { url, ..Target::nothing() }, &[], &login)?),
        None => None,
    };
    Ok(Asker::new(client, limits).reading(fuller, elsewhere))
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}
