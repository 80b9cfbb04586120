//! Preflight: checks before anything is sent that the target is there, is ready, and is the one
//! that was meant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reader::client::patience::Patience;
use reader::client::{Posted, TargetClient};
use reader::database::{DatabaseError, DatabaseReader};
use reader::handshake::Failed;
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use truth::chain::chain;
use truth::clock::utc_ms;
use truth::observed::rows::{Equality, RowTally};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::variant::Origin;
use truth::scenario::Scenario;
use truth::target::request::{Asked, RequestWriter};
use truth::target::secrets::Secrets;
use truth::target::{Endpoint, Place, Proxy};

use crate::command::settings::{LoadSettings, TargetSettings};
use crate::connection::dial::{Address, Connector, Family, Found};
use crate::error::Failure;
use crate::watch::notice::Notices;

/// Longest time to connect. Who mistyped an address should know before they wonder.
const REACH: Duration = Duration::from_millis(1_800);

/// Time that the other addresses of a target have to accept once one has. Browsers give as much.
const OTHERS: Duration = Duration::from_millis(250);

/// Time for which a request before the run is made again, if it fails for a reason that may pass.
const SESSION: Duration = Duration::from_secs(5);

/// Interval at which a target is tried that is being waited for.
const LOOK: Duration = Duration::from_millis(100);

/// Remedies if nothing responds.
const START_TARGET: &str = "start the target first (the reference target is `aggregator`), wait for it with \
                            --wait 30s, or name another one with --target URL";
const START_SERVER: &str = "start it first, or wait for it with --wait 30s";
const BEHIND_PROXY: &str = "start the proxy and the target, and let the proxy allow the target; wait for them \
                            with --wait 30s, or leave --proxy out";
const SPEAK_HTTP2: &str =
    "start it first, or wait for it with --wait 30s; leave --http2 out if it speaks only HTTP/1.1";

/// Remedy if the host is not known.
const CHECK_NAME: &str = "check the host in the URL, or wait for it with --wait 30s";

/// Remedy if the target closes a connection while it speaks TLS.
const SEE_LOG: &str = "see the target's log, or use http:// for a target without TLS";

/// Reason why there is no connection, with the remedy if the reason has one of its own.
struct Refusal {
    reason: String,
    remedy: Option<&'static str>,
}

impl Refusal {
    /// Returns a reason whose remedy is to start the target.
    fn plain(reason: String) -> Self {
        Self { reason, remedy: None }
    }

    /// Returns a reason that another remedy helps against.
    fn with(remedy: &'static str, reason: String) -> Self {
        Self { reason, remedy: Some(remedy) }
    }
}

/// Finds the target's addresses, and which of them accept connections: one at least. With `--wait`,
/// waits until the target is ready.
pub(crate) async fn reach(
    target: &TargetSettings,
    scenario: &Scenario,
    client: &TargetClient,
) -> Result<Vec<Found>, Failure> {
    // A server that gets one request over and over need not have a health check.
    let has_health = scenario.request.is_none();
    let TargetSettings { endpoint, connector, family, wait, .. } = target;
    let wait = *wait;
    let until = Instant::now() + wait;
    loop {
        let failure = match connect_once(endpoint, connector, *family, Instant::now() + REACH).await {
            Ok(addresses) if wait.is_zero() || !has_health => return Ok(addresses),
            Ok(addresses) => match not_ready(client).await {
                None => return Ok(addresses),
                Some(reason) => Failure::NotReady { url: client.url("/health"), reason, wait },
            },
            Err(Refusal { reason, remedy }) => {
                let hint = if let Some(remedy) = remedy {
                    remedy
                } else if endpoint.proxy.is_some() {
                    BEHIND_PROXY
                } else if scenario.target.connect.http2 {
                    SPEAK_HTTP2
                } else if has_health {
                    START_TARGET
                } else {
                    START_SERVER
                };
                Failure::Unreachable { url: client.target().publish_url().to_owned(), reason, hint, wait }
            }
        };
        if Instant::now() >= until {
            return Err(failure);
        }
        sleep(LOOK).await;
    }
}

