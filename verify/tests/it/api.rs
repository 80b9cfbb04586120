//! A target of any shape: a real listener on a port of its own, and a function that answers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use truth::observed::rows::Row;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Came {
    /// Path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://h{}", self.target)).expect("a path");
        url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    }

    /// Number that is a parameter of the query.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok()
    }

    /// Body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

type Answer = Box<dyn Fn(&Came) -> Response + Send>;

struct Shared {
    answer: Answer,
    came: Vec<Came>,
}

/// A running target; it ends with the runtime of its test.
pub(crate) struct Api {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Api {
    pub(crate) async fn start(answer: impl Fn(&Came) -> Response + Send + 'static) -> Self {
        let shared = Arc::new(Mutex::new(Shared { answer: Box::new(answer), came: Vec::new() }));
        let app = Router::new().fallback(answered).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// All requests that came.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.shared.lock().expect("no test panics here").came.clone()
    }

    /// Number of requests of this method and path that came.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.came().iter().filter(|came| came.method == method && came.path() == path).count()
    }
}

async fn answered(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let came = Came {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    };
    let mut shared = shared.lock().expect("no test panics here");
    let response = (shared.answer)(&came);
    shared.came.push(came);
    response
}

/// Response with a JSON body.
pub(crate) fn ok(body: Value) -> Response {
    axum::Json(body).into_response()
}

/// Response without a body.
pub(crate) fn status(status: u16) -> Response {
    StatusCode::from_u16(status).expect("a status").into_response()
}

/// A row as many targets show one.
pub(crate) fn document(row: &Row) -> Value {
    let payload: Value =
        row.payload.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON"));
    json!({"topic": row.topic, "id": row.event_id, "at": row.timestamp, "data": payload})
}
