//! Before anything is sent: is the target there, is it ready, and is it the one that was meant?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reader::client::{Posted, TargetClient};
use reader::database::{DatabaseError, DatabaseReader};
use rustls::{AlertDescription, CertificateError};
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use truth::chain::chain;
use truth::observed::rows::{Equality, RowTally};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::variant::Origin;
use truth::scenario::Scenario;
use truth::target::wire::Renderer;
use truth::target::{Endpoint, Place, Proxy};

use crate::command::settings::{LoadSettings, TargetSettings};
use crate::connection::dial::{Address, Connector, Family};
use crate::error::Failure;
use crate::watch::notice::Notices;

/// How long connecting may take in all: who mistyped an address should know before they wonder.
const REACH: Duration = Duration::from_millis(1_800);

/// Between two looks at a target that is being waited for.
const LOOK: Duration = Duration::from_millis(100);

/// The way out where nothing answers.
const START_TARGET: &str = "start the target first (the reference one: `aggregator`), give it time with --wait 30s, or name another \
                            with --target URL";
const START_SERVER: &str = "start it first, or give it time with --wait 30s";
const BEHIND_PROXY: &str = "the proxy has to run and to allow the target, and the target has to run; give them time with --wait 30s, \
                            or leave --proxy out";
const SPEAK_HTTP2: &str =
    "start it first, or give it time with --wait 30s; leave --http2 out if it speaks HTTP/1.1 alone";

/// Finds the target's addresses, the one that answers first at the front; with `wait`, once it is ready.
pub(crate) async fn reach(
    target: &TargetSettings,
    scenario: &Scenario,
    client: &TargetClient,
) -> Result<Vec<Address>, Failure> {
    // Of a server that is only sent a request, nobody said that it has a health check.
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
            Err(reason) => {
                let hint = if endpoint.proxy.is_some() {
                    BEHIND_PROXY
                } else if scenario.target.connect.http2 {
                    SPEAK_HTTP2
                } else if has_health {
                    START_TARGET
                } else {
                    START_SERVER
                };
                Failure::Unreachable { url: client.target().url.clone(), reason, hint, wait }
            }
        };
        if Instant::now() >= until {
            return Err(failure);
        }
        sleep(LOOK).await;
    }
}

/// Tries all addresses at once.
async fn connect_once(
    endpoint: &Endpoint,
    connector: &Connector,
    family: Option<Family>,
    deadline: Instant,
) -> Result<Vec<Address>, String> {
    let mut addresses = match (&endpoint.proxy, &endpoint.place) {
        (Some(Proxy { host, port, .. }), _) | (None, Place::Tcp(host, port)) => {
            timeout_at(deadline, resolved(host, *port, family))
                .await
                .map_err(|_| format!("the name {host} was not resolved in time"))??
        }
        (None, Place::Unix(path)) => vec![Address::Unix(path.clone())],
    };
    let way = if endpoint.proxy.is_some() { "by way of the proxy at " } else { "" };
    let mut tries = JoinSet::new();
    for address in addresses.clone() {
        let connector = connector.clone();
        tries.spawn(async move {
            let tried = timeout_at(deadline, connector.connect(&address)).await;
            (address, tried)
        });
    }
    let mut reasons = Vec::new();
    while let Some(Ok((address, tried))) = tries.join_next().await {
        match tried {
            Ok(Ok(_)) => {
                addresses.retain(|other| *other != address);
                addresses.insert(0, address);
                return Ok(addresses);
            }
            Ok(Err(error)) => reasons.push(format!("{way}{address}: {}", plain(&error))),
            Err(_) => reasons.push(format!("{way}{address}: no answer within {} ms", REACH.as_millis())),
        }
    }
    Err(reasons.join(", "))
}

async fn resolved(host: &str, port: u16, family: Option<Family>) -> Result<Vec<Address>, String> {
    let found = lookup_host((host, port)).await;
    let found = found.map_err(|error| format!("cannot resolve the name {host}: {error}"))?;
    let is_wanted = |address: &SocketAddr| family.is_none_or(|family| family.has(address));
    let addresses: Vec<Address> = found.filter(is_wanted).map(Address::Ip).collect();
    if addresses.is_empty() {
        let kind = family.map_or_else(String::new, |family| format!("{} ", family.name()));
        return Err(format!("{host} has no {kind}address"));
    }
    Ok(addresses)
}