/// Finds the addresses of another host that requests go to, and which of them accept connections.
pub(crate) async fn find(
    url: &str,
    endpoint: &Endpoint,
    connector: &Connector,
    family: Option<Family>,
) -> Result<Vec<Found>, Failure> {
    let found = connect_once(endpoint, connector, family, Instant::now() + REACH).await;
    found.map_err(|Refusal { reason, remedy }| {
        let hint = remedy.unwrap_or(START_SERVER);
        Failure::Unreachable { url: url.to_owned(), reason, hint, wait: Duration::ZERO }
    })
}

/// Tries all addresses at once. Once one has accepted, the others have little time left.
async fn connect_once(
    endpoint: &Endpoint,
    connector: &Connector,
    family: Option<Family>,
    deadline: Instant,
) -> Result<Vec<Found>, Refusal> {
    let unknown = |reason| match endpoint.proxy {
        None => Refusal::with(CHECK_NAME, reason),
        Some(_) => Refusal::plain(reason),
    };
    let addresses = match (&endpoint.proxy, &endpoint.place) {
        (Some(Proxy { host, port, .. }), _) | (None, Place::Tcp(host, port)) => {
            timeout_at(deadline, resolved(host, *port, family))
                .await
                .unwrap_or_else(|_| Err(format!("the name {host} was not resolved in time")))
                .map_err(unknown)?
        }
        (None, Place::Unix(path)) => vec![Address::Unix(path.clone())],
    };
    let way = if endpoint.proxy.is_some() { "through the proxy at " } else { "" };
    let mut found: Vec<Found> =
        addresses.into_iter().map(|address| Found { address, accepts: false }).collect();
    let mut tries = JoinSet::new();
    for (place, Found { address, .. }) in found.iter().cloned().enumerate() {
        let connector = connector.clone();
        tries.spawn(async move {
            let tried = timeout_at(deadline, connector.try_out(&address)).await;
            (place, tried)
        });
    }
    let mut reasons = Vec::new();
    let mut remedy = None;
    // Each try ends by the deadline, and says so.
    let mut until = deadline + OTHERS;
    while let Ok(Some(Ok((place, tried)))) = timeout_at(until, tries.join_next()).await {
        let address = &found[place].address;
        match tried {
            Ok(Ok(())) => {
                found[place].accepts = true;
                until = until.min(Instant::now() + OTHERS);
            }
            Ok(Err(error)) => {
                let refusal = plain(address, &error);
                reasons.push(format!("{way}{address}: {}", refusal.reason));
                remedy = remedy.or(refusal.remedy);
            }
            Err(_) => reasons.push(format!("{way}{address}: no response within {} ms", REACH.as_millis())),
        }
    }
    if found.iter().any(|found| found.accepts) {
        return Ok(found);
    }
    Err(Refusal { reason: reasons.join(", "), remedy })
}

async fn resolved(host: &str, port: u16, family: Option<Family>) -> Result<Vec<Address>, String> {
    let found = lookup_host((host, port)).await;
    let found = found.map_err(|error| format!("cannot resolve the name {host}: {error}"))?;
    let is_wanted = |address: &SocketAddr| family.is_none_or(|family| family.has(address));
    let mut addresses: Vec<Address> = Vec::new();
    for address in found.filter(is_wanted).map(Address::Ip) {
        // A file of hosts may list one twice.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        let kind = family.map_or_else(String::new, |family| format!("{} ", family.name()));
        return Err(format!("{host} has no {kind}address"));
    }
    Ok(addresses)
}

