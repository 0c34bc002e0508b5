//! Sending the request over a connection, and as much of the answer as is worth having.

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

use super::{Limits, Stop, within};

/// For the head of an answer. An answer whose headers take more is a failure.
const HEAD_BYTES: usize = 64 * 1024;

/// An answer whose status and headers are in.
pub(super) struct Answer {
    response: Response<Incoming>,
    // The connection is driven by the one task in here, and is closed when the set is dropped.
    _connection: JoinSet<()>,
}

pub(super) async fn ask<S>(stream: S, request: Request<Full<Bytes>>, deadline: Instant) -> Result<Answer, Stop>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut client, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // What goes wrong here is reported to whoever waits for the answer.
        let _ = connection.await;
    });
    let response = within(deadline, "waiting for the answer", client.send_request(request)).await?;
    Ok(Answer { response: response.map_err(|error| failed(&error))?, _connection: driver })
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn retry_after_s(&self) -> Option<u32> {
        self.response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
    }

    /// The whole body, if it is no longer than what is kept and comes in time.
    pub(super) async fn read_whole(mut self, limits: &Limits, deadline: Instant) -> Result<Bytes, Stop> {
        let body = self.response.body_mut();
        let mut whole = Vec::new();
        while let Some(frame) = within(deadline, "reading the answer", body.frame()).await? {
            if let Some(data) = frame.map_err(|error| failed(&error))?.data_ref() {
                if whole.len() + data.len() > limits.answer_kept {
                    return Err(Stop::Failed("the answer is too long".to_owned()));
                }
                whole.extend_from_slice(data);
            }
        }
        Ok(Bytes::from(whole))
    }

    /// The start of the body as text. Reads on after that, up to a limit, as some servers take a
    /// connection that closes while they write for a failed call.
    pub(super) async fn read_start(mut self, limits: &Limits, deadline: Instant) -> String {
        let body = self.response.body_mut();
        let mut kept = Vec::new();
        let mut read = 0;
        while read < limits.answer_read {
            // Out of time, broken off, or the end: what is there is what there is.
            let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else {
                break;
            };
            if let Some(data) = frame.data_ref() {
                read += data.len();
                let room = limits.answer_kept - kept.len();
                kept.extend_from_slice(&data[..room.min(data.len())]);
            }
        }
        readable(&kept, limits.answer_kept)
    }
}

/// Text that can be stored and shown as it is: control characters other than line ends and tabs,
/// and bytes that are no UTF-8, become U+FFFD. A character that the limit cut apart is left out.
fn readable(bytes: &[u8], limit: usize) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    };
    let mut text: String = String::from_utf8_lossy(whole)
        .chars()
        .map(|c| if c.is_control() && !matches!(c, '\n' | '\r' | '\t') { '\u{fffd}' } else { c })
        .collect();
    // A replacement takes more bytes than what it stands for.
    text.truncate(text.floor_char_boundary(limit));
    text
}

fn failed(error: &hyper::Error) -> Stop {
    use std::error::Error;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Stop::Failed(format!("no HTTP answer: {error}{cause}"))
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn an_answer_is_made_readable() {
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
            assert_eq!(readable(bytes, limit), expected, "{bytes:?}");
        }
    }
}
