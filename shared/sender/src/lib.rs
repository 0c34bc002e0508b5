//! The one way out over HTTP: sends one call to a URL that somebody else chose.
//!
//! Called by the worker that delivers callbacks, which retries what [`Sent::Failed`] reports and
//! gives up at [`Sent::Refused`], and by the client of Slack, which reads the answers.
//!
//! What it guarantees: a connection is only ever opened to an address that was checked a moment
//! before, by the rules of [`handrail_domain::outbound`]; the name is resolved once and not again
//! between check and connection. A redirect is an answer like any other. The whole call
//! ends at the deadline, and no answer makes it keep more than [`Limits`] says.
//!
//! What it deliberately does not do: retry, sign, reuse connections, use a proxy, or log.

mod address;
mod answer;
mod connection;
mod request;

use std::time::Duration;

use bytes::Bytes;
use handrail_domain::outbound::{OutboundUrl, Reach};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use address::Lookup;
use answer::Answer;

/// Cheap to clone: the clones share one TLS configuration.
#[derive(Clone)]
pub struct Sender {
    reach: Reach,
    limits: Limits,
    lookup: Lookup,
    tls: TlsConnector,
}

impl Sender {
    pub fn new(reach: Reach, limits: Limits) -> Self {
        let tls = connection::tls_connector(connection::public_roots());
        Self { reach, limits, lookup: address::system_lookup(), tls }
    }

    /// Posts the body as JSON. Dropping the future closes the connection.
    pub async fn post(&self, out: &Outgoing) -> Sent {
        let started = Instant::now();
        let outcome = self.try_post(out, started + self.limits.total).await;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok((status, body_start)) => Sent::Answered { status, body_start, took_ms },
            Err(Stop::Refused(why)) => Sent::Refused { why },
            Err(Stop::Failed(why)) => Sent::Failed { why, took_ms },
        }
    }

    /// Posts the body for a caller who reads the answer. One that is longer than is kept is a failure, not a part.
    pub async fn ask(&self, out: &Outgoing, content_type: &'static str) -> Called {
        let deadline = Instant::now() + self.limits.total;
        let asked = async {
            let answer = self.exchange(out, content_type, deadline).await?;
            let (status, retry_after_s) = (answer.status(), answer.retry_after_s());
            Ok(Called::Answered { status, retry_after_s, body: answer.read_whole(&self.limits, deadline).await? })
        };
        match asked.await {
            Ok(called) => called,
            Err(Stop::Refused(why)) => Called::Refused { why },
            Err(Stop::Failed(why)) => Called::Failed { why },
        }
    }

    async fn try_post(&self, out: &Outgoing, deadline: Instant) -> Result<(u16, String), Stop> {
        let answer = self.exchange(out, "application/json", deadline).await?;
        let status = answer.status();
        Ok((status, answer.read_start(&self.limits, deadline).await))
    }

    async fn exchange(&self, out: &Outgoing, content_type: &'static str, deadline: Instant) -> Result<Answer, Stop> {
        let url = OutboundUrl::parse(&out.url, self.reach).map_err(|fault| Stop::Refused(fault.to_string()))?;
        let request = request::build(&url, out, content_type)?;

        let addresses = address::checked(&url, self.reach, &self.lookup);
        let addresses = within(deadline, "looking up the host", addresses).await??;
        let tcp = connection::open_any(&addresses, deadline, self.limits.connect).await?;
        if url.is_https() {
            let tls = connection::secure(&self.tls, &url, tcp);
            let tls = within(deadline, "setting up TLS", tls).await??;
            answer::ask(tls, request, deadline).await
        } else {
            answer::ask(tcp, request, deadline).await
        }
    }
}

/// What one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the TCP connection to one address, so that a dead one leaves time for the next.
    pub connect: Duration,
    /// For everything, from looking up the name to the last byte that is read.
    pub total: Duration,
    /// How much of the answer's body is kept, in bytes of text.
    pub answer_kept: usize,
    /// How much of the answer's body is read before the connection is closed.
    pub answer_read: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
            answer_kept: 1024,
            answer_read: 64 * 1024,
        }
    }
}

/// A callback that is ready to be sent.
///
/// Has no `Debug`: the URL and the headers may carry what should not be in a log.
#[derive(Clone)]
pub struct Outgoing {
    pub url: String,
    /// Beside those the sender sets itself: `host`, `content-type`, `content-length`,
    /// `user-agent` and `connection`. Naming one of these gets the callback refused.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// What became of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver answered, whatever it said. The status counts from the moment it is read: when
    /// the body then breaks off or drips past the deadline, this is still the outcome, because
    /// sending again would repeat what the receiver has already judged.
    Answered { status: u16, body_start: String, took_ms: u64 },
    /// Must not be sent. Final: sending the same again meets the same refusal.
    Refused { why: String },
    /// The network, TLS or the clock got in the way. May be tried again.
    Failed { why: String, took_ms: u64 },
}

/// What became of a call whose answer is read.
///
/// Has no `Debug`: an answer may hold a secret.
pub enum Called {
    Answered {
        status: u16,
        /// What the answer says of when to come again.
        retry_after_s: Option<u32>,
        body: Bytes,
    },
    /// As in [`Sent::Refused`].
    Refused { why: String },
    /// As in [`Sent::Failed`]; the other side may have done what it was asked.
    Failed { why: String },
}

/// Why there is no answer.
enum Stop {
    Refused(String),
    Failed(String),
}

async fn within<T>(deadline: Instant, doing: &str, work: impl Future<Output = T>) -> Result<T, Stop> {
    tokio::time::timeout_at(deadline, work).await.map_err(|_| Stop::Failed(format!("ran out of time {doing}")))
}

#[cfg(test)]
mod tests;
