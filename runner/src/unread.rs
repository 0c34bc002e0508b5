//! What an operation leaves of a request's body is read before its answer goes out.
//!
//! The server closes a connection on which a body was left unread, and announces it to nobody. Whoever refuses a key, a path
//! or a method answers before the body has come: without this the client's next request over the same connection would
//! be lost. API Gateway hands a function whole requests, so only a laptop needs it.

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

/// As much as a refused body is read elsewhere.
const READ_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Who needs longer for it is told that the connection ends.
const PATIENCE: Duration = Duration::from_secs(10);

type Rest = Arc<Mutex<Fuse<BodyDataStream>>>;

pub(crate) async fn read_the_rest(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Whoever asks first sends nothing until it is wanted.
    let asks_first = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let rest: Rest = Arc::new(Mutex::new(body.into_data_stream().fuse()));
    let lent = unfold(Arc::clone(&rest), |rest| async move {
        let chunk = rest.lock().await.next().await;
        chunk.map(|chunk| (chunk, rest))
    });
    let mut response = next.run(Request::from_parts(parts, Body::from_stream(lent))).await;
    let is_read = !asks_first && tokio::time::timeout(PATIENCE, read(&rest)).await == Ok(true);
    if !is_read {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// `false`: there is more than anybody reads in vain, or it broke off.
async fn read(rest: &Rest) -> bool {
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
