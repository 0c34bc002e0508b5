//! The check of an export: each row continues the row before it, and the checkpoints cover the hashes of the rows.

use std::fmt;
use std::io::BufRead;

use handrail_domain::journal_export::{ExportedRow, RowHashes};
use handrail_domain::merkle_tree::MerkleTree;
use handrail_domain::record::ChainHash;
use handrail_secrets::journal_checkpoint::JournalCheckpoint;

use super::finding::Finding;
use super::rows::Rows;

/// Export in which every row is as the checkpoint says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub origin: String,
    /// Numbers of the first and the last row. `None`: the export is empty.
    pub rows: Option<(u64, u64)>,
    /// Rows at the beginning that have no hash, because a version wrote them that did not chain rows.
    pub unchained: u64,
    /// Number of the last row that the checkpoint covers.
    pub covered_up_to: u64,
    /// Number of the last row that the earlier checkpoint covers, if there is one.
    pub unchanged_up_to: Option<u64>,
    pub is_signature_checked: bool,
}

pub(super) fn verify(
    export: impl BufRead,
    checkpoint: &JournalCheckpoint,
    previous: Option<&JournalCheckpoint>,
) -> Result<Verified, Finding> {
    check_order(checkpoint, previous)?;
    let mut rows = Rows::new(export);
    let mut progress = Progress::new(checkpoint, previous);
    while let Some(row) = rows.next()? {
        if let Some(expected) = progress.next_number().filter(|expected| *expected != row.number) {
            return Err(misplaced(&mut rows, expected, row.number));
        }
        progress.add(&row)?;
    }
    progress.finish()
}

/// Checks that the two checkpoints are of one journal, the earlier one first.
fn check_order(checkpoint: &JournalCheckpoint, previous: Option<&JournalCheckpoint>) -> Result<(), Finding> {
    let Some(previous) = previous else { return Ok(()) };
    if previous.origin != checkpoint.origin {
        let message = format!("The checkpoints are of two journals: {} and {}.", previous.origin, checkpoint.origin);
        return Err(Finding::new(None, message));
    }
    if previous.size > checkpoint.size {
        let message = "The earlier checkpoint covers more rows than the other: exchange the two files.";
        return Err(Finding::new(None, message.to_owned()));
    }
    if previous.size == checkpoint.size && previous.root != checkpoint.root {
        let message =
            "The checkpoints cover equally many rows, but not the same: the journal was rewritten between them.";
        return Err(Finding::new(None, message.to_owned()));
    }
    Ok(())
}

/// Describes a row that stands where another is expected.
fn misplaced(rows: &mut Rows<impl BufRead>, expected: u64, found: u64) -> Finding {
    let before = expected - 1;
    if found < expected {
        let message = format!("Row {found} was added or moved: it stands after row {before}.");
        return Finding::at(found, message);
    }
    // A moved row stands later in the file; a removed one does not.
    let mut last = found;
    while let Ok(Some(row)) = rows.next() {
        if row.number == expected {
            return Finding::at(expected, format!("Row {expected} was moved: it stands after row {last}."));
        }
        last = row.number;
    }
    Finding::at(expected, format!("Row {expected} is missing: row {found} follows row {before}."))
}

/// State of the check after some rows.
struct Progress<'a> {
    checkpoint: &'a JournalCheckpoint,
    previous: Option<&'a JournalCheckpoint>,
    first: Option<u64>,
    last: Option<u64>,
    unchained: u64,
    /// Hashes of the last two rows.
    hash: Option<ChainHash>,
    hash_before: Option<ChainHash>,
    tree: MerkleTree,
    /// Number of the last row that a checkpoint covers.
    covered_up_to: Option<u64>,
    unchanged_up_to: Option<u64>,
}

impl<'a> Progress<'a> {
    fn new(checkpoint: &'a JournalCheckpoint, previous: Option<&'a JournalCheckpoint>) -> Self {
        Self {
            checkpoint,
            previous,
            first: None,
            last: None,
            unchained: 0,
            hash: None,
            hash_before: None,
            tree: MerkleTree::default(),
            covered_up_to: None,
            unchanged_up_to: None,
        }
    }

