//! Reads the rest of a request's body before the response is sent.
//!
//! The server closes a connection with an unread body without announcing it. Requests refused by key, path or method
//! are answered before their body arrives, so the client's next request on the connection would be lost. API Gateway
//! passes complete requests to functions, so only the local server needs this.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::stream::{Fuse, StreamExt, unfold};
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use tokio::sync::Mutex;

/// Longest body that is read in vain.
const READ_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for the rest of a body; afterwards the response announces the end of the connection.
const TIMEOUT: Duration = Duration::from_secs(10);

type Rest = Arc<Mutex<Fuse<BodyDataStream>>>;

pub(crate) async fn drain_request_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // With `Expect: 100-continue` the client sends no body until it is asked for it.
    let expects_continue = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let rest: Rest = Arc::new(Mutex::new(body.into_data_stream().fuse()));
    let body_stream = unfold(Arc::clone(&rest), |rest| async move {
        let chunk = rest.lock().await.next().await;
        chunk.map(|chunk| (chunk, rest))
    });
    let mut response = next.run(Request::from_parts(parts, Body::from_stream(body_stream))).await;
    let is_drained = !expects_continue && tokio::time::timeout(TIMEOUT, drain(&rest)).await == Ok(true);
    if !is_drained {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Returns `false` if the body is too long or broke off.
async fn drain(rest: &Rest) -> bool {
    let (mut rest, mut bytes) = (rest.lock().await, 0);
    while let Some(chunk) = rest.next().await {
        let Ok(chunk) = chunk else { return false };
        bytes += chunk.len();
        if bytes > READ_BYTES_MAX {
            return false;
        }
    }
    true
}
