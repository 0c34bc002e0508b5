//! Attacks on an export. Each must be found, with the row named.

use handrail_domain::ids::TenantId;
use handrail_domain::journal_export::ExportFormat;
use handrail_domain::personal_values::HashedEntry;
use handrail_domain::time::Timestamp;

use super::*;

const AT: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn tenant(byte: u8) -> TenantId {
    TenantId::new(AT, [byte; 10])
}

/// Row with the given text, chained to the row before.
fn row(number: u64, text: &str, previous: ChainHash) -> ExportedRow {
    let mut row = ExportedRow {
        number,
        at: AT,
        kind: "decision".to_owned(),
        record: "018f0000-0000-7000-8000-000000000002".to_owned(),
        seq: number,
        from: None,
        to: Some("pending".to_owned()),
        entry: format!(r#"{{"at":"{AT}","text":"{text}"}}"#),
        previous_hash: Some(previous.to_hex()),
        hash: Some(previous.to_hex()),
        tree_before: None,
        personal: None,
    };
    rehash(&mut row);
    row
}

/// Computes the hash of a changed row again, as a forger does.
fn rehash(row: &mut ExportedRow) {
    let computed = row.hashes().unwrap().unwrap().computed;
    row.hash = Some(computed.to_hex());
}

fn own_hash(row: &ExportedRow) -> ChainHash {
    row.hashes().unwrap().unwrap().stated
}

/// Chains rows with the given texts.
fn chain(texts: &[&str]) -> Vec<ExportedRow> {
    let mut previous = ChainHash::of_empty_journal(tenant(1));
    let mut rows = Vec::new();
    for (number, text) in (1..).zip(texts) {
        rows.push(row(number, text, previous));
        previous = own_hash(&rows[rows.len() - 1]);
    }
    rows
}

fn rows() -> Vec<ExportedRow> {
    chain(&["one", "two", "three", "four", "five", "six", "seven"])
}

fn tree_of(rows: &[ExportedRow]) -> MerkleTree {
    let mut tree = MerkleTree::default();
    rows.iter().for_each(|row| tree.push(own_hash(row)));
    tree
}

fn checkpoint(size: usize) -> JournalCheckpoint {
    JournalCheckpoint::new(format!("example.com/{}", tenant(1)), &tree_of(&rows()[..size]))
}

fn file(rows: &[ExportedRow], format: ExportFormat) -> String {
    format.header().unwrap_or_default() + &rows.iter().map(|row| format.encode(row)).collect::<String>()
}

/// Verifies in both formats, which must agree.
fn check(
    rows: &[ExportedRow],
    checkpoint: &JournalCheckpoint,
    previous: Option<&JournalCheckpoint>,
) -> Result<Verified, Finding> {
    let [first, second] = ExportFormat::ALL.map(|format| verify(file(rows, format).as_bytes(), checkpoint, previous));
    assert_eq!(first, second);
    first
}

fn row_of_finding(rows: &[ExportedRow]) -> u64 {
    check(rows, &checkpoint(7), Some(&checkpoint(3))).unwrap_err().row.unwrap()
}

#[test]
fn untouched_export_is_verified() {
    let verified = check(&rows(), &checkpoint(7), Some(&checkpoint(3))).unwrap();
    assert_eq!((verified.rows, verified.covered_up_to, verified.unchanged_up_to), (Some((1, 7)), 7, Some(3)));
    let older = check(&rows(), &checkpoint(5), None).unwrap();
    assert!(older.to_string().contains("Rows 6 to 7 are newer than the checkpoint"), "{older}");
    assert_eq!(check(&[], &checkpoint(0), Some(&checkpoint(0))).unwrap().rows, None);
}

#[test]
fn every_changed_byte_is_found_at_its_row() {
    for format in ExportFormat::ALL {
        let whole = file(&rows(), format);
        let header = format.header().unwrap_or_default().len();
        for position in header..whole.len() {
            let number = u64::try_from(whole[..position].matches('\n').count()).unwrap() + u64::from(header == 0);
            let mut bytes = whole.clone().into_bytes();
            bytes[position] ^= 1;
            let finding = verify(bytes.as_slice(), &checkpoint(7), None).unwrap_err();
            // A changed number looks like a row that was moved, and a changed end of line like the row after it.
            let row = finding.row.unwrap();
            let is_near = row == number || row == number + 1 || finding.message.contains(&format!("row {number}"));
            assert!(is_near || finding.message.contains("moved"), "row {number}, position {position}: {finding}");
        }
    }
}

#[test]
fn changed_row_is_named() {
    let mut changed = rows();
    changed[3].entry = changed[3].entry.replace("four", "tour");
    assert_eq!(row_of_finding(&changed), 4);
    rehash(&mut changed[3]);
    let finding = check(&changed, &checkpoint(7), None).unwrap_err();
    assert_eq!((finding.row, finding.message.contains("does not continue row 4")), (Some(4), true), "{finding}");
}

#[test]
fn changed_personal_values_are_found_and_erased_ones_accepted() {
    let stored = format!(r#"{{"at":"{AT}","by":"ann@example.com","personal":["/by"],"salt":"07"}}"#);
    let hashed = HashedEntry::of_stored(&stored);
    let mut row = ExportedRow { entry: hashed.text, personal: hashed.personal, ..rows()[0].clone() };
    rehash(&mut row);
    let mut tree = MerkleTree::default();
    tree.push(own_hash(&row));
    let checkpoint = JournalCheckpoint::new(format!("example.com/{}", tenant(1)), &tree);
    let verify_with = |personal: Option<String>| check(&[ExportedRow { personal, ..row.clone() }], &checkpoint, None);
    assert!(verify_with(row.personal.clone()).is_ok());
    assert!(verify_with(None).is_ok(), "the values were erased");
    let changed = row.personal.as_ref().map(|personal| personal.replace("ann", "bob"));
    let finding = verify_with(changed).unwrap_err();
    assert_eq!((finding.row, finding.message.contains("personal values")), (Some(1), true), "{finding}");
}

#[test]
fn removed_row_is_named() {
    for index in 0..7 {
        let mut shorter = rows();
        shorter.remove(index);
        assert_eq!(row_of_finding(&shorter), index as u64 + 1);
    }
    // The rows after it are numbered anew.
    let mut renumbered = rows();
    renumbered.remove(3);
    for (number, row) in (1..).zip(&mut renumbered) {
        row.number = number;
    }
    assert_eq!(row_of_finding(&renumbered), 4);
}

#[test]
fn moved_rows_are_named() {
    let mut swapped = rows();
    swapped.swap(2, 3);
    let finding = check(&swapped, &checkpoint(7), None).unwrap_err();
    assert_eq!((finding.row, finding.message.as_str()), (Some(3), "Row 3 was moved: it stands after row 4."));
    let mut moved = rows();
    let first = moved.remove(0);
    moved.push(first);
    assert!(check(&moved, &checkpoint(7), None).is_err());
}

#[test]
fn added_row_is_named() {
    let mut added = rows();
    added.insert(3, row(4, "forged", own_hash(&rows()[2])));
    assert_eq!(row_of_finding(&added), 4);
    // The rows after it are numbered anew.
    for (number, row) in (1..).zip(&mut added) {
        row.number = number;
    }
    assert_eq!(row_of_finding(&added), 4);
    let mut twice = rows();
    twice.insert(3, rows()[2].clone());
    assert_eq!(row_of_finding(&twice), 3);
}

#[test]
fn rewritten_chain_is_found_by_the_checkpoints() {
    let rewritten = chain(&["one", "two", "three", "four", "FIVE", "six", "seven"]);
    assert_eq!(row_of_finding(&rewritten), 4, "the earlier checkpoint covers rows 1 to 3");
    let finding = check(&rewritten, &checkpoint(7), Some(&checkpoint(4))).unwrap_err();
    assert!(finding.message.contains("one of the rows 5 to 7 was changed"), "{finding}");
    let from_the_beginning = chain(&["ONE", "two", "three", "four", "five", "six", "seven"]);
    assert_eq!(row_of_finding(&from_the_beginning), 1);
    // A service that signs the rewritten journal is found by whoever has an earlier checkpoint.
    let signed = JournalCheckpoint::new(checkpoint(7).origin, &tree_of(&from_the_beginning));
    let finding = check(&from_the_beginning, &signed, Some(&checkpoint(3))).unwrap_err();
    assert!(finding.message.starts_with("The earlier checkpoint covers other rows"), "{finding}");
}

#[test]
fn truncated_export_is_found() {
    assert_eq!(row_of_finding(&rows()[..5]), 6);
    assert_eq!(row_of_finding(&[]), 1);
    for format in ExportFormat::ALL {
        let whole = file(&rows(), format);
        let cut = verify(&whole.as_bytes()[..whole.len() - 1], &checkpoint(7), None).unwrap_err();
        assert_eq!(cut.row, Some(7), "{cut}");
    }
}

#[test]
fn checkpoint_of_another_journal_is_found() {
    let other = JournalCheckpoint { origin: format!("example.com/{}", tenant(2)), ..checkpoint(7) };
    let finding = check(&rows(), &other, None).unwrap_err();
    assert!(finding.row == Some(1) && finding.message.contains("another account"), "{finding}");
    assert!(check(&rows(), &checkpoint(7), Some(&other)).is_err());
    assert!(check(&rows(), &checkpoint(3), Some(&checkpoint(7))).is_err());
    let no_journal = JournalCheckpoint { origin: "example.com".to_owned(), ..checkpoint(7) };
    assert!(check(&rows(), &no_journal, None).is_err());
}

/// A part is checked against the tree before it, which the checkpoint's root covers.
#[test]
fn part_of_an_export_is_verified() {
    let part = |first: usize| {
        let mut part = rows()[first..].to_vec();
        part[0].tree_before = Some(tree_of(&rows()[..first]).to_string());
        part
    };
    let verified = check(&part(4), &checkpoint(7), Some(&checkpoint(5))).unwrap();
    assert_eq!((verified.rows, verified.unchanged_up_to), (Some((5, 7)), Some(5)));
    assert!(check(&part(4), &checkpoint(7), Some(&checkpoint(4))).is_ok());
    assert!(check(&part(4), &checkpoint(7), Some(&checkpoint(3))).is_err(), "the part says nothing of row 4");
    assert!(check(&part(4), &checkpoint(3), None).is_err());
    let mut forged = part(4);
    forged[0].tree_before = Some(tree_of(&chain(&["ONE", "two", "three", "four"])).to_string());
    assert!(check(&forged, &checkpoint(7), None).unwrap_err().message.starts_with("The checkpoint covers other rows"));
    let parts = [&rows()[..4], &part(4)].concat();
    assert!(check(&parts, &checkpoint(7), None).is_ok(), "the parts one after the other are the export");
}

#[test]
fn rows_without_hashes_are_accepted_only_before_the_chain() {
    let old = |number: u64| {
        let hash = ChainHash::of_empty_journal(tenant(1));
        ExportedRow { previous_hash: None, hash: None, to: None, ..row(number, "old", hash) }
    };
    let mut previous = ChainHash::of_empty_journal(tenant(1));
    let mut rows = vec![old(1), old(2)];
    for number in 3..6 {
        rows.push(row(number, "new", previous));
        previous = own_hash(&rows[rows.len() - 1]);
    }
    let checkpoint = JournalCheckpoint::new(checkpoint(0).origin, &tree_of(&rows[2..]));
    let verified = check(&rows, &checkpoint, None).unwrap();
    assert_eq!((verified.unchained, verified.covered_up_to), (2, 5));
    assert!(verified.to_string().contains("Rows 1 to 2 have no hash"), "{verified}");
    let mut stripped = rows.clone();
    (stripped[2].previous_hash, stripped[2].hash) = (None, None);
    assert_eq!(check(&stripped, &checkpoint, None).unwrap_err().row, Some(4));
    (stripped[2], stripped[3]) = (rows[2].clone(), ExportedRow { previous_hash: None, hash: None, ..rows[3].clone() });
    assert_eq!(check(&stripped, &checkpoint, None).unwrap_err().row, Some(4));
}
