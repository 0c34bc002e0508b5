//! `handrail audit verify`: compares an exported journal with signed checkpoints, without the service that made them.

mod finding;
mod rows;
mod verify;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use handrail_secrets::journal_checkpoint::JournalCheckpoint;
use handrail_secrets::signed_note::{NoteKey, SignedNote};

pub use self::finding::Finding;
pub use self::verify::Verified;

/// Runs `handrail audit verify`. The error of an export that was tampered with names the first row that is wrong.
pub fn verify(export: &Path, checkpoint: &Path, previous: Option<&Path>, keys: &[NoteKey]) -> anyhow::Result<Verified> {
    let checkpoint = read_checkpoint(checkpoint, keys)?;
    let previous = previous.map(|path| read_checkpoint(path, keys)).transpose()?;
    let file = File::open(export).with_context(|| format!("could not open {}", export.display()))?;
    let verified = verify::verify(BufReader::new(file), &checkpoint, previous.as_ref())?;
    Ok(Verified { is_signature_checked: !keys.is_empty(), ..verified })
}

/// Reads a checkpoint. With keys, one of them must have signed it.
fn read_checkpoint(path: &Path, keys: &[NoteKey]) -> anyhow::Result<JournalCheckpoint> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {name}"))?;
    let note = SignedNote::parse(&text).with_context(|| format!("{name} is not a signed note"))?;
    let checkpoint = JournalCheckpoint::parse(&note.text);
    let checkpoint = checkpoint.with_context(|| format!("{name} is a signed note, but not a checkpoint"))?;
    let of_origin: Vec<NoteKey> = keys.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
    anyhow::ensure!(
        keys.is_empty() || note.is_signed_by_any(&of_origin),
        "{name} is not signed by a given key of {}: the checkpoint is forged, or the key is another journal's",
        checkpoint.origin
    );
    Ok(checkpoint)
}
