//! `handrail audit verify` as a person calls it: files in, one answer out, and the exit code.

#![expect(clippy::unwrap_used, reason = "an unexpected value fails the test")]

use std::path::Path;
use std::process::{Command, Output};

use handrail_domain::ids::TenantId;
use handrail_domain::journal_export::{ExportFormat, ExportedRow};
use handrail_domain::merkle_tree::MerkleTree;
use handrail_domain::record::ChainHash;
use handrail_domain::time::Timestamp;
use handrail_secrets::journal_checkpoint::{JournalCheckpoint, checkpoint_key, journal_origin};
use handrail_secrets::purpose_key::PurposeKey;

const AT: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn tenant() -> TenantId {
    TenantId::new(AT, [1; 10])
}

fn row() -> ExportedRow {
    let previous = ChainHash::of_empty_journal(tenant()).to_hex();
    let row = ExportedRow {
        number: 1,
        at: AT,
        kind: "decision".to_owned(),
        record: "018f0000-0000-7000-8000-000000000002".to_owned(),
        seq: 1,
        from: None,
        to: Some("pending".to_owned()),
        entry: format!(r#"{{"at":"{AT}"}}"#),
        previous_hash: Some(previous.clone()),
        hash: Some(previous),
        tree_before: None,
        personal: None,
    };
    let hash = row.hashes().unwrap().unwrap().computed;
    ExportedRow { hash: Some(hash.to_hex()), ..row }
}

fn handrail(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_handrail")).args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn command_says_what_it_found_and_exits_accordingly() {
    let (folder, purpose_key) = (tempfile::tempdir().unwrap(), PurposeKey::new("the secret of this test"));
    let origin = journal_origin("https://handrail.example.com", tenant());
    let mut tree = MerkleTree::default();
    tree.push(row().hashes().unwrap().unwrap().stated);
    let note = JournalCheckpoint::new(origin.clone(), &tree).sign(&purpose_key).unwrap();
    let key = checkpoint_key(&purpose_key, &origin).unwrap().to_string();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("checkpoint", &note.to_string());
    write("export", &ExportFormat::Jsonl.encode(&row()));
    let verify = ["audit", "verify", "export", "--checkpoint", "checkpoint"];
    let output = handrail(folder.path(), &[verify.as_slice(), &["--previous", "checkpoint", "--key", &key]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("Rows 1 to 1 of the journal"), "{text}");
    let output = handrail(folder.path(), &verify);
    assert!(String::from_utf8(output.stdout).unwrap().contains("The signature was not checked"));
    write("export", &ExportFormat::Jsonl.encode(&ExportedRow { seq: 2, ..row() }));
    let output = handrail(folder.path(), &verify);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("Row 1 was changed"), "{text}");
    let output = handrail(folder.path(), &[verify.as_slice(), &["--key", "no key"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
