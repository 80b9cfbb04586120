//! Before anything is sent: is the target there, is it ready, and is it the one that was meant?

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use truth::event::Events;
use truth::mapping::Endpoint;
use truth::plan::Plan;
use truth::variant::Origin;
use truth::wire::Renderer;
use verify::baseline::chain;
use verify::observe::client::{Posted, TargetClient};
use verify::observe::database::{DatabaseError, DatabaseReader};
use verify::rows::{Equality, RowTally};

use crate::error::Failure;
use crate::notice::Notices;
use crate::settings::Settings;

/// How long connecting may take in all: who mistyped an address should know before they wonder.
const REACH: Duration = Duration::from_millis(1_800);

/// Between two looks at a target that is being waited for.
const LOOK: Duration = Duration::from_millis(100);

/// A kind of address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    fn has(self, address: &SocketAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }

    fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// Finds the target's addresses, the one that answers first at the front; with `wait`, once it is ready.
pub(crate) async fn reach(
    endpoint: &Endpoint,
    client: &TargetClient,
    family: Option<Family>,
    wait: Duration,
) -> Result<Vec<SocketAddr>, Failure> {
    let until = Instant::now() + wait;
    loop {
        let failure = match connect_once(endpoint, family, Instant::now() + REACH).await {
            Ok(addresses) if wait.is_zero() => return Ok(addresses),
            Ok(addresses) => match not_ready(client).await {
                None => return Ok(addresses),
                Some(reason) => Failure::NotReady { url: client.url("/health"), reason, wait },
            },
            Err(reason) => Failure::Unreachable { url: client.target().url.clone(), reason, wait },
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
    family: Option<Family>,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, String> {
    let Endpoint { host, port, .. } = endpoint;
    let resolved = timeout_at(deadline, lookup_host((host.as_str(), *port))).await;
    let resolved = resolved.map_err(|_| format!("the name {host} was not resolved in time"))?;
    let resolved = resolved.map_err(|error| format!("cannot resolve the name {host}: {error}"))?;
    let is_wanted = |address: &SocketAddr| family.is_none_or(|family| family.has(address));
    let mut addresses: Vec<SocketAddr> = resolved.filter(is_wanted).collect();
    let mut tries = JoinSet::new();
    for address in addresses.clone() {
        tries.spawn(async move { (address, timeout_at(deadline, TcpStream::connect(address)).await) });
    }
    let mut reasons = Vec::new();
    while let Some(Ok((address, tried))) = tries.join_next().await {
        match tried {
            Ok(Ok(_)) => {
                addresses.retain(|other| *other != address);
                addresses.insert(0, address);
                return Ok(addresses);
            }
            Ok(Err(error)) => reasons.push(format!("{address}: {}", plain(&error))),
            Err(_) => reasons.push(format!("{address}: no answer within {} ms", REACH.as_millis())),
        }
    }
    if reasons.is_empty() {
        let kind = family.map_or_else(String::new, |family| format!("{} ", family.name()));
        reasons.push(format!("{host} has no {kind}address"));
    }
    Err(reasons.join(", "))
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
pub(crate) async fn send_empty(client: &TargetClient, settings: &Settings) -> Vec<String> {
    let events = Arc::new(Events::new(&settings.plan));
    let mut body = Vec::new();
    Renderer::new(events, client.target()).body(&[], Origin::Later, &mut body);
    let mut odd = Vec::new();
    for _ in 0..settings.scenario.traps.empty {
        let timeout = settings.scenario.load.timeout;
        match client.post(&client.target().publish.path, body.clone(), timeout).await {
            Posted::Answered { status, .. } if status < 500 => {}
            Posted::Answered { status, .. } => odd.push(format!("status {status}")),
            Posted::NotConnected | Posted::Lost => odd.push("no answer".to_owned()),
        }
    }
    odd
}

/// Whether all these addresses are of this machine: only then does the load certainly hurt nobody else.
pub(crate) fn is_this_machine(addresses: &[SocketAddr]) -> bool {
    // An address can be bound only where it lives.
    addresses.iter().all(|address| address.ip().is_loopback() || UdpSocket::bind((address.ip(), 0)).is_ok())
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_a_documentation_address_is_not() {
        let local: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let far: SocketAddr = "192.0.2.1:80".parse().unwrap();
        assert!(is_this_machine(&[local]));
        assert!(!is_this_machine(&[local, far]));
    }
}
