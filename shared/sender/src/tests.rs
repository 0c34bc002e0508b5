mod answers;
mod certificate;
mod deadline;
mod guard;
mod server;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Long enough to be the reason for nothing, short enough to end a test that hangs.
const AMPLE: Limits = Limits {
    connect: Duration::from_secs(20),
    total: Duration::from_secs(20),
    answer_kept: 1024,
    answer_read: 64 * 1024,
};

const SHORT: Limits = Limits { total: Duration::from_millis(50), ..AMPLE };

fn local(limits: Limits) -> Sender {
    Sender::new(Reach::LoopbackToo, limits)
}

fn to(url: impl Into<String>) -> Outgoing {
    Outgoing { url: url.into(), headers: Vec::new(), body: Bytes::from_static(b"{}") }
}

/// A DNS in which every name has the same addresses, and the number of times it was asked. From the
/// second time on, it gives the later ones of the answers it was given.
fn dns(answers: Vec<Vec<SocketAddr>>) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_, _| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let answer = answers[turn.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    });
    (lookup, asked)
}

fn status_and_body(sent: Sent) -> (u16, String) {
    match sent {
        Sent::Answered { status, body_start, .. } => (status, body_start),
        other => panic!("{other:?}"),
    }
}

fn refusal(sent: Sent) -> String {
    match sent {
        Sent::Refused { why } => why,
        other => panic!("{other:?}"),
    }
}

fn failure(sent: Sent) -> String {
    match sent {
        Sent::Failed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sender_can_be_used_from_any_task() {
    fn check<T: Clone + Send + Sync>(_: &T) {}
    fn check_future<T: Send>(_: &T) {}
    let sender = local(AMPLE);
    check(&sender);
    check_future(&sender.post(&to("http://example.com/")));
}
