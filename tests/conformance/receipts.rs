//! Receipts, checked by a JOSE library that shares no code with this service.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use handrail_testkit::TestServer;
use serde_json::{Value, json};

use crate::tools::{root, tool};

fn run_verifier(input: &Value) -> Output {
    let mut verifier = Command::new(tool("local/bin/python"))
        .arg("-B")
        .arg(root().join("tests/conformance/receipt_verifier.py"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    verifier.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    verifier.wait_with_output().unwrap()
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn independent_jose_library_verifies_receipts() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test is about receipts");
    for answer in [json!({"action": "approve", "notes": "Schön – \"ok\"\n\u{2028}👍"}), json!({"action": "deny"})]
    {
        let mut body = server.decision_body();
        (body["tool"], body["arguments"]) = ("refund".into(), json!({"amount": 80.5}));
        let id = server.admin.post("/decisions", &body).await.expect(201).id();
        server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
        let mut input = server.admin.get(&format!("/decisions/{id}/receipt")).await.expect(200).json;
        input["jwks"] = server.admin.without_key().get("/.well-known/jwks.json").await.expect(200).json;
        let output = run_verifier(&input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        input["claims"]["status"] = "approved!".into();
        assert!(!run_verifier(&input).status.success(), "the program compares");
    }
    server.finish().await;
}