/// Returns why the target is not ready; none if it is. A target without a health check is ready
/// once its port is open.
async fn not_ready(client: &TargetClient) -> Option<String> {
    let url = client.url("/health");
    match timeout_at(Instant::now() + REACH, client.get(&url, "application/json")).await {
        Ok(Ok(answer)) if answer.status().is_server_error() => {
            Some(format!("the health check returned status {}", answer.status().as_u16()))
        }
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some(format!("no response within {} ms", REACH.as_millis())),
    }
}

/// Makes the requests before the run, if the scenario has any.
pub(crate) async fn open_session(client: &TargetClient) -> Result<(), Failure> {
    let patient = client.patient(Patience::Each(SESSION));
    patient.open_session().await.map(drop).map_err(Failure::Session)
}

/// Refuses a run whose events the target already shows: they would all be duplicates, and look like
/// a defect. One page of each topic is read. A target that shows nothing is loaded.
pub(crate) async fn refuse_sent_before(client: &TargetClient, plan: &Plan) -> Result<(), Failure> {
    if client.reading().is_none_or(|reading| reading.drains) {
        return Ok(());
    }
    let events = Events::new(plan);
    let keys = plan.keys().unwrap_or(0);
    let mut rows = RowTally::new(&events, plan.nonce, keys, Equality::NONE);
    match client.shows_any(&plan.topics, &mut rows).await {
        Ok(true) => Err(Failure::Usage(format!(
            "{} already holds events of this --run-id; choose another one",
            client.target().url
        ))),
        Ok(false) | Err(_) => Ok(()),
    }
}

/// Reads a row of the target's database, so that an error shows before the run. A missing table is
/// no error: the target may create it with the first event.
pub(crate) async fn try_out(database: &DatabaseReader, plan: &Plan, notices: Notices) -> Result<(), Failure> {
    let events = Events::new(plan);
    let mut rows = RowTally::new(&events, plan.nonce, plan.keys().unwrap_or(0), Equality::NONE);
    match database.first_row_into(&mut rows).await {
        Ok(()) => Ok(()),
        Err(error @ DatabaseError::Query { .. }) => {
            notices
                .warn(&format!("{}; until that changes, `verify` cannot read the database", chain(&error)));
            Ok(())
        }
        Err(error) => Err(Failure::Database(error)),
    }
}

/// Sends requests without an event, one after the other, and warns of responses that are missing or
/// errors of the server. The counters, which were read before, show whether the requests left a trace.
pub(crate) async fn send_empty(
    client: &TargetClient,
    load: &LoadSettings,
    secrets: &Arc<Secrets>,
    notices: Notices,
) {
    let events = Arc::new(Events::new(&load.plan));
    let mut writer = RequestWriter::new(events, client.target(), Arc::clone(secrets));
    for _ in 0..load.scenario.traps.empty {
        let timeout = load.scenario.load.timeout;
        let request = writer.whole(&Asked::of(&[], Origin::Later, utc_ms()));
        let response = match client.send_once(request, timeout).await {
            Posted::Answered { status, .. } if status < 500 => continue,
            Posted::Answered { status, .. } => format!("status {status}"),
            Posted::NotConnected | Posted::Lost => "no response".to_owned(),
        };
        notices.warn(&format!(
            "a request without an event got {response}; expected an acknowledgement or a reject"
        ));
    }
}

/// Returns the system's message without its number, and an error of TLS or of this machine with its
/// remedy.
fn plain(address: &Address, error: &std::io::Error) -> Refusal {
    if let Some(shortage) = address.shortage(error) {
        return Refusal::with(shortage.way_out(), shortage.text().to_owned());
    }
    if let Some(Failed { reason, remedy }) = Failed::find(error) {
        return Refusal::with(remedy, reason);
    }
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Refusal::plain("connection refused".to_owned()),
        // Only a connection that was made, and then speaks TLS, can end.
        std::io::ErrorKind::UnexpectedEof => Refusal::with(SEE_LOG, error.to_string()),
        _ => Refusal::plain(error.to_string()),
    }
}
