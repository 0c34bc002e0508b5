//! Rows of an exported journal, as lines of JSON or CSV. An outsider recomputes the hashes from them, so a row has one
//! spelling, and any other spelling is refused.

use serde::{Deserialize, Serialize};

use crate::content_ref::to_stored_json;
use crate::journal_row::JournalRow;
use crate::merkle_tree::MerkleTree;
use crate::personal_values::HashedEntry;
use crate::record::ChainHash;
use crate::time::Timestamp;

/// Row of an export. The members have this order in both formats, and their names are published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedRow {
    pub number: u64,
    /// Time of the event, which `entry` has too.
    pub at: Timestamp,
    pub kind: String,
    pub record: String,
    pub seq: u64,
    pub from: Option<String>,
    /// `None` in rows of a version that did not store the states.
    pub to: Option<String>,
    /// Hashed text of the event.
    pub entry: String,
    /// The two hashes are `None` in rows of a version that did not chain them.
    pub previous_hash: Option<String>,
    pub hash: Option<String>,
    /// Tree over the hashes of all rows before this one, as text. Only the first row of a part has it, so that a part
    /// that does not begin with the first row can be checked too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree_before: Option<String>,
    /// Salt and personal values of the event, whose digest `entry` has. `None` if there are none, or they were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<String>,
}

/// Hashes of a row that is in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowHashes {
    /// Hash of the row before, as this row states.
    pub previous: ChainHash,
    /// Hash of this row, as this row states.
    pub stated: ChainHash,
    /// Hash of this row, computed from its content.
    pub computed: ChainHash,
}

impl ExportedRow {
    /// Returns the hashes of the row. `Ok(None)`: the row is of a version that did not chain rows.
    pub fn hashes(&self) -> Result<Option<RowHashes>, UnreadableRow> {
        let (previous, stated, to) = match (&self.previous_hash, &self.hash, &self.to) {
            (None, None, _) => return Ok(None),
            (Some(previous), Some(stated), Some(to)) => (previous, stated, to),
            _ => return Err(UnreadableRow),
        };
        let previous = ChainHash::from_hex(previous).ok_or(UnreadableRow)?;
        let row = JournalRow {
            number: self.number,
            kind: &self.kind,
            record: &self.record,
            seq: self.seq,
            from: self.from.as_deref(),
            to,
            entry: &self.entry,
        };
        let stated = ChainHash::from_hex(stated).ok_or(UnreadableRow)?;
        Ok(Some(RowHashes { previous, stated, computed: row.hash_after(previous) }))
    }

    /// Returns the tree before this row, if the row has it.
    pub fn tree_before(&self) -> Result<Option<MerkleTree>, UnreadableRow> {
        self.tree_before.as_deref().map(|text| MerkleTree::parse(text).ok_or(UnreadableRow)).transpose()
    }

    /// Returns `true` if the members outside of the hashed text say what the hashed text says.
    pub fn is_consistent(&self) -> bool {
        #[derive(Deserialize)]
        struct EntryTime {
            at: Timestamp,
        }
        serde_json::from_str::<EntryTime>(&self.entry).is_ok_and(|entry| entry.at == self.at)
    }

    /// Returns `true` if the personal values are those whose digest is hashed, or are missing because they were erased.
    pub fn has_matching_personal_values(&self) -> bool {
        let hashed = HashedEntry { text: self.entry.clone(), personal: self.personal.clone() };
        hashed.has_matching_personal_values()
    }
}

/// The line is no row of an export, or has another spelling than the export gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row cannot be read")]
pub struct UnreadableRow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON object on each line.
    Jsonl,
    Csv,
}

/// Names of the columns, in the order of the members of [`ExportedRow`].
const COLUMNS: [&str; 12] = [
    "number",
    "at",
    "kind",
    "record",
    "seq",
    "from",
    "to",
    "entry",
    "previous_hash",
    "hash",
    "tree_before",
    "personal",
];

impl ExportFormat {
    pub const ALL: [Self; 2] = [Self::Jsonl, Self::Csv];

    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Line before the rows, with its end.
    pub fn header(self) -> Option<String> {
        match self {
            Self::Jsonl => None,
            Self::Csv => Some(format!("{}\r\n", COLUMNS.join(","))),
        }
    }

    /// Returns the line of a row, with its end.
    pub fn encode(self, row: &ExportedRow) -> String {
        match self {
            Self::Jsonl => format!("{}\n", to_stored_json(row)),
            Self::Csv => encode_csv(row),
        }
    }

    /// Reads the line of a row, with its end.
    pub fn decode(self, line: &str) -> Result<ExportedRow, UnreadableRow> {
        let row = match self {
            Self::Jsonl => serde_json::from_str(line).map_err(|_| UnreadableRow)?,
            Self::Csv => decode_csv(line).ok_or(UnreadableRow)?,
        };
        if self.encode(&row) == line { Ok(row) } else { Err(UnreadableRow) }
    }
}

fn encode_csv(row: &ExportedRow) -> String {
    let (number, at, seq) = (row.number.to_string(), row.at.to_string(), row.seq.to_string());
    let optional = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    let cells = [
        number,
        at,
        row.kind.clone(),
        row.record.clone(),
        seq,
        optional(&row.from),
        optional(&row.to),
        row.entry.clone(),
        optional(&row.previous_hash),
        optional(&row.hash),
        optional(&row.tree_before),
        optional(&row.personal),
    ];
    format!("{}\r\n", cells.map(|cell| csv_cell(&cell)).join(","))
}

/// Characters with which a spreadsheet begins a formula, and the one that takes this meaning away.
const DEFUSED: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '＠'];

