//! Rows of an export file, read line by line.

use std::io::{BufRead, Read};

use handrail_domain::journal_export::{ExportFormat, ExportedRow};

use super::finding::Finding;

/// Longest line that is read. A row is smaller than an item of the table, and escaping makes it a few times larger.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) struct Rows<R> {
    reader: R,
    /// `None` before the first line, which shows the format.
    format: Option<ExportFormat>,
    /// Number of the row that was read last.
    last: Option<u64>,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, format: None, last: None }
    }

    /// Reads the next row. Returns `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<ExportedRow>, Finding> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            read.map_err(|error| Finding::new(self.last, format!("The export can't be read: {error}.")))?;
            if line.is_empty() {
                return Ok(None);
            }
            let line = String::from_utf8(line).map_err(|_| self.unreadable())?;
            let format = *self.format.get_or_insert(match line.starts_with('{') {
                true => ExportFormat::Jsonl,
                false => ExportFormat::Csv,
            });
            // Each part of an export in CSV begins with the header.
            if format.header().is_some_and(|header| header == line) {
                continue;
            }
            let row = format.decode(&line).map_err(|_| self.unreadable())?;
            self.last = Some(row.number);
            return Ok(Some(row));
        }
    }

    fn unreadable(&self) -> Finding {
        let place = match self.last {
            Some(number) => format!("The row after row {number}"),
            None => "The first row".to_owned(),
        };
        let message = format!("{place} is not as an export writes it: it was changed, or the file was cut off in it.");
        Finding::new(Some(self.last.map_or(1, |last| last + 1)), message)
    }
}
