//! The clients that vendors publish, unchanged, against this service. The tests themselves are in Python, as their users are.
//!
//! For decisions the last version whose `approve()` works, and the newest: `tests/conformance/published_client`. For packets
//! the only one there is: `tests/conformance/packets_client`.

use std::process::Command;

use handrail_kernel::clock::{Clock, SystemClock};
use handrail_testkit::{World, WorldOptions};

use crate::tools::{root, tools};

#[tokio::test]
async fn the_published_client_0_3_works_unchanged() {
    works_unchanged("client-0.3", "published_client").await;
}

#[tokio::test]
async fn the_published_client_0_4_works_unchanged() {
    works_unchanged("client-0.4", "published_client").await;
}

#[tokio::test]
async fn the_published_client_of_packets_works_unchanged() {
    works_unchanged("packets-0.3", "packets_client").await;
}

async fn works_unchanged(client: &str, tests: &str) {
    let Some(tools) = tools() else {
        eprintln!("left out: HANDRAIL_TOOLS does not say where the published client is");
        return;
    };
    // It compares our times with its own machine's.
    let world = World::with(WorldOptions { begins_at: Some(SystemClock.now()), ..WorldOptions::default() }).await;
    let mut python = Command::new(tools.join(client).join("bin/python"));
    python
        // The README's example closes nothing, as a program that ends.
        .args(["-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "--verbose"])
        .current_dir(root().join("tests/conformance").join(tests))
        .env("HANDRAIL_ORIGIN", &world.running.origin)
        .env("ADMIN_KEY", &world.running.key)
        .env("OPERATOR_KEY", &world.running.operator)
        .env_remove("HANDOVER_API_KEY")
        // No proxy may stand between it and this process.
        .env("no_proxy", "127.0.0.1");
    let ran = tokio::task::spawn_blocking(move || python.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stdout));
    // Python is content when it finds no test at all.
    assert!(said.contains("\nRan ") && !said.contains("\nRan 0 "), "{said}");
    eprintln!("{said}");
    world.running.stop().await;
}
