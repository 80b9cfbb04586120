//! Requests beside the load: other requests of the same target, on connections and a thread of their
//! own. They are measured by themselves, and nothing of them reaches the ledger.

mod asking;
mod measure;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use asking::Asking;
pub(crate) use measure::Measured;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;
use truth::scenario::Beside;
use truth::target::Template;
use truth::target::secrets::Secrets;
use truth::target::template::Fit;

use crate::command::settings::{LoadSettings, TargetSettings};
use crate::connection::dial::{Connector, Dial};
use crate::connection::head::HeadText;
use crate::error::Failure;
use crate::lane::login::Login;
use crate::run::preflight;

/// One kind of requests beside the load, ready to be sent.
#[derive(Debug)]
pub(crate) struct Kind {
    name: String,
    connections: u32,
    /// Time between two requests; none for as many as the connections carry.
    interval: Option<Duration>,
    head: HeadText,
    body: Option<(Template, Fit)>,
    /// True if a request without a body states that it has none.
    states_length: bool,
    dial: Arc<Dial>,
}

impl Kind {
    /// Makes the kinds that a load asks for, and finds the hosts that they go to. `dial` leads to the
    /// host that gets the events.
    pub(crate) async fn all(
        load: &LoadSettings,
        settings: &TargetSettings,
        dial: &Arc<Dial>,
    ) -> Result<Vec<Self>, Failure> {
        let mut kinds = Vec::new();
        for beside in &load.scenario.load.beside {
            kinds.push(Self::of(beside, load, settings, dial).await?);
        }
        Ok(kinds)
    }

    async fn of(
        beside: &Beside,
        load: &LoadSettings,
        settings: &TargetSettings,
        dial: &Arc<Dial>,
    ) -> Result<Self, Failure> {
        let form = beside.request();
        let target = &load.scenario.target;
        let url = form.url.unwrap_or(&target.url);
        let there = if form.url.is_some() { target.at(url) } else { target.clone() };
        let endpoint = there.endpoint()?;
        // What the command line adds to every request may be a secret of the target's.
        let is_own = target.is_at(url) || url.trim_end_matches('/') == target.publish_url();
        let headers = if is_own { &*settings.headers } else { &[] };
        let head = HeadText::of_form(form, &target.headers, &endpoint, headers)?;
        let dial = match url.trim_end_matches('/') == target.publish_url() {
            true => Arc::clone(dial),
            false => {
                let connector = Connector::new(&there, &endpoint, &settings.reach.proxy_login()?)?;
                let found = preflight::find(&there.url, &endpoint, &connector, settings.family).await?;
                Arc::new(Dial::new(connector, found, settings.connect_timeout))
            }
        };
        let fit = |usual: &str| Fit::of_content_type(form.content_type().map_or(usual, Template::as_str));
        Ok(Self {
            name: beside.name.clone(),
            connections: beside.connections(load.scenario.load.concurrency),
            interval: beside.rate.map(|rate| Duration::from_secs_f64(1.0 / rate.requests_per_s(1))),
            head,
            body: form.body.cloned().zip(form.usual_content_type().map(fit)),
            states_length: matches!(form.method, "POST" | "PUT" | "PATCH"),
            dial,
        })
    }
}

/// Settings that all requests beside a load share.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) login: Option<Login>,
    pub(crate) timeout: Duration,
    /// Instant of the first request.
    pub(crate) start_ns: u64,
    /// End of the warm-up. Requests before it are sent and not measured.
    pub(crate) measured_from_ns: u64,
}

/// Requests beside the load, under way on a thread of their own.
#[derive(Debug)]
pub(crate) struct BesideLoad {
    stop: watch::Sender<bool>,
    thread: JoinHandle<Vec<Measured>>,
}

impl BesideLoad {
    /// Begins; nothing is done without a kind.
    pub(crate) fn begin(kinds: Vec<Kind>, common: Common) -> Result<Option<Self>, Failure> {
        if kinds.is_empty() {
            return Ok(None);
        }
        let refuse = |source| Failure::System { action: "start a thread", source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refuse)?;
        let (stop, stopping) = watch::channel(false);
        let thread = std::thread::Builder::new().name("beside".to_owned());
        let lived = move || LocalSet::new().block_on(&runtime, run(kinds, common, stopping));
        let thread = thread.spawn(lived).map_err(refuse)?;
        Ok(Some(Self { stop, thread }))
    }

    /// Ends, without waiting for requests in flight, and returns what was measured.
    pub(crate) fn end(self) -> Vec<Measured> {
        // The thread may have ended by itself, after a panic that is passed on.
        self.stop.send_replace(true);
        match self.thread.join() {
            Ok(measured) => measured,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Sends all kinds side by side until it is told to stop.
async fn run(kinds: Vec<Kind>, common: Common, mut stopping: watch::Receiver<bool>) -> Vec<Measured> {
    let begin =
        Instant::now() + Duration::from_nanos(common.start_ns.saturating_sub(truth::clock::monotonic_ns()));
    let all: Vec<_> = kinds.into_iter().map(|kind| Asking::new(kind, common.clone(), begin)).collect();
    let mut tasks = JoinSet::new();
    for asking in &all {
        for _ in 0..asking.kind.connections {
            tasks.spawn_local(std::rc::Rc::clone(asking).work());
        }
    }
    // The sender lives as long as the run, and its end is one too.
    drop(stopping.wait_for(|stops| *stops).await);
    tasks.shutdown().await;
    all.iter().map(|asking| asking.measured.borrow().clone()).collect()
}
