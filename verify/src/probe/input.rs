//! Input of a probe: a request, a scenario that is half filled in, or a URL.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use reader::console::say;
use truth::scenario::Scenario;
use truth::target::secrets::{Lack, MissingVariable, Secrets};
use truth::target::sign::Signer;
use truth::target::{Target, TargetError, Template};
use url::{Host, Url};

use super::assumed::Home;
use super::error::ProbeError;
use super::given::{self, Given, marked, signed};
use super::options::ProbeOptions;
use super::secret::{Variables, hidden};
use super::sketch::Sketch;
use super::toml_text::text_at;

/// Input of a probe, read and without secrets in its texts.
pub(super) struct Input {
    /// Base URL of the target.
    pub(super) url: String,
    pub(super) way: Way,
    /// Text of the scenario that was given.
    pub(super) half: Option<String>,
    pub(super) secrets: Secrets,
    /// Variables that a run needs, with no value in the environment.
    pub(super) exports: Vec<String>,
    /// Signer of requests, if the scenario signs them.
    pub(super) signer: Option<Signer>,
    /// Header fields of every request, by their names, as templates.
    pub(super) common: BTreeMap<String, String>,
}

/// Way to a request that the target accepts.
pub(super) enum Way {
    /// A request that was given.
    Given(Box<Sketch>),
    /// The scenario describes its requests.
    Described,
    /// Requests that are assumed, at this place.
    Assumed(Home),
}

impl Input {
    /// Reads what was asked for.
    pub(super) fn read(options: &ProbeOptions) -> Result<Self, ProbeError> {
        let half = options.scenario.as_deref().map(read_file).transpose()?;
        let table: toml::Table = match &half {
            Some(text) => {
                text.parse().map_err(|error: toml::de::Error| ProbeError::Half(error.to_string()))?
            }
            None => toml::Table::new(),
        };
        let written = |path: &str| text_at(&table, path).map(str::to_owned);
        let given = options.from.as_deref().map(|path| read_request(path, options.entry)).transpose()?;
        let url = options.url.clone().or_else(|| written("target.url"));
        if let (Some(given), Some(kept)) = (&options.url, written("target.url")) {
            tell_of_other_url(given, &kept, half.as_deref())?;
        }
        if let Some((given, variables, signed)) = given {
            given.notes.iter().for_each(|note| say(&format!("note: {note}")));
            let mut sketch = Sketch::of(&given);
            if let Some(url) = url {
                sketch.base = Home::of(&url, Some("")).url;
            }
            if text_at(&table, "target.publish.sign.algorithm").is_none() {
                signed.iter().for_each(|note| say(&format!("note: {note}")));
            }
            return Self::of_sketch(sketch, variables, half);
        }
        let is_described = ["target.publish.body", "target.publish.envelope", "target.fields.event_id"]
            .iter()
            .any(|path| text_at(&table, path).is_some());
        let url = url.ok_or(ProbeError::NoTarget)?;
        let path = written("target.publish.path");
        let home = Home::of(&url, path.as_deref());
        let (secrets, common) = of_half_secrets(half.as_deref())?;
        let way = if is_described { Way::Described } else { Way::Assumed(home.clone()) };
        let url = if is_described { url } else { home.url };
        Ok(Self { url, way, half, secrets, exports: Vec::new(), signer: None, common })
    }

    fn of_sketch(sketch: Sketch, variables: Variables, half: Option<String>) -> Result<Self, ProbeError> {
        let mut values = BTreeMap::new();
        let mut exports = Vec::new();
        let mut variables = variables;
        for name in of_half(half.as_deref())?.iter().flat_map(Template::variables) {
            variables.entry(name.to_owned()).or_default();
        }
        for (name, value) in variables {
            let set = std::env::var(&name).ok().filter(|value| !value.is_empty());
            if set.is_none() {
                exports.push(name.clone());
            }
            let missing = || MissingVariable { variable: name.clone(), lack: Lack::Value };
            let value = value.or(set).ok_or_else(missing)?;
            values.insert(name, value);
        }
        let target = half_target(half.as_deref())?;
        let mut sketch = sketch;
        if let Some(target) = &target {
            let fields = target.headers.iter().chain(&target.publish.headers);
            sketch.take_headers(fields.map(|(name, text)| (name, text.as_str())));
            let listing = target.listing.path.as_ref();
            listing.into_iter().for_each(|path| sketch.take_topic_of(path.as_str()));
        }
        let common = sketch.texts(&BTreeMap::new()).common;
        let secrets = Secrets::given(values);
        let sign = target.as_ref().and_then(|target| target.publish.sign.as_ref());
        let signer = sign.map(|sign| Signer::new(sign, &secrets)).transpose();
        let signer = signer.map_err(|error| ProbeError::Unusable { reason: error.to_string() })?;
        Ok(Self {
            url: sketch.base.clone(),
            way: Way::Given(Box::new(sketch)),
            half,
            secrets,
            exports,
            signer,
            common,
        })
    }

