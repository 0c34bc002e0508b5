//! Checks the OpenAPI documents by programs of others: a validator of the specification, and schemathesis, which sends
//! requests that it generates from the document and compares the responses with it.

use std::process::Command;

use handrail_platform::clock::{Clock, SystemClock};
use handrail_testkit::{TestServer, TestServerOptions};
use serde_json::json;

use crate::tools::{root, tool};

#[test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
fn independent_validator_accepts_the_documents() {
    let files: Vec<_> = std::fs::read_dir(root().join("openapi")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 6, "the documents were not found");
    let mut validator = Command::new(tool("openapi/bin/openapi-spec-validator"));
    let output = validator.arg("--schema").arg("3.1").args(&files).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.matches(": OK").count() == files.len(), "{stdout}\n{stderr}");
}

/// Operations that are not called: the stream of events does not end, and Slack is not there.
const NOT_CALLED: [&str; 2] = ["packets-events", "slack-oauth-callback"];
/// Seconds for all operations. The requests that cover each member of each operation take about half of it; the rest is
/// for random ones.
const SECONDS_MAX: &str = "90";
/// Responses that are compared: none may be a 5xx, and each has a documented status, content type and body.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn generated_requests_find_no_failure_and_no_undocumented_response() {
    let schemathesis = tool("openapi/bin/schemathesis");
    let mut server =
        TestServer::with(TestServerOptions { begins_at: Some(SystemClock.now()), ..TestServerOptions::default() })
            .await;
    server.ignore_messages("random requests cause mails and calls");
    // The clock stands still, so all requests are in one minute.
    let key = server.key_with(json!({"name": "schemathesis", "role": "admin", "requests_per_minute": 1_000_000})).await;
    let mut command = Command::new(schemathesis);
    command
        .args(["run", &format!("{}/openapi.json", server.running.origin), "--no-color", "--seed", "1"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--mode", "all"])
        .args(["--max-time", SECONDS_MAX, "--request-timeout", "20", "--workers", "2", "--continue-on-failure"])
        .args(["--header", &format!("Authorization: Bearer {}", key.key())])
        .args(["--header", &format!("X-API-Key: {}", key.key())])
        .args(NOT_CALLED.into_iter().flat_map(|operation| ["--exclude-operation-id", operation]))
        .current_dir(server.files.path())
        .env("no_proxy", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{stdout}");
    server.finish().await;
}