    fn next_number(&self) -> Option<u64> {
        self.last.map(|last| last + 1)
    }

    fn add(&mut self, row: &ExportedRow) -> Result<(), Finding> {
        let number = row.number;
        let changed = |what: &str| Finding::at(number, format!("Row {number} was changed: {what}."));
        let hashes = row.hashes().map_err(|_| changed("its hashes can't be read"))?;
        if !row.is_consistent() {
            return Err(changed("its time is not the time in its entry"));
        }
        if !row.has_matching_personal_values() {
            return Err(changed("its personal values are not those whose digest is in its entry"));
        }
        let tree_before = row.tree_before().map_err(|_| changed("tree_before can't be read"))?;
        if self.first.is_none() {
            self.start(number, tree_before)?;
        } else if tree_before.is_some_and(|tree| tree != self.tree) {
            return Err(changed("tree_before is not the tree of the rows before it"));
        }
        self.last = Some(number);
        let Some(hashes) = hashes else {
            if self.hash.is_some() || self.tree.size() > 0 {
                return Err(changed("it has no hash"));
            }
            self.unchained += 1;
            return Ok(());
        };
        self.check_link(row, hashes)?;
        (self.hash_before, self.hash) = (self.hash, Some(hashes.computed));
        self.tree.push(hashes.computed);
        self.compare(number)
    }

    /// Begins with the first row of the export.
    fn start(&mut self, number: u64, tree_before: Option<MerkleTree>) -> Result<(), Finding> {
        self.first = Some(number);
        match tree_before {
            Some(tree) if number > tree.size() => self.tree = tree,
            Some(_) => {
                return Err(Finding::at(number, format!("Row {number} was changed: tree_before has too many rows.")));
            }
            None if number == 1 => {}
            None => {
                let message = format!(
                    "The rows before row {number} are missing. An export of a part has tree_before in its first row."
                );
                return Err(Finding::at(1, message));
            }
        }
        if self.tree.size() > self.checkpoint.size || self.previous.is_some_and(|p| self.tree.size() > p.size) {
            let message =
                format!("A checkpoint is older than row {number}, the first of the export: export more rows.");
            return Err(Finding::new(None, message));
        }
        self.compare(number - 1)
    }

    /// Checks that the row's hash covers its content, and that the row continues the row before.
    fn check_link(&self, row: &ExportedRow, hashes: RowHashes) -> Result<(), Finding> {
        let number = row.number;
        if hashes.computed != hashes.stated {
            return Err(changed_or_renumbered(row, hashes));
        }
        match self.hash {
            Some(before) if before == hashes.previous => Ok(()),
            Some(_) if self.hash_before == Some(hashes.previous) => {
                let message = format!("Row {} was added: row {number} continues the row before it.", number - 1);
                Err(Finding::at(number - 1, message))
            }
            Some(_) => {
                let before = number - 1;
                let message =
                    format!("Row {before} or row {number} was changed: row {number} does not continue row {before}.");
                Err(Finding::at(before, message))
            }
            // The row before a part is not in the export; the tree covers it.
            None if self.tree.size() > 0 => Ok(()),
            None => self.check_beginning(number, hashes.previous),
        }
    }

    /// Checks that the first row with a hash begins the chain of the checkpoint's journal.
    fn check_beginning(&self, number: u64, previous: ChainHash) -> Result<(), Finding> {
        let origin = &self.checkpoint.origin;
        let Some(tenant) = self.checkpoint.tenant() else {
            return Err(Finding::new(None, format!("{origin} does not name the journal of an account.")));
        };
        if previous == ChainHash::of_empty_journal(tenant) {
            return Ok(());
        }
        let message = format!(
            "Row {number} does not begin the journal {origin}: the checkpoint is of another account, or the rows before \
             were replaced."
        );
        Err(Finding::at(number, message))
    }

