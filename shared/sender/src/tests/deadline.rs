use std::io::Write;

use super::server::{serve, wait_for_close, write_slowly};
use super::*;

/// Asserts that the call ended at its deadline of 50 ms, long before the timeout of a test.
fn assert_ended_at_deadline(took_ms: u64) {
    assert!((45..10_000).contains(&took_ms), "{took_ms}");
}

fn assert_timed_out(outcome: SendOutcome, step: &str) {
    match outcome {
        SendOutcome::Failed { reason, timed_out, took_ms } => {
            assert!(timed_out, "{reason}");
            assert_eq!(reason, format!("ran out of time {step}"));
            assert_ended_at_deadline(took_ms);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn silent_server_times_out() {
    let server = serve(wait_for_close);
    let outcome = loopback_sender(SHORT_LIMITS).post(&request_to(server.url())).await;
    assert_timed_out(outcome, "waiting for the response");
    server.finish().await;
}

#[tokio::test]
async fn slow_response_head_times_out() {
    let server = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        write_slowly(stream, "x: y\r\n");
    });
    assert_timed_out(loopback_sender(SHORT_LIMITS).post(&request_to(server.url())).await, "waiting for the response");
    server.finish().await;
}

#[tokio::test]
async fn slow_response_body_still_reports_the_status() {
    let server = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nstart").unwrap();
        write_slowly(stream, ".");
    });
    match loopback_sender(SHORT_LIMITS).post(&request_to(server.url())).await {
        SendOutcome::Responded { status, body_start, took_ms } => {
            assert_eq!(status, 200);
            assert!(body_start.starts_with("start"), "{body_start}");
            assert!(body_start.len() < 1024, "{body_start}");
            assert_ended_at_deadline(took_ms);
        }
        other => panic!("{other:?}"),
    }
    server.finish().await;
}

#[tokio::test]
async fn hanging_tls_handshake_times_out() {
    let server = serve(|_| ());
    let url = format!("https://{}/", server.address);
    let outcome = loopback_sender(SHORT_LIMITS).post(&request_to(url)).await;
    assert_timed_out(outcome, "setting up TLS");
}

#[tokio::test]
async fn hanging_dns_lookup_times_out() {
    let dns_lookup: DnsLookup = Arc::new(|_, _| Box::pin(std::future::pending()));
    let sender = Sender { dns_lookup, ..loopback_sender(SHORT_LIMITS) };
    let outcome = sender.post(&request_to("http://hook.example.com/")).await;
    assert_timed_out(outcome, "looking up the host");
}

#[tokio::test]
async fn dropped_call_closes_the_connection() {
    let (reached, request_arrived) = tokio::sync::oneshot::channel();
    let server = serve(|stream| {
        reached.send(()).unwrap();
        wait_for_close(stream);
    });
    let sender = loopback_sender(LONG_LIMITS);
    let out = request_to(server.url());
    tokio::select! {
        outcome = sender.post(&out) => panic!("{outcome:?}"),
        arrived = request_arrived => arrived.unwrap(),
    }
    server.finish().await;
}
