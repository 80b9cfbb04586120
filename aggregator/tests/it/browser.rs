//! A real browser without a window, controlled over its pipe: the DevTools protocol, JSON texts
//! with a NUL behind each.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Starts an installed browser. The browser reads commands from its descriptor 3 and writes to 4;
/// the shell connects these to its own input and output.
const START: &str = r#"
for program in chromium-headless-shell chromium google-chrome; do
    command -v $program >/dev/null && exec $program "$@" 3<&0 4>&1 </dev/null >/dev/null
done
"#;

/// A browser with one page.
pub(crate) struct Browser {
    _process: Child,
    commands: ChildStdin,
    messages: BufReader<ChildStdout>,
    last_id: u64,
    session: Option<String>,
    /// Events of the browser, in order.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", START, "browser", "--headless", "--remote-debugging-pipe", "--no-sandbox"])
            .args([
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let messages = BufReader::new(process.stdout.take().unwrap());
        let mut browser = Self {
            _process: process,
            commands,
            messages,
            last_id: 0,
            session: None,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach().await;
        browser
    }

    async fn attach(&mut self) {
        let page = self.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let wanted = json!({ "targetId": page["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", wanted).await;
        self.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
    }

    /// Runs one command of the protocol.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).await.unwrap();
        loop {
            let mut message = self.next_message().await;
            if message["id"] == self.last_id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    async fn next_message(&mut self) -> Value {
        let mut text = Vec::new();
        self.messages.read_until(0, &mut text).await.unwrap();
        assert_eq!(text.pop(), Some(0), "the browser has ended; is chromium-headless-shell installed?");
        serde_json::from_slice(&text).unwrap()
    }

    pub(crate) async fn open(&mut self, url: &str) {
        self.load("Page.navigate", json!({ "url": url })).await;
    }

    pub(crate) async fn reload(&mut self) {
        self.load("Page.reload", json!({})).await;
    }

    /// Runs a command that loads another document, and waits until it is loaded.
    async fn load(&mut self, method: &str, params: Value) {
        let known = self.events.len();
        self.call(method, params).await;
        while !self.events[known..].iter().any(|event| event["method"] == "Page.loadEventFired") {
            let message = self.next_message().await;
            self.events.push(message);
        }
    }

    /// Sets the window's width and the preferred colour scheme.
    pub(crate) async fn look(&mut self, width: u32, scheme: &str) {
        let window = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", window).await;
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Returns the value of an expression in the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut result = self.call("Runtime.evaluate", params).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// Waits until an expression in the page is true.
    pub(crate) async fn wait_until(&mut self, expression: &str) {
        let waiting = format!(
            "new Promise(done => {{ const look = () => ({expression}) ? done(true) : setTimeout(look, 20); look() }})"
        );
        let limit = Duration::from_secs(30);
        if tokio::time::timeout(limit, self.value(&waiting)).await.is_err() {
            panic!("never: {expression}");
        }
    }

    /// Returns the addresses that the page has requested.
    pub(crate) fn requests(&self) -> Vec<&str> {
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        asked.map(|event| event["params"]["request"]["url"].as_str().unwrap()).collect()
    }

    /// Returns the errors that the console shows, without failed requests.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            Some("Log.entryAdded") => event["params"]["entry"]["source"] != "network",
            _ => false,
        };
        self.events.iter().filter(is_complaint).collect()
    }
}
