//! Responses that end before their end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header;
use axum::response::Response;
use futures_core::Stream;

/// Body that fails behind its first part.
enum Parts {
    First(Bytes),
    /// The first part is on its way to the client.
    Leaving,
    Failing,
}

impl Stream for Parts {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match std::mem::replace(&mut *self, Self::Failing) {
            Self::First(part) => {
                *self = Self::Leaving;
                Poll::Ready(Some(Ok(part)))
            }
            // The server sends what it has where a body makes it wait.
            Self::Leaving => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Failing => Poll::Ready(Some(Err(io::Error::other("cut")))),
        }
    }
}

/// Cuts a response in the middle of its body: the connection is closed there.
pub(crate) async fn in_the_middle(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.expect("the body is in memory");
    head.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    Response::from_parts(head, Body::from_stream(Parts::First(half)))
}
