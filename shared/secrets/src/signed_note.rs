//! Signed notes of C2SP (<https://c2sp.org/signed-note>) with Ed25519 signatures, and the text form of the keys that check
//! them.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::signing_key::{PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, SigningKey};

/// Longest note that is read.
const NOTE_BYTES_MAX: usize = 1_000_000;
/// Most signatures of a note, as the specification suggests.
const SIGNATURES_MAX: usize = 100;
/// Signature type of Ed25519.
const ED25519: u8 = 1;
const KEY_HASH_BYTES: usize = 4;

/// Public key of a note's signer, with the name that signature lines carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    key: PublicKey,
}

impl NoteKey {
    /// Returns `None` if the name can't be that of a note's signer.
    pub fn new(name: &str, key: PublicKey) -> Option<Self> {
        is_valid_name(name).then(|| Self { name: name.to_owned(), key })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parses the text of a key: `<name>+<hash>+<base64>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('+')?;
        let (_, encoded) = rest.split_once('+')?;
        let bytes = BASE64_STANDARD.decode(encoded).ok()?;
        let (kind, key) = bytes.split_first()?;
        let key: [u8; PUBLIC_KEY_BYTES] = key.try_into().ok()?;
        // The hash of another key, or another spelling, is no text of this key.
        Self::new(name, PublicKey(key)).filter(|key| *kind == ED25519 && key.to_string() == text)
    }

    fn hash(&self) -> [u8; KEY_HASH_BYTES] {
        let digest = Sha256::new().chain_update(&self.name).chain_update([b'\n', ED25519]).chain_update(self.key.0);
        let mut hash = [0; KEY_HASH_BYTES];
        hash.copy_from_slice(&digest.finalize()[..KEY_HASH_BYTES]);
        hash
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = [ED25519].into_iter().chain(self.key.0).collect();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.hash()), BASE64_STANDARD.encode(bytes))
    }
}

fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// Text with the signatures of its signers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// Signed text, with the newline at its end.
    pub text: String,
    signatures: Vec<NoteSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_hash: [u8; KEY_HASH_BYTES],
    signature: Vec<u8>,
}

impl SignedNote {
    /// Signs a text. Returns `None` if the name can't be that of a note's signer, or the text is no text of a note.
    pub fn sign(text: &str, name: &str, key: &SigningKey) -> Option<Self> {
        let note_key = NoteKey::new(name, key.public_key())?;
        let signature = NoteSignature {
            name: name.to_owned(),
            key_hash: note_key.hash(),
            signature: key.sign(text.as_bytes()).to_vec(),
        };
        is_valid_text(text).then(|| Self { text: text.to_owned(), signatures: vec![signature] })
    }

    /// Parses a note. Returns `None` if the text is no signed note. The signatures are not checked.
    pub fn parse(note: &str) -> Option<Self> {
        if note.len() > NOTE_BYTES_MAX {
            return None;
        }
        let (text, signatures) = note.rsplit_once("\n\n")?;
        let text = format!("{text}\n");
        let signatures: Vec<NoteSignature> =
            signatures.strip_suffix('\n')?.split('\n').map(parse_signature).collect::<Option<_>>()?;
        (is_valid_text(&text) && signatures.len() <= SIGNATURES_MAX).then_some(Self { text, signatures })
    }

    /// Returns `true` if one of these keys signed the note. Signatures by other keys are ignored, but a wrong signature
    /// by one of these makes the note worthless.
    pub fn is_signed_by_any(&self, keys: &[NoteKey]) -> bool {
        let is_by = |key: &NoteKey, signature: &NoteSignature| {
            (key.name.as_str(), key.hash()) == (signature.name.as_str(), signature.key_hash)
        };
        let by_key = |key| self.signatures.iter().filter(move |signature| is_by(key, signature)).map(move |s| (key, s));
        let mut known = keys.iter().flat_map(by_key).peekable();
        known.peek().is_some()
            && known.all(|(key, signature)| key.key.verifies(self.text.as_bytes(), &signature.signature))
    }
}

/// Text of the signed note, as it is published.
impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, key_hash, signature } in &self.signatures {
            let bytes: Vec<u8> = key_hash.iter().chain(signature).copied().collect();
            writeln!(f, "\u{2014} {name} {}", BASE64_STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

/// A note's text has only printable characters and newlines, and ends with a newline.
fn is_valid_text(text: &str) -> bool {
    text.ends_with('\n') && text.len() > 1 && !text.contains(|c: char| c != '\n' && c.is_ascii_control())
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    let (key_hash, signature) = bytes.split_first_chunk::<KEY_HASH_BYTES>()?;
    let is_valid = is_valid_name(name) && !signature.is_empty();
    is_valid.then(|| NoteSignature { name: name.to_owned(), key_hash: *key_hash, signature: signature.to_vec() })
}

const _: () = assert!(SIGNATURE_BYTES == 64, "an Ed25519 signature of a note has 64 bytes");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose_key::PurposeKey;
    use crate::signing_key::SigningPurpose;

    /// The example of the specification's reference implementation, `golang.org/x/mod/sumdb/note`.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETERS_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signing_key() -> SigningKey {
        SigningKey::new(&PurposeKey::new("one"), SigningPurpose::JournalCheckpoints)
    }

    #[test]
    fn reference_note_is_read_and_checked() {
        let key = NoteKey::parse(PETER).unwrap();
        let note = SignedNote::parse(PETERS_NOTE).unwrap();
        assert!(note.is_signed_by_any(std::slice::from_ref(&key)));
        assert_eq!((key.to_string().as_str(), note.to_string().as_str()), (PETER, PETERS_NOTE));
    }

    #[test]
    fn signed_note_needs_its_key_name_and_text() {
        let note = SignedNote::sign("a text\n", "example.com/one", &signing_key()).unwrap();
        let key = NoteKey::new("example.com/one", signing_key().public_key()).unwrap();
        assert_eq!(NoteKey::parse(&key.to_string()), Some(key.clone()));
        let parsed = SignedNote::parse(&note.to_string()).unwrap();
        assert_eq!(parsed, note);
        assert!(parsed.is_signed_by_any(&[NoteKey::parse(PETER).unwrap(), key.clone()]));
        let other_name = NoteKey::new("example.com/two", signing_key().public_key()).unwrap();
        assert!(!parsed.is_signed_by_any(&[other_name, NoteKey::parse(PETER).unwrap()]));
        assert!(!parsed.is_signed_by_any(&[]));
        let changed = SignedNote { text: "a test\n".to_owned(), ..parsed };
        assert!(!changed.is_signed_by_any(&[key]));
    }

    #[test]
    fn text_that_is_no_note_is_refused() {
        for text in ["", "\n", "no newline", "a\tb\n"] {
            assert_eq!(SignedNote::sign(text, "example.com", &signing_key()), None, "{text:?}");
        }
        for name in ["", "a b", "a+b", "a\n"] {
            assert_eq!(NoteKey::new(name, signing_key().public_key()), None, "{name:?}");
        }
        let note = PETERS_NOTE;
        for wrong in [
            &note.replace("\n\n", "\n"),
            &note.replace("— ", "- "),
            &note.replace("x08go", "x08g"),
            note.trim_end(),
            &format!("{note}more\n"),
            "",
        ] {
            assert_eq!(SignedNote::parse(wrong), None, "{wrong}");
        }
        for wrong in ["PeterNeumann", "PeterNeumann+c74f20a3", &PETER.replace("c74f", "c74e"), &format!("{PETER}=")] {
            assert_eq!(NoteKey::parse(wrong), None, "{wrong}");
        }
    }
}
