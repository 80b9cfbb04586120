//! Farewells at the end of a run. Events that still wait in a target that this program started are
//! given time, because a target that keeps its queue in memory would lose them at its end. Those who
//! scrape the metrics are given time for a last look.

use std::time::{Duration, Instant};

use reader::client::TargetClient;
use reader::signals::Signals;
use truth::duration;
use truth::observed::counters::Counters;
use truth::scenario::promises::Promises;

use crate::watch::metrics::Metrics;
use crate::watch::notice::{Notices, counted};

/// Longest time for events that the target counts as waiting, if it promises no longer one.
const LONGEST: Duration = Duration::from_secs(60);

/// Pause between two readings of the counters.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Waits for what waits in the target, as far as anything tells of it. A signal ends the wait.
pub(super) async fn wait(client: &TargetClient, promises: &Promises, notices: Notices) {
    let Ok(mut signals) = Signals::listen() else { return };
    tokio::select! {
        () = wait_for_backlog(client, promises, notices) => {}
        () = signals.next() => notices.warn("the target is ended before everything that waits in it is stored"),
    }
}

/// Serves the metrics on after the end of the run, for at most this time. A signal ends the wait.
pub(super) async fn linger(metrics: Option<Metrics>, longest: Duration, notices: Notices) {
    let Some(metrics) = metrics.filter(|_| !longest.is_zero()) else { return };
    let Ok(mut signals) = Signals::listen() else { return };
    let time = duration::format(longest);
    notices.say(&format!("serving the metrics until they are scraped once more, at most for {time}"));
    tokio::select! {
        () = metrics.linger(longest) => {}
        () = signals.next() => {}
    }
}

async fn wait_for_backlog(client: &TargetClient, promises: &Promises, notices: Notices) {
    match (backlog(client).await, promises.drain) {
        (Some(0), _) => {}
        (Some(waiting), drain) => {
            let longest = drain.unwrap_or_default().max(LONGEST);
            let events = counted(waiting, "event");
            let time = duration::format(longest);
            notices.say(&format!("{events} wait in the target, which is ended once they are stored, or in {time}"));
            let until = Instant::now() + longest;
            while let Some(waiting @ 1..) = backlog(client).await {
                if Instant::now() >= until {
                    let events = counted(waiting, "event");
                    return notices.warn(&format!("{events} still wait in the target, which is ended now"));
                }
                tokio::time::sleep(POLL_EVERY).await;
            }
        }
        (None, Some(drain)) => {
            let time = duration::format(drain);
            notices.say(&format!("the target is ended in {time}, the promised time to store what waits in it"));
            tokio::time::sleep(drain).await;
        }
        // What was acknowledged is stored.
        (None, None) if promises.is_committed() => {}
        (None, None) => notices.say(
            "the target is ended now; nothing tells if events still wait in it (`[promises] drain` would leave time)",
        ),
    }
}

/// Returns the number of events that wait; none if the target does not report it.
async fn backlog(client: &TargetClient) -> Option<u64> {
    let counters = client.stats().await.ok()?;
    let Counters { pending, processing, .. } = &counters;
    (pending.is_some() || processing.is_some()).then(|| counters.backlog())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use reader::tunnel::ProxyLogin;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use truth::target::Target;

    use super::*;

    /// A target whose backlog is one event smaller with each reading of the counters.
    async fn draining(waiting: u64) -> (TargetClient, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let left = waiting.saturating_sub(count.fetch_add(1, Ordering::Relaxed));
                let read = stream.read(&mut [0; 4096]).await.unwrap();
                assert!(read > 0, "a request");
                let body = format!(
                    "{{\"received\":9,\"unique_processed\":9,\"duplicate_dropped\":0,\
                     \"queue\":{{\"pending\":{left},\"processing\":0}}}}"
                );
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
        });
        let target = Target { url, ..Target::default() };
        (TargetClient::new(&target, &[], &ProxyLogin::default()).unwrap(), asked)
    }

    #[tokio::test]
    async fn what_waits_in_the_target_is_waited_for() {
        let (client, asked) = draining(5).await;
        wait_for_backlog(&client, &Promises::default(), Notices::new(false)).await;
        assert_eq!(asked.load(Ordering::Relaxed), 6, "until nothing waits");
        let (client, asked) = draining(0).await;
        wait_for_backlog(&client, &Promises::default(), Notices::new(false)).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}
