//! Checks the OpenAPI documents by programs of others: a validator of the specification, and schemathesis, which sends
//! requests that it generates from the document and compares the responses with it.

use std::process::Command;

use handrail_platform::clock::{Clock, SystemClock};
use handrail_testkit::{Client, TestServer, TestServerOptions};
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

/// Responses that are compared: none may be a 5xx, and each has a documented status, content type and body.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Operations that no run calls: the stream of events does not end, and Slack is not there.
const NOT_CALLED: [&str; 2] = ["packets-events", "slack-oauth-callback"];
/// Operations that may end the key of a run, or lower its limits. They have a run of their own.
const ON_KEYS: [&str; 4] = ["auth-keys-change", "auth-keys-revoke", "keys-revoke", "keys-rotate"];
/// Operations of an operator.
const ON_TENANTS: [&str; 3] = ["tenants-create", "tenants-change", "tenants-delete"];

/// One run: seconds, key, and operations to call, or else those to leave out.
struct Run<'a> {
    seconds: u32,
    key: &'a str,
    only: &'a [&'a str],
    except: Vec<&'a str>,
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn generated_requests_find_no_failure_and_no_undocumented_response() {
    let mut server =
        TestServer::with(TestServerOptions { begins_at: Some(SystemClock.now()), ..TestServerOptions::default() })
            .await;
    server.ignore_messages("random requests cause mails and calls");
    // The clock stands still, so all requests of a key are in one minute.
    let admin = json!({"name": "schemathesis", "role": "admin", "requests_per_minute": 1_000_000});
    let (main, short_lived) = (server.key_with(admin.clone()).await, server.key_with(admin).await);
    write_settings(&server, &main).await;
    let except: Vec<&str> = NOT_CALLED.into_iter().chain(ON_KEYS).chain(ON_TENANTS).collect();
    // Requests that cover each member of each operation take about a third of the time, and random ones the rest.
    run(&server, Run { seconds: 70, key: main.key(), only: &[], except }).await;
    // The run was not one of refused requests only.
    main.get("/auth/me").await.expect(200);
    run(&server, Run { seconds: 10, key: &server.running.operator, only: &ON_TENANTS, except: Vec::new() }).await;
    run(&server, Run { seconds: 10, key: short_lived.key(), only: &ON_KEYS, except: Vec::new() }).await;
    server.finish().await;
}

/// Writes settings with ids that exist, so that requests get further than to a 404.
async fn write_settings(server: &TestServer, client: &Client) {
    let decision = client.post("/decisions", &server.decision_body()).await.expect(201).id();
    let agent = json!({"id": "a", "name": "A"});
    let packet = json!({"metadata": {"source_agent": agent, "target_agent": agent}, "context": {"summary": "s"}});
    let packet = client.of_packets().post("/api/v1/packets", &packet).await.expect(201).id();
    let settings = [(r"^/decisions/\\{id\\}", decision), (r"^/api/v1/packets/\\{id\\}", packet)].map(|(path, id)| {
        format!("[[operations]]\ninclude-path-regex = \"{path}\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n")
    });
    std::fs::write(server.files.path().join("schemathesis.toml"), settings.concat()).unwrap();
}

/// Lets schemathesis call the operations. Fails with its report if it finds a failure.
async fn run(server: &TestServer, run: Run<'_>) {
    let mut command = Command::new(tool("openapi/bin/schemathesis"));
    // One worker: Python 3.11 fails now and then if two threads parse code.
    command
        .args(["run", &format!("{}/openapi.json", server.running.origin), "--no-color", "--seed", "1"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--mode", "all"])
        .args(["--max-time", &run.seconds.to_string(), "--request-timeout", "20"])
        .arg("--continue-on-failure")
        .args(["--header", &format!("Authorization: Bearer {}", run.key)])
        .args(["--header", &format!("X-API-Key: {}", run.key)])
        .args(run.only.iter().flat_map(|operation| ["--include-operation-id", operation]))
        .args(run.except.iter().flat_map(|operation| ["--exclude-operation-id", operation]))
        .current_dir(server.files.path())
        .env("no_proxy", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{stdout}");
}
