//! Preflight: checks before anything is sent that the target is there, is ready, and is the one
//! that was meant.

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

/// Longest time to connect. Who mistyped an address should know before they wonder.
const REACH: Duration = Duration::from_millis(1_800);

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

/// Remedies if the host is not known, or TLS fails.
const CHECK_NAME: &str = "check the host in the URL, or wait for it with --wait 30s";
const TRUST_IT: &str =
    "name the authority with --cacert FILE, or skip certificate verification with --insecure";
const SIGN_IT: &str = "give the target a certificate that this one signed, or skip certificate verification with \
                       --insecure";
const NAME_IT: &str =
    "use a host that the certificate names, or skip certificate verification with --insecure";
const RENEW_IT: &str = "renew it, or skip certificate verification with --insecure";
const WITHOUT_TLS: &str = "use http:// for a target without TLS";

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

/// Finds the target's addresses, with the one that accepts first at the front. With `--wait`, waits
/// until the target is ready.
pub(crate) async fn reach(
    target: &TargetSettings,
    scenario: &Scenario,
    client: &TargetClient,
) -> Result<Vec<Address>, Failure> {
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
) -> Result<Vec<Address>, Refusal> {
    let unknown = |reason| match endpoint.proxy {
        None => Refusal::with(CHECK_NAME, reason),
        Some(_) => Refusal::plain(reason),
    };
    let mut addresses = match (&endpoint.proxy, &endpoint.place) {
        (Some(Proxy { host, port, .. }), _) | (None, Place::Tcp(host, port)) => {
            timeout_at(deadline, resolved(host, *port, family))
                .await
                .unwrap_or_else(|_| Err(format!("the name {host} was not resolved in time")))
                .map_err(unknown)?
        }
        (None, Place::Unix(path)) => vec![Address::Unix(path.clone())],
    };
    let way = if endpoint.proxy.is_some() { "through the proxy at " } else { "" };
    let mut tries = JoinSet::new();
    for address in addresses.clone() {
        let connector = connector.clone();
        tries.spawn(async move {
            let tried = timeout_at(deadline, connector.connect(&address)).await;
            (address, tried)
        });
    }
    let mut reasons = Vec::new();
    let mut remedy = None;
    while let Some(Ok((address, tried))) = tries.join_next().await {
        match tried {
            Ok(Ok(_)) => {
                addresses.retain(|other| *other != address);
                addresses.insert(0, address);
                return Ok(addresses);
            }
            Ok(Err(error)) => {
                let refusal = plain(&error);
                reasons.push(format!("{way}{address}: {}", refusal.reason));
                remedy = remedy.or(refusal.remedy);
            }
            Err(_) => reasons.push(format!("{way}{address}: no response within {} ms", REACH.as_millis())),
        }
    }
    Err(Refusal { reason: reasons.join(", "), remedy })
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

/// Refuses a run whose events the target already shows: they would all be duplicates, and look like
/// a defect. One page of each topic is read. A target that shows nothing is loaded.
pub(crate) async fn refuse_sent_before(client: &TargetClient, plan: &Plan) -> Result<(), Failure> {
    if !client.offers_listing() {
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
pub(crate) async fn send_empty(client: &TargetClient, load: &LoadSettings, notices: Notices) {
    let events = Arc::new(Events::new(&load.plan));
    let mut body = Vec::new();
    Renderer::new(events, client.target()).body(&[], Origin::Later, &mut body);
    for _ in 0..load.scenario.traps.empty {
        let timeout = load.scenario.load.timeout;
        let response = match client.post(&client.target().publish.path, body.clone(), timeout).await {
            Posted::Answered { status, .. } if status < 500 => continue,
            Posted::Answered { status, .. } => format!("status {status}"),
            Posted::NotConnected | Posted::Lost => "no response".to_owned(),
        };
        notices.warn(&format!(
            "a request without an event got {response}; expected an acknowledgement or a reject"
        ));
    }
}

/// Returns the system's message without its number, and a TLS error with its remedy.
fn plain(error: &std::io::Error) -> Refusal {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (error.kind(), of_tls) {
        (std::io::ErrorKind::ConnectionRefused, _) => Refusal::plain("connection refused".to_owned()),
        (_, Some(rustls::Error::InvalidCertificate(why))) => untrusted(why, error),
        (_, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol))) => {
            Refusal::plain("it does not support the protocol over TLS that was asked for".to_owned())
        }
        (_, Some(rustls::Error::InvalidMessage(_))) => {
            Refusal::with(WITHOUT_TLS, format!("the response is not TLS ({error})"))
        }
        (_, _) => Refusal::plain(error.to_string()),
    }
}

/// Returns why a certificate is not trusted.
fn untrusted(why: &CertificateError, error: &std::io::Error) -> Refusal {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Refusal::with(TRUST_IT, "its certificate is not signed by a trusted authority".to_owned())
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Refusal::with(NAME_IT, format!("its certificate is not for the host in the URL ({error})"))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Refusal::with(RENEW_IT, "its certificate has expired".to_owned())
        }
        // The library has no variant of its own for the usual self-signed certificate.
        _ if error.to_string().contains("CaUsedAsEndEntity") => Refusal::with(
            SIGN_IT,
            "its certificate is an authority's and not a server's, as most self-signed ones are".to_owned(),
        ),
        _ => Refusal::with(TRUST_IT, format!("its certificate is not trusted: {error}")),
    }
}