    /// Compares the tree of the rows up to `number` with the checkpoints that cover as many.
    fn compare(&mut self, number: u64) -> Result<(), Finding> {
        if let Some(previous) = self.previous.filter(|previous| previous.size == self.tree.size()) {
            if previous.root != self.tree.root() {
                return Err(self.rewritten(number, "The earlier checkpoint"));
            }
            self.unchanged_up_to = Some(number);
        }
        if self.checkpoint.size == self.tree.size() {
            if self.checkpoint.root != self.tree.root() {
                return Err(self.rewritten(number, "The checkpoint"));
            }
            self.covered_up_to = Some(number);
        }
        Ok(())
    }

    /// Describes rows that fit together, but are not those that a checkpoint covers.
    fn rewritten(&self, number: u64, checkpoint: &str) -> Finding {
        let first = self.unchanged_up_to.map_or(self.first.unwrap_or(1), |unchanged| unchanged + 1);
        let message = format!(
            "{checkpoint} covers other rows: one of the rows {first} to {number} was changed, and the hashes after it were \
             computed again."
        );
        Finding::at(first, message)
    }

    fn finish(self) -> Result<Verified, Finding> {
        if self.first.is_none() && self.checkpoint.size == 0 {
            return Ok(Verified {
                origin: self.checkpoint.origin.clone(),
                unchanged_up_to: self.previous.map(|_| 0),
                ..Verified::default()
            });
        }
        if self.tree.size() < self.checkpoint.size {
            let missing = self.last.map_or(1, |last| last + 1);
            let message = format!(
                "Row {missing} is missing: the checkpoint covers {} more rows than the export has.",
                self.checkpoint.size - self.tree.size()
            );
            return Err(Finding::at(missing, message));
        }
        let covered_up_to = self.covered_up_to.or(self.last.filter(|_| self.checkpoint.size == 0).map(|_| 0));
        Ok(Verified {
            origin: self.checkpoint.origin.clone(),
            rows: self.first.zip(self.last),
            unchained: self.unchained,
            covered_up_to: covered_up_to.unwrap_or(0),
            unchanged_up_to: self.unchanged_up_to.or(self.previous.map(|_| 0)),
            is_signature_checked: false,
        })
    }
}

/// Describes a row whose hash does not cover it. If it would under a neighbouring number, rows were added or removed
/// before it, and the rows after them were numbered anew.
fn changed_or_renumbered(row: &ExportedRow, hashes: RowHashes) -> Finding {
    let number = row.number;
    let fits_as = |number: u64| {
        let renumbered = ExportedRow { number, ..row.clone() };
        renumbered.hashes().is_ok_and(|found| found.is_some_and(|found| found.computed == hashes.stated))
    };
    if number > 1 && fits_as(number - 1) {
        return Finding::at(number - 1, format!("Row {} was added: row {number} had this number.", number - 1));
    }
    if fits_as(number + 1) {
        return Finding::at(
            number,
            format!("A row was removed before row {number}, which had the number {}.", number + 1),
        );
    }
    Finding::at(number, format!("Row {number} was changed: its hash does not cover its content."))
}

/// What the check proves, in sentences.
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, last)) = self.rows else {
            return write!(f, "The journal {} is empty, as the checkpoint says.", self.origin);
        };
        let covered = self.covered_up_to.min(last);
        write!(f, "Rows {first} to {covered} of the journal {} are as the checkpoint says: ", self.origin)?;
        write!(f, "none was changed, removed, added or moved.")?;
        if let Some(unchanged) = self.unchanged_up_to {
            write!(f, "\nRows up to {unchanged} are as the earlier checkpoint says.")?;
        }
        if self.unchained > 0 {
            let last = first + self.unchained - 1;
            write!(
                f,
                "\nRows {first} to {last} have no hash: they are older than the chain, and nothing covers them."
            )?;
        }
        if covered < last {
            write!(f, "\nRows {} to {last} are newer than the checkpoint: they continue the chain, ", covered + 1)?;
            write!(f, "but no signature covers them yet.")?;
        }
        if !self.is_signature_checked {
            write!(f, "\nThe signature was not checked: give the key with --key.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
