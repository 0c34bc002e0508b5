//! `handrail verify-receipt` as a person calls it: files in, one line out, and the exit code.

#![expect(clippy::unwrap_used, reason = "an unexpected value fails the test")]

use std::path::Path;
use std::process::{Command, Output};

use handrail_domain::decision::{RECEIPT_TYPE, action_hash};
use handrail_secrets::jwk_set::JwkSet;
use handrail_secrets::jws;
use handrail_secrets::purpose_key::PurposeKey;
use handrail_secrets::signing_key::{SigningKey, SigningPurpose};
use serde_json::{Value, json};

const SECRET: &str = "the secret of the service that signs";

fn signing_key() -> SigningKey {
    SigningKey::new(&PurposeKey::new(SECRET), SigningPurpose::Receipts)
}

fn claims(status: &str) -> Value {
    json!({
        "iss": "https://handrail.example.com",
        "jti": "018f0000-0000-7000-8000-000000000002",
        "iat": 1_700_000_000,
        "status": status,
        "action_hash": action_hash("Deploy", None, None),
        "tool": null,
        "single_use": false,
        "valid_until": null,
        "decided_at": "2023-11-14T22:13:20.000Z",
        "resolved_by": "ann@example.com",
        "resolved_via": "mail_link",
        "asked_by": {"id": "key_01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "deploy agent"},
        "shown_hash": null,
        "policy": null,
        "response": {"notes": null, "response_data": null},
        "log_hash": "00",
        "env": "live",
        "a_later_claim": true,
    })
}

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_handrail"))
        .args([&["verify-receipt", "receipt"], arguments].concat())
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .env_remove("HANDRAIL_JWKS")
        .env_remove("HANDRAIL_DATA")
        .output()
        .unwrap()
}

fn lines(output: &Output) -> (bool, String) {
    let text = String::from_utf8([output.stdout.as_slice(), output.stderr.as_slice()].concat()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.success(), text)
}

#[test]
fn command_says_in_one_line_what_a_receipt_proves() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let sign = |status: &str| write("receipt", &jws::sign(&signing_key(), RECEIPT_TYPE, &claims(status).to_string()));
    write("jwks.json", &JwkSet::new(vec![signing_key().public_key()]).to_json().to_string());
    let keys = ["--jwks", "jwks.json"];
    sign("approved");
    let approved = "approved: ann@example.com (mail_link) approved the action sha256:";
    assert!(matches!(lines(&verify(folder.path(), &keys)), (true, line) if line.starts_with(approved)));
    let given = lines(&verify(folder.path(), &[keys.as_slice(), &["--action", "Deploy"]].concat()));
    assert!(matches!(given, (true, line) if line.contains("exactly the given action (Deploy)")));
    let other = lines(&verify(folder.path(), &[keys.as_slice(), &["--action", "Deploy!"]].concat()));
    assert!(matches!(other, (false, line) if line.starts_with("Error: another action: ")));
    sign("denied");
    let denied = lines(&verify(folder.path(), &keys));
    assert!(matches!(denied, (false, line) if line.starts_with("Error: not approved: ann@example.com")));
    sign("approved!");
    assert!(!lines(&verify(folder.path(), &keys)).0);
    write("receipt", &jws::sign(&signing_key(), "JWT", &claims("approved").to_string()));
    assert!(!lines(&verify(folder.path(), &keys)).0);
}

#[test]
fn keys_come_from_the_data_folder_if_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("receipt", &jws::sign(&signing_key(), RECEIPT_TYPE, &claims("approved").to_string()));
    let missing = lines(&verify(folder.path(), &[]));
    assert!(matches!(missing, (false, line) if line.contains("--jwks")));
    std::fs::create_dir(folder.path().join(".handrail")).unwrap();
    write(".handrail/master.key", SECRET);
    assert!(lines(&verify(folder.path(), &[])).0);
    write(".handrail/master.key", "the secret of another service, which signed nothing");
    assert!(!lines(&verify(folder.path(), &[])).0);
    write("jwks.json", r#"{"keys": []}"#);
    assert!(!lines(&verify(folder.path(), &["--jwks", "jwks.json"])).0);
}
