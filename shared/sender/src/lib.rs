//! HTTP client for URLs that users and tenants choose. Calls to Slack use this client too.
//!
//! Called by the worker of callbacks and webhook deliveries, which retries [`SendOutcome::Failed`] but not
//! [`SendOutcome::Refused`], and by the Slack client, which reads the responses.
//!
//! Guarantees: connections are opened only to addresses checked by the rules of [`handrail_domain::outbound`], and a
//! name is resolved once, so the address cannot change after the check. Redirects are not followed. A call ends at its
//! deadline and keeps no more of a response than [`CallLimits`] allows.
//!
//! Deliberately missing: retries, signatures, connection reuse, proxies and logs.

mod address;
mod call_limits;
mod connection;
mod request;
mod response;
mod send_error;

use bytes::Bytes;
use handrail_domain::outbound::{AddressPolicy, OutboundUrl};
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

pub use call_limits::CallLimits;
pub use request::OutboundRequest;

use address::DnsLookup;
use response::ReceiverResponse;
use send_error::{SendError, with_deadline};

/// HTTP client for outbound calls. Cheap to clone: the clones share one TLS configuration.
#[derive(Clone)]
pub struct Sender {
    address_policy: AddressPolicy,
    limits: CallLimits,
    dns_lookup: DnsLookup,
    tls: TlsConnector,
}

impl Sender {
    pub fn new(address_policy: AddressPolicy, limits: CallLimits) -> Self {
        let tls = connection::tls_connector(connection::public_roots());
        Self { address_policy, limits, dns_lookup: address::system_dns_lookup(), tls }
    }

    /// Posts the body as JSON. Dropping the future closes the connection.
    pub async fn post(&self, out: &OutboundRequest) -> SendOutcome {
        let started = Instant::now();
        let outcome = self.try_post(out, started + self.limits.total_timeout).await;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok((status, body_start)) => SendOutcome::Responded { status, body_start, took_ms },
            Err(SendError::Refused(reason)) => SendOutcome::Refused { reason },
            Err(SendError::Failed(reason)) => SendOutcome::Failed { reason, timed_out: false, took_ms },
            Err(SendError::TimedOut(reason)) => SendOutcome::Failed { reason, timed_out: true, took_ms },
        }
    }

    /// Posts the body and returns the full response body. A response body longer than `max_body_kept` is a failure.
    pub async fn post_and_read(&self, out: &OutboundRequest, content_type: &'static str) -> CallOutcome {
        self.read(&out.url, |url| request::build(url, out, content_type)).await
    }

    /// Reads a document and returns it in full, as [`Self::post_and_read`] does.
    pub async fn get_and_read(&self, url: &str) -> CallOutcome {
        self.read(url, request::build_get).await
    }

    async fn read(
        &self,
        url: &str,
        build: impl FnOnce(&OutboundUrl) -> Result<Request<Full<Bytes>>, SendError>,
    ) -> CallOutcome {
        let deadline = Instant::now() + self.limits.total_timeout;
        let exchange = async {
            let response = self.exchange(url, build, deadline).await?;
            let (status, retry_after_s) = (response.status(), response.retry_after_s());
            Ok(CallOutcome::Responded {
                status,
                retry_after_s,
                body: response.read_full_body(&self.limits, deadline).await?,
            })
        };
        match exchange.await {
            Ok(responded) => responded,
            Err(SendError::Refused(reason)) => CallOutcome::Refused { reason },
            Err(SendError::Failed(reason) | SendError::TimedOut(reason)) => CallOutcome::Failed { reason },
        }
    }

    async fn try_post(&self, out: &OutboundRequest, deadline: Instant) -> Result<(u16, String), SendError> {
        let response = self.exchange(&out.url, |url| request::build(url, out, "application/json"), deadline).await?;
        let status = response.status();
        Ok((status, response.read_body_start(&self.limits, deadline).await))
    }

    async fn exchange(
        &self,
        url: &str,
        build: impl FnOnce(&OutboundUrl) -> Result<Request<Full<Bytes>>, SendError>,
        deadline: Instant,
    ) -> Result<ReceiverResponse, SendError> {
        let url =
            OutboundUrl::parse(url, self.address_policy).map_err(|fault| SendError::Refused(fault.to_string()))?;
        let request = build(&url)?;

        let addresses = address::resolve_allowed_addresses(&url, self.address_policy, &self.dns_lookup);
        let addresses = with_deadline(deadline, "looking up the host", addresses).await??;
        let tcp = connection::connect_any(&addresses, deadline, self.limits.connect_timeout).await?;
        if url.is_https() {
            let tls = connection::start_tls(&self.tls, &url, tcp);
            let tls = with_deadline(deadline, "setting up TLS", tls).await??;
            response::send_request(tls, request, deadline).await
        } else {
            response::send_request(tcp, request, deadline).await
        }
    }
}

/// Result of [`Sender::post`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The receiver responded, with any status. The status also counts if the body then breaks off or misses the
    /// deadline, because the receiver has handled the request already.
    Responded { status: u16, body_start: String, took_ms: u64 },
    /// The request must not be sent. A retry would be refused again.
    Refused { reason: String },
    /// The network, TLS or a timeout stopped the call. A retry may help.
    Failed {
        reason: String,
        /// The receiver was silent until a timeout, which occupied the caller for all of `took_ms`.
        timed_out: bool,
        took_ms: u64,
    },
}

/// Result of [`Sender::post_and_read`].
///
/// Does not implement `Debug`, because a response may contain a secret.
pub enum CallOutcome {
    Responded {
        status: u16,
        /// Value of the `retry-after` header.
        retry_after_s: Option<u32>,
        body: Bytes,
    },
    /// The request must not be sent, as in [`SendOutcome::Refused`].
    Refused { reason: String },
    /// The call failed, as in [`SendOutcome::Failed`]. The receiver may have handled the request.
    Failed { reason: String },
}

#[cfg(test)]
mod tests;
