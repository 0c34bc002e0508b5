use std::io::Write;

use super::server::{drip, serve, wait_for_close};
use super::*;

/// The call took as long as it was given, and not the much longer time a test may take.
fn assert_cut_off(took_ms: u64) {
    assert!((45..10_000).contains(&took_ms), "{took_ms}");
}

fn assert_out_of_time(sent: Sent, doing: &str) {
    match sent {
        Sent::Failed { why, took_ms } => {
            assert_eq!(why, format!("ran out of time {doing}"));
            assert_cut_off(took_ms);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    let server = serve(wait_for_close);
    let sent = local(SHORT).post(&to(server.url())).await;
    assert_out_of_time(sent, "waiting for the answer");
    server.finish().await;
}

#[tokio::test]
async fn a_head_that_drips_is_left() {
    let server = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        drip(stream, "x: y\r\n");
    });
    assert_out_of_time(local(SHORT).post(&to(server.url())).await, "waiting for the answer");
    server.finish().await;
}

#[tokio::test]
async fn a_body_that_drips_is_left_and_the_status_counts() {
    let server = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nstart").unwrap();
        drip(stream, ".");
    });
    match local(SHORT).post(&to(server.url())).await {
        Sent::Answered { status, body_start, took_ms } => {
            assert_eq!(status, 200);
            assert!(body_start.starts_with("start"), "{body_start}");
            assert!(body_start.len() < 1024, "{body_start}");
            assert_cut_off(took_ms);
        }
        other => panic!("{other:?}"),
    }
    server.finish().await;
}

#[tokio::test]
async fn a_handshake_that_hangs_is_left() {
    let server = serve(|_| ());
    let url = format!("https://{}/", server.address);
    let sent = local(SHORT).post(&to(url)).await;
    assert_out_of_time(sent, "setting up TLS");
}

#[tokio::test]
async fn a_resolver_that_hangs_is_left() {
    let lookup: Lookup = Arc::new(|_, _| Box::pin(std::future::pending()));
    let sender = Sender { lookup, ..local(SHORT) };
    let sent = sender.post(&to("http://hook.example.com/")).await;
    assert_out_of_time(sent, "looking up the host");
}

#[tokio::test]
async fn dropping_the_call_closes_the_connection() {
    let (reached, told) = tokio::sync::oneshot::channel();
    let server = serve(|stream| {
        reached.send(()).unwrap();
        wait_for_close(stream);
    });
    let sender = local(AMPLE);
    let out = to(server.url());
    tokio::select! {
        sent = sender.post(&out) => panic!("{sent:?}"),
        told = told => told.unwrap(),
    }
    server.finish().await;
}
