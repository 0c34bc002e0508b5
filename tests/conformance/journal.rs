//! The journal's export and checkpoint, checked by a program that shares no code with this service.

use std::path::Path;
use std::process::{Command, Output};

use handrail_testkit::TestServer;
use serde_json::json;

use crate::tools::{root, tool};

fn run_verifier(folder: &Path, export: &str, vkey: &str) -> Output {
    Command::new(tool("template/bin/python"))
        .arg("-B")
        .arg(root().join("tests/conformance/journal_verifier.py"))
        .args([export, "checkpoint", vkey])
        .current_dir(folder)
        .output()
        .unwrap()
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn independent_program_verifies_export_and_checkpoint() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test is about the journal");
    for notes in ["Schön – \"ok\"\n", "=1+1", "\u{2028}\ttab"] {
        let id = server.admin.post("/decisions", &server.decision_body()).await.expect(201).id();
        let answer = json!({"action": "approve", "notes": notes});
        server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    }
    server.run_due_work().await;
    let get = async |path: &str| server.admin.get(path).await.expect(200).text;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let (jsonl, csv) = (get("/audit/export").await, get("/audit/export?format=csv").await);
    write("checkpoint", &get("/audit/checkpoint").await);
    let vkey = get("/audit/key").await;
    for (name, text) in [("export.jsonl", &jsonl), ("export.csv", &csv)] {
        write(name, text);
        let output = run_verifier(folder.path(), name, vkey.trim_end());
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let changed = jsonl.replacen("approved", "rejected", 1);
    assert_ne!(changed, jsonl);
    write("changed.jsonl", &changed);
    assert!(!run_verifier(folder.path(), "changed.jsonl", vkey.trim_end()).status.success());
    for (from, to, is_refused) in [("=1+1", "=1+2", true), ("\"personal\":", "\"personal_was\":", false)] {
        let changed = jsonl.replace(from, to);
        assert_ne!(changed, jsonl, "{from}");
        write("changed.jsonl", &changed);
        let is_accepted = run_verifier(folder.path(), "changed.jsonl", vkey.trim_end()).status.success();
        assert_eq!(is_accepted, !is_refused, "{from} became {to}");
    }
    let forged = get("/audit/checkpoint").await.replace("\n6\n", "\n5\n");
    write("checkpoint", &forged);
    assert!(!run_verifier(folder.path(), "export.jsonl", vkey.trim_end()).status.success());
    server.finish().await;
}