/// Why the target says that it is not ready. One without a health check is as ready as its port.
async fn not_ready(client: &TargetClient) -> Option<String> {
    let url = client.url("/health");
    match timeout_at(Instant::now() + REACH, client.get(&url, "application/json")).await {
        Ok(Ok(answer)) if answer.status().is_server_error() => {
            Some(format!("it answered with status {}", answer.status().as_u16()))
        }
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some(format!("no answer within {} ms", REACH.as_millis())),
    }
}

/// Refuses a run whose events the target already shows: they would all be duplicates, and look like a defect. One page
/// a topic is asked for; a target that shows nothing cannot be asked, and is loaded.
pub(crate) async fn refuse_sent_before(client: &TargetClient, plan: &Plan) -> Result<(), Failure> {
    if !client.offers_listing() {
        return Ok(());
    }
    let events = Events::new(plan);
    let keys = plan.keys().unwrap_or(0);
    let mut rows = RowTally::new(&events, plan.nonce, keys, Equality::NONE);
    match client.shows_any(&plan.topics, &mut rows).await {
        Ok(true) => Err(Failure::Usage(format!(
            "{} already holds events of this run id; choose another --run-id",
            client.target().url
        ))),
        Ok(false) | Err(_) => Ok(()),
    }
}

/// Asks the target's database for a row: what cannot be read afterwards is better known before. That a table is not there
/// yet is no fault: the target may make it when the first event comes.
pub(crate) async fn try_out(database: &DatabaseReader, plan: &Plan, notices: Notices) -> Result<(), Failure> {
    let events = Events::new(plan);
    let mut rows = RowTally::new(&events, plan.nonce, plan.keys().unwrap_or(0), Equality::NONE);
    match database.first_row_into(&mut rows).await {
        Ok(()) => Ok(()),
        Err(error @ DatabaseError::Query { .. }) => {
            notices.warn(&format!("{}; as long as that is so, `verify` cannot use it", chain(&error)));
            Ok(())
        }
        Err(error) => Err(Failure::Database(error)),
    }
}

/// Sends requests that hold no event, one after the other, and tells how they were answered, where that is no answer or
/// an error of the server. That they leave no trace is for the counters to show, which were read before.
pub(crate) async fn send_empty(client: &TargetClient, load: &LoadSettings) -> Vec<String> {
    let events = Arc::new(Events::new(&load.plan));
    let mut body = Vec::new();
    Renderer::new(events, client.target()).body(&[], Origin::Later, &mut body);
    let mut odd = Vec::new();
    for _ in 0..load.scenario.traps.empty {
        let timeout = load.scenario.load.timeout;
        match client.post(&client.target().publish.path, body.clone(), timeout).await {
            Posted::Answered { status, .. } if status < 500 => {}
            Posted::Answered { status, .. } => odd.push(format!("status {status}")),
            Posted::NotConnected | Posted::Lost => odd.push("no answer".to_owned()),
        }
    }
    odd
}

/// The system's words without its number; those of TLS with the way out.
fn plain(error: &std::io::Error) -> String {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (error.kind(), of_tls) {
        (std::io::ErrorKind::ConnectionRefused, _) => "connection refused".to_owned(),
        (_, Some(rustls::Error::InvalidCertificate(why))) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "nobody that we trust signed its certificate; name who did with --cacert FILE, or believe it unseen with --insecure"
                    .to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("its certificate is for another name than the URL's ({error})")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired".to_owned()
            }
            _ => format!("its certificate is not believed: {error}"),
        },
        (_, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol))) => {
            "it does not agree to what is to be spoken over TLS".to_owned()
        }
        (_, Some(rustls::Error::InvalidMessage(_))) => {
            format!("what came is not TLS ({error}); a target without it is named with http://")
        }
        (_, _) => error.to_string(),
    }
}
