//! Consumers of the durable queue.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::settings::Ack;
use crate::store::{Store, now_ms};

/// Time that storing a request takes.
const WORK: Duration = Duration::from_millis(20);

/// Pause between two looks at an empty queue.
const LOOK: Duration = Duration::from_millis(2);

/// Time between two micro-batches.
const MICRO_BATCH_EVERY: Duration = Duration::from_secs(15);

/// Time after which a request is claimed again.
const RECLAIMED_AFTER: Duration = Duration::from_secs(20);

/// Works until the process ends.
pub(crate) async fn work(store: Store) -> Result<()> {
    loop {
        match store.settings.ack {
            Ack::MicroBatch => {
                sleep(store.settings.delay(MICRO_BATCH_EVERY)).await;
                store_all(&store).await?;
            }
            Ack::Reclaiming => claim_and_store(&store).await?,
            _ => store_first(&store).await?,
        }
    }
}

async fn store_all(store: &Store) -> Result<()> {
    let mut state = store.look().await;
    while let Some(waiting) = state.queue.front().cloned() {
        state.finish(waiting).await?;
    }
    Ok(())
}

/// Stores the first request in the step that takes it out of the queue.
async fn store_first(store: &Store) -> Result<()> {
    sleep(store.settings.delay(WORK)).await;
    let mut state = store.look().await;
    match state.queue.front().cloned() {
        Some(waiting) => state.finish(waiting).await,
        None => {
            drop(state);
            sleep(LOOK).await;
            Ok(())
        }
    }
}

/// Claims a request, durably, works on it, and stores it. A process that is killed in between leaves
/// a claim, which ends after a time.
async fn claim_and_store(store: &Store) -> Result<()> {
    let reclaimed_ms = store.settings.delay(RECLAIMED_AFTER).as_millis() as u64;
    let waiting = {
        let mut state = store.look().await;
        let now = now_ms();
        let is_free = |claimed_ms: Option<u64>| claimed_ms.is_none_or(|at| at + reclaimed_ms <= now);
        let free = state.queue.iter().position(|waiting| is_free(waiting.claimed_ms));
        match free {
            Some(place) => Some(state.claim(place, now).await?),
            None => None,
        }
    };
    match waiting {
        Some(waiting) => {
            sleep(store.settings.delay(WORK)).await;
            store.look().await.finish(waiting).await
        }
        None => {
            sleep(LOOK).await;
            Ok(())
        }
    }
}
