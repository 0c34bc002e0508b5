//! Runs the unchanged published clients against this service. The tests are written in Python, like their users'
//! programs.
//!
//! `tests/conformance/published_client` has two versions of the decisions client: the last one whose `approve()` works,
//! and the newest. `tests/conformance/packets_client` has the only packets client.

use std::process::Command;

use handrail_platform::clock::{Clock, SystemClock};
use handrail_testkit::{TestServer, TestServerOptions};

use crate::tools::{root, tool};

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn the_published_client_0_3_works_unchanged() {
    works_unchanged("client-0.3", "published_client").await;
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn the_published_client_0_4_works_unchanged() {
    works_unchanged("client-0.4", "published_client").await;
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn the_published_client_of_packets_works_unchanged() {
    works_unchanged("packets-0.3", "packets_client").await;
}

async fn works_unchanged(client: &str, tests: &str) {
    let python = tool(&format!("{client}/bin/python"));
    // The client compares our times with the machine's clock.
    let mut server =
        TestServer::with(TestServerOptions { begins_at: Some(SystemClock.now()), ..TestServerOptions::default() })
            .await;
    server.ignore_messages("the client's own tests say what they expect");
    let mut python = Command::new(python);
    python
        // The README's example closes no connection, because its program ends.
        .args(["-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "--verbose"])
        .current_dir(root().join("tests/conformance").join(tests))
        .env("HANDRAIL_ORIGIN", &server.running.origin)
        .env("ADMIN_KEY", &server.running.key)
        .env("OPERATOR_KEY", &server.running.operator)
        .env_remove("HANDOVER_API_KEY")
        // Requests must not go through a proxy.
        .env("no_proxy", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || python.output()).await.unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}\n{}", String::from_utf8_lossy(&output.stdout));
    // Python succeeds without any test, so the count is checked.
    assert!(stderr.contains("\nRan ") && !stderr.contains("\nRan 0 "), "{stderr}");
    eprintln!("{stderr}");
    server.finish().await;
}