fn csv_cell(text: &str) -> String {
    let text = if text.starts_with(DEFUSED) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn decode_csv(line: &str) -> Option<ExportedRow> {
    let cells: [String; COLUMNS.len()] = csv_cells(line.strip_suffix("\r\n")?)?.try_into().ok()?;
    let [number, at, kind, record, seq, from, to, entry, previous_hash, hash, tree_before, personal] = cells;
    let optional = |text: String| (!text.is_empty()).then_some(text);
    Some(ExportedRow {
        number: number.parse().ok()?,
        at: Timestamp::parse(&at)?,
        kind,
        record,
        seq: seq.parse().ok()?,
        from: optional(from),
        to: optional(to),
        entry,
        previous_hash: optional(previous_hash),
        hash: optional(hash),
        tree_before: optional(tree_before),
        personal: optional(personal),
    })
}

/// Splits a line of CSV into its cells. Returns `None` if a quote is in a wrong place.
fn csv_cells(mut line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    loop {
        let (cell, rest) = match line.strip_prefix('"') {
            Some(quoted) => {
                let end = end_of_quoted(quoted)?;
                (quoted[..end].replace("\"\"", "\""), &quoted[end + 1..])
            }
            None => {
                let end = line.find(',').unwrap_or(line.len());
                (line[..end].to_owned(), &line[end..])
            }
        };
        cells.push(cell.strip_prefix('\'').map_or_else(|| cell.clone(), str::to_owned));
        if rest.is_empty() {
            return Some(cells);
        }
        line = rest.strip_prefix(',')?;
    }
}

/// Returns the position of the quote that ends a cell: the first that is not doubled.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut position = 0;
    loop {
        position += text[position..].find('"')?;
        if !text[position + 1..].starts_with('"') {
            return Some(position);
        }
        position += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ExportedRow {
        let hashed = HashedEntry::of_stored(
            r#"{"at":"2026-09-21T14:13:20.000Z","say":"\"=1,\n\"'ü","to":"=ann","personal":["/to"],"salt":"07"}"#,
        );
        let mut row = ExportedRow {
            number: 2,
            at: Timestamp::from_unix_ms(1_790_000_000_000),
            kind: "decision".to_owned(),
            record: "018f0000-0000-7000-8000-000000000002".to_owned(),
            seq: 1,
            from: None,
            to: Some("pending".to_owned()),
            entry: hashed.text,
            previous_hash: Some("00".repeat(32)),
            hash: None,
            tree_before: Some(format!("1:{}", "ab".repeat(32))),
            personal: hashed.personal,
        };
        row.hash = Some("00".repeat(32));
        let computed = row.hashes().unwrap().unwrap().computed;
        ExportedRow { hash: Some(computed.to_hex()), ..row }
    }

    #[test]
    fn row_is_read_as_it_was_written() {
        let without_hashes =
            ExportedRow { previous_hash: None, hash: None, to: None, tree_before: None, personal: None, ..row() };
        let hostile = ["=1+1", "+1", "-1", "@SUM(1)", "'=1", "''", "\t=1", "a\"b", "a,b", "＝1", "\"", ""];
        let hostile = hostile.map(|text| ExportedRow { kind: text.to_owned(), ..row() });
        for row in [row(), without_hashes].into_iter().chain(hostile) {
            for format in ExportFormat::ALL {
                let line = format.encode(&row);
                assert_eq!(format.decode(&line), Ok(row.clone()), "{line}");
                assert_eq!(line.matches('\n').count(), 1, "a row is one line");
            }
        }
    }

    #[test]
    fn spreadsheet_finds_no_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1"] {
            let line = ExportFormat::Csv.encode(&ExportedRow { kind: text.to_owned(), ..row() });
            let cell = line.split(',').nth(2).unwrap().trim_start_matches('"');
            assert!(cell.starts_with('\''), "{line}");
        }
    }

    /// A row has one spelling, so a changed byte is either an unreadable row or another row.
    #[test]
    fn every_changed_byte_makes_another_row() {
        for format in ExportFormat::ALL {
            let line = format.encode(&row());
            for position in 0..line.len() {
                let mut bytes = line.clone().into_bytes();
                bytes[position] ^= 1;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                let Ok(changed_row) = format.decode(&changed) else { continue };
                let hashes = changed_row.hashes();
                let is_found = !changed_row.is_consistent()
                    || !changed_row.has_matching_personal_values()
                    || changed_row.tree_before != row().tree_before
                    || hashes.is_err()
                    || hashes.is_ok_and(|hashes| hashes.is_none_or(|hashes| hashes.computed != hashes.stated));
                assert!(is_found, "{changed}");
            }
        }
    }

    #[test]
    fn only_the_exported_spelling_is_read() {
        let line = ExportFormat::Jsonl.encode(&row());
        for other in [line.trim_end(), &line.replace("\":", "\": "), &line.replace('}', ",\"more\":1}"), "\n", "[]\n"] {
            assert_eq!(ExportFormat::Jsonl.decode(other), Err(UnreadableRow), "{other}");
        }
        let line = ExportFormat::Csv.encode(&row());
        for other in [line.trim_end(), &line.replace("pending", "\"pending\""), "1,2\r\n", "\"\r\n", &line[1..]] {
            assert_eq!(ExportFormat::Csv.decode(other), Err(UnreadableRow), "{other}");
        }
        assert_eq!(ExportFormat::Csv.header().unwrap().matches(',').count(), COLUMNS.len() - 1);
    }

    #[test]
    fn half_hashed_row_is_refused() {
        assert_eq!(ExportedRow { hash: None, ..row() }.hashes(), Err(UnreadableRow));
        assert_eq!(ExportedRow { to: None, ..row() }.hashes(), Err(UnreadableRow));
        assert_eq!(ExportedRow { previous_hash: Some("AB".repeat(32)), ..row() }.hashes(), Err(UnreadableRow));
    }
}
