//! Sends the request over a connection and reads a limited part of the response.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::call_limits::CallLimits;
use crate::send_error::{SendError, with_deadline};

/// Most bytes of status and headers. A response with more is a failure.
const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Response of which the status and the headers were read.
pub(super) struct ReceiverResponse {
    response: Response<Incoming>,
    // Holds the task that drives the connection. Dropping the set closes the connection.
    _connection: JoinSet<()>,
}

pub(super) async fn send_request<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    deadline: Instant,
) -> Result<ReceiverResponse, SendError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut client, connection) = http1::Builder::new()
        .max_buf_size(RESPONSE_HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| http_error(&error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // `send_request` reports connection errors too.
        let _ = connection.await;
    });
    let response = with_deadline(deadline, "waiting for the response", client.send_request(request)).await?;
    Ok(ReceiverResponse { response: response.map_err(|error| http_error(&error))?, _connection: driver })
}

impl ReceiverResponse {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn retry_after_s(&self) -> Option<u32> {
        self.response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
    }

    /// Returns the full body. A body that is longer than `max_body_kept` or misses the deadline is a failure.
    pub(super) async fn read_full_body(mut self, limits: &CallLimits, deadline: Instant) -> Result<Bytes, SendError> {
        let body = self.response.body_mut();
        let mut bytes = Vec::new();
        while let Some(frame) = with_deadline(deadline, "reading the response", body.frame()).await? {
            if let Some(data) = frame.map_err(|error| http_error(&error))?.data_ref() {
                if bytes.len() + data.len() > limits.max_body_kept {
                    return Err(SendError::Failed("the response is too long".to_owned()));
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(Bytes::from(bytes))
    }

    /// Returns the start of the body as text. Reads on up to `max_body_read`, because some servers count a call
    /// as failed if the connection closes while they write.
    pub(super) async fn read_body_start(mut self, limits: &CallLimits, deadline: Instant) -> String {
        let body = self.response.body_mut();
        let mut start = Vec::new();
        let mut read = 0;
        while read < limits.max_body_read {
            // The text so far is returned after a timeout, a broken connection and the end of the body alike.
            let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else {
                break;
            };
            if let Some(data) = frame.data_ref() {
                read += data.len();
                let remaining = limits.max_body_kept - start.len();
                start.extend_from_slice(&data[..remaining.min(data.len())]);
            }
        }
        to_readable_text(&start, limits.max_body_kept)
    }
}

/// Returns text that is safe to store and show. Control characters except line ends and tabs, and bytes that are not
/// UTF-8, become U+FFFD. A character that the limit cuts apart is omitted.
fn to_readable_text(bytes: &[u8], limit: usize) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    };
    let mut text: String = String::from_utf8_lossy(whole)
        .chars()
        .map(|c| if c.is_control() && !matches!(c, '\n' | '\r' | '\t') { '\u{fffd}' } else { c })
        .collect();
    // U+FFFD takes three bytes, so the text may have grown.
    text.truncate(text.floor_char_boundary(limit));
    text
}

fn http_error(error: &hyper::Error) -> SendError {
    use std::error::Error;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    SendError::Failed(format!("no HTTP response: {error}{cause}"))
}

#[cfg(test)]
mod tests {
    use super::to_readable_text;

    #[test]
    fn response_body_becomes_readable_text() {
        for (bytes, limit, expected) in [
            (&b"ok\r\n\tdone"[..], 100, "ok\r\n\tdone"),
            (b"a\0b\x1b[31mc\x7f", 100, "a\u{fffd}b\u{fffd}[31mc\u{fffd}"),
            (b"a\xffb", 100, "a\u{fffd}b"),
            // Cut inside a character of three bytes.
            (&"ab€".as_bytes()[..4], 4, "ab"),
            // Each bad byte becomes three.
            (b"\xff\xff\xff\xff", 4, "\u{fffd}"),
            (b"\xff\xfe\xfd\xe2", 12, "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"", 0, ""),
        ] {
            assert_eq!(to_readable_text(bytes, limit), expected, "{bytes:?}");
        }
    }
}
