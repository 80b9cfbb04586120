//! Login of a lane: opens the target's session again after a request was answered with 401.
//!
//! All lanes share one session. Of the connections that are refused together, one opens it, and the
//! others wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reader::client::{TargetClient, UNAUTHORIZED};
use tokio::time::timeout;
use truth::chain::chain;

/// Login of all lanes.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    client: TargetClient,
    longest: Duration,
    /// Failure of an opening that was not reported yet.
    failure: Arc<Mutex<Option<String>>>,
}

impl Login {
    /// Returns the login; none if the scenario has no requests before the run.
    pub(crate) fn of(client: &TargetClient, longest: Duration) -> Option<Self> {
        client.has_session().then(|| Self { client: client.clone(), longest, failure: Arc::default() })
    }

    /// Number of the session that requests are written with now.
    pub(crate) fn session(&self) -> u64 {
        self.client.session()
    }

    /// Notes a response. Returns true if it asks for a login.
    pub(crate) fn is_asked_for(&self, status: u16) -> bool {
        if status != UNAUTHORIZED {
            self.client.note_served();
        }
        status == UNAUTHORIZED
    }

    /// Opens the session again, unless it is another than the one that was refused.
    pub(crate) async fn renew(&self, refused: u64) {
        let failed = match timeout(self.longest, self.client.renew_session(refused)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("no response within {}", truth::duration::format(self.longest)),
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failed);
    }

    /// Waits while another connection opens the session.
    pub(crate) async fn settled(&self) {
        self.client.settled().await;
    }

    /// Takes the failure that was not reported yet.
    pub(crate) fn take_failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
