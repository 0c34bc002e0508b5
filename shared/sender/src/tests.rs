mod address_checks;
mod certificate;
mod deadline;
mod responses;
mod server;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// Limits with timeouts that no passing test reaches and that end a hanging test.
const LONG_LIMITS: CallLimits = CallLimits {
    connect_timeout: Duration::from_secs(20),
    total_timeout: Duration::from_secs(20),
    max_body_kept: 1024,
    max_body_read: 64 * 1024,
};

const SHORT_LIMITS: CallLimits = CallLimits { total_timeout: Duration::from_millis(50), ..LONG_LIMITS };

fn loopback_sender(limits: CallLimits) -> Sender {
    Sender::new(AddressPolicy::AllowLoopback, limits)
}

fn request_to(url: impl Into<String>) -> OutboundRequest {
    OutboundRequest { url: url.into(), headers: Vec::new(), body: Bytes::from_static(b"{}") }
}

/// DNS lookup that returns the next of `responses` on each call, then the last one, for any host. Also returns the
/// counter of its calls.
fn fake_dns(responses: Vec<Vec<SocketAddr>>) -> (DnsLookup, Arc<AtomicUsize>) {
    let lookups = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lookups);
    let lookup: DnsLookup = Arc::new(move |_, _| {
        let index = count.fetch_add(1, Ordering::SeqCst);
        let response = responses[index.min(responses.len() - 1)].clone();
        Box::pin(async move { Ok(response) })
    });
    (lookup, lookups)
}

fn status_and_body(outcome: SendOutcome) -> (u16, String) {
    match outcome {
        SendOutcome::Responded { status, body_start, .. } => (status, body_start),
        other => panic!("{other:?}"),
    }
}

fn refusal_reason(outcome: SendOutcome) -> String {
    match outcome {
        SendOutcome::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn failure_reason(outcome: SendOutcome) -> String {
    match outcome {
        SendOutcome::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sender_is_send_and_sync() {
    fn check<T: Clone + Send + Sync>(_: &T) {}
    fn check_future<T: Send>(_: &T) {}
    let sender = loopback_sender(LONG_LIMITS);
    check(&sender);
    check_future(&sender.post(&request_to("http://example.com/")));
}