    /// Returns the header fields of every request with their secrets, each `Name: value`.
    pub(super) fn headers(&self) -> Result<Vec<String>, ProbeError> {
        self.written(&self.common)
    }

    fn written(&self, fields: &BTreeMap<String, String>) -> Result<Vec<String>, ProbeError> {
        let field = |(name, template): (&String, &String)| {
            let mut value = Vec::new();
            let template = Template::parse(template)
                .map_err(|error| ProbeError::Unusable { reason: error.to_string() })?;
            let fit = truth::target::template::Fit::Header;
            let written = template.write(fit, &self.secrets, &mut value);
            written.map_err(|error| ProbeError::Unusable { reason: error.to_string() })?;
            Ok(format!("{name}: {}", String::from_utf8_lossy(&value)))
        };
        fields.iter().map(field).collect()
    }

    /// Returns the other fixed header fields of the request that was given, each `Name: value`.
    pub(super) fn sharable_headers(&self) -> Result<Vec<String>, ProbeError> {
        match &self.way {
            Way::Given(sketch) => self.written(&sketch.sharable()),
            Way::Described | Way::Assumed(_) => Ok(Vec::new()),
        }
    }

    /// Returns the base URL that the scenario gives requests with events, if it has one beside the
    /// target's.
    pub(super) fn publish_url(&self) -> Result<Option<String>, ProbeError> {
        Ok(half_target(self.half.as_deref())?.and_then(|target| target.publish.url))
    }

    /// Returns the URLs of the scenario's requests that have one beside the target's.
    pub(super) fn other_urls(&self) -> Result<Vec<String>, ProbeError> {
        let Some(target) = half_target(self.half.as_deref())? else { return Ok(Vec::new()) };
        let reads = target.reads().into_iter().filter_map(|request| request.url);
        Ok(reads.chain(target.publish.url.as_deref()).map(str::to_owned).collect())
    }
}

/// Says that the scenario keeps a URL that is not the one of the command line. A run can be sent to
/// the latter by `--target`, unless its events go to a URL of their own.
fn tell_of_other_url(given: &str, kept: &str, half: Option<&str>) -> Result<(), ProbeError> {
    let home = |url: &str| Home::of(url, None).url;
    if home(given) == home(kept) {
        return Ok(());
    }
    let target = half_target(half)?;
    if target.is_some_and(|target| target.publish.url.is_some()) {
        return Err(ProbeError::Target(TargetError::TwoHosts));
    }
    say(&format!(
        "note: the scenario keeps target.url = \"{kept}\", and the probe asks {given}: write that URL into the \
         scenario, or run it with --target {given}"
    ));
    Ok(())
}

/// True if a URL names this machine.
pub(super) fn is_local(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn read_file(path: &Path) -> Result<String, ProbeError> {
    std::fs::read_to_string(path).map_err(|source| ProbeError::Read { path: path.to_owned(), source })
}

/// Reads a request, and hides its secrets. The note says that it is signed.
fn read_request(path: &Path, entry: Option<usize>) -> Result<(Given, Variables, Option<String>), ProbeError> {
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin())
            .map_err(|source| ProbeError::Read { path: path.to_owned(), source })?,
        false => read_file(path)?,
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let file = |name: &str| std::fs::read_to_string(folder.join(name));
    let given = given::read(&text, entry, &file)?;
    let signed = signed(&given);
    let (given, variables) = hidden(given);
    // A variable in the host would leave the target open.
    let host = given.url.split("://").nth(1).unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
    if let Some(variable) = marked(host).next() {
        return Err(ProbeError::HostVariable { variable: variable.to_owned() });
    }
    Ok((given, variables, signed))
}

/// Returns the target of a scenario.
fn half_target(half: Option<&str>) -> Result<Option<Target>, ProbeError> {
    let parsed = half.map(|text| Scenario::parse(text, "the scenario")).transpose();
    Ok(parsed.map_err(ProbeError::Scenario)?.map(|scenario| scenario.target))
}

/// Returns the templates of a scenario's target.
fn of_half(half: Option<&str>) -> Result<Vec<Template>, ProbeError> {
    let Some(target) = half_target(half)? else { return Ok(Vec::new()) };
    let publish = target.publish_templates().into_iter().map(|(_, template)| template);
    Ok(publish.chain(target.read_templates()).cloned().collect())
}

/// Returns the secrets that a scenario names, and its header fields of every request.
fn of_half_secrets(half: Option<&str>) -> Result<(Secrets, BTreeMap<String, String>), ProbeError> {
    let Some(target) = half_target(half)? else { return Ok((Secrets::none(), BTreeMap::new())) };
    let secrets = Secrets::of_templates(&of_half(half)?)?;
    let common =
        target.headers.iter().map(|(name, value)| (name.clone(), value.as_str().to_owned())).collect();
    Ok((secrets, common))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (url, is) in [
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]/", true),
            ("https://localhost", true),
            ("http://10.0.0.5", false),
            ("https://api.example", false),
            ("rubbish", false),
        ] {
            assert_eq!(is_local(url), is, "{url}");
        }
    }
}
