//! Others who use the target beside a run.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::event::Event;
use crate::settings::Others;
use crate::store::{Receipt, Store};

/// Time between two events of others.
const WRITES_EVERY: Duration = Duration::from_millis(500);

/// Time between two deletions.
const DELETES_EVERY: Duration = Duration::from_millis(100);

/// Works until the process ends, or there is nothing more to do.
pub(crate) async fn work(store: Store) -> Result<()> {
    let pause = match store.settings.others {
        Others::Nobody | Others::Before => return Ok(()),
        Others::Retention => DELETES_EVERY,
        Others::Writer | Others::Monitor | Others::Tenant => WRITES_EVERY,
    };
    let mut written = 0;
    loop {
        match store.settings.others {
            Others::Tenant => store.count_tenant().await?,
            Others::Retention => {
                let mut state = store.look().await;
                if state.has_ours() && !state.delete_oldest_of_others().await? {
                    return Ok(());
                }
            }
            Others::Monitor => write(&store, "monitor".to_owned()).await?,
            _ => write(&store, format!("{}-{written}", std::process::id())).await?,
        }
        written += 1;
        sleep(store.settings.delay(pause)).await;
    }
}

async fn write(store: &Store, id: String) -> Result<()> {
    store.look().await.take(vec![Event::of_others(id)], Receipt::Counted).await?;
    Ok(())
}
