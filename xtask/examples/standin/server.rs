//! Server of an API: one request at a time.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::apis::Api;
use crate::echo::Echo;
use crate::reply::Reply;
use crate::request::Request;

/// Largest body of a request.
const LARGEST: usize = 16 << 20;

/// Values that all requests share.
#[derive(Clone)]
struct Shared {
    api: Arc<Mutex<Box<dyn Api>>>,
    echo: Option<Arc<Echo>>,
}

/// Returns the routes of an API, which are its own to know.
pub(crate) fn routes(api: Box<dyn Api>, is_echoing: bool) -> Router {
    let echo = is_echoing.then(Arc::<Echo>::default);
    Router::new().fallback(answer).with_state(Shared { api: Arc::new(Mutex::new(api)), echo })
}

async fn answer(State(shared): State<Shared>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = Request::new(&parts, body);
    let refused = shared.echo.as_ref().and_then(|echo| echo.refusal(&request));
    let (mut reply, request) = match refused {
        Some(reply) => (reply, request),
        None => answer_by(shared.api, request).await,
    };
    if let Some(echo) = &shared.echo {
        echo.add(&request, &mut reply);
    }
    reply.into_response()
}

/// Has the API answer, on a thread that may wait for its turn and for a database.
async fn answer_by(api: Arc<Mutex<Box<dyn Api>>>, request: Request) -> (Reply, Request) {
    let answered = tokio::task::spawn_blocking(move || {
        let reply = api.lock().expect("a panic ends the process").answer(&request);
        (reply, request)
    });
    answered.await.unwrap_or_else(|panic| {
        eprintln!("standin: {panic}");
        std::process::abort()
    })
}
