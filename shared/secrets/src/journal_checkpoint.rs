//! Checkpoints of a journal: a signed statement that the journal has these entries and no others up to its size. Follows
//! C2SP's tlog-checkpoint (<https://c2sp.org/tlog-checkpoint>).

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use handrail_domain::ids::TenantId;
use handrail_domain::merkle_tree::{MerkleTree, TreeHash};
use handrail_platform::fault::Fault;

use crate::purpose_key::PurposeKey;
use crate::signed_note::{NoteKey, SignedNote};
use crate::signing_key::{SigningKey, SigningPurpose};

/// Size and root of a journal's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalCheckpoint {
    /// Name of the journal, `<host>/<tenant>`, which is the name of the signing key too.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    pub root: TreeHash,
}

/// Returns the name of a tenant's journal at a public origin such as `https://handrail.example.com`.
pub fn journal_origin(public_origin: &str, tenant: TenantId) -> String {
    let host = public_origin.split_once("://").map_or(public_origin, |(_, host)| host);
    format!("{}/{tenant}", host.trim_end_matches('/'))
}

/// Returns the public key that checks the checkpoints of the journal with this name.
pub fn checkpoint_key(key: &PurposeKey, origin: &str) -> Result<NoteKey, Fault> {
    let key = SigningKey::new(key, SigningPurpose::JournalCheckpoints).public_key();
    NoteKey::new(origin, key).ok_or_else(|| Fault::internal("the public origin can't name a signed note"))
}

impl JournalCheckpoint {
    pub fn new(origin: String, tree: &MerkleTree) -> Self {
        Self { origin, size: tree.size(), root: tree.root() }
    }

    pub fn sign(&self, key: &PurposeKey) -> Result<SignedNote, Fault> {
        let key = SigningKey::new(key, SigningPurpose::JournalCheckpoints);
        let note = SignedNote::sign(&self.to_string(), &self.origin, &key);
        note.ok_or_else(|| Fault::internal("the public origin can't name a signed note"))
    }

    /// Parses the text of a checkpoint's note. Lines of extensions are ignored, as the specification says.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root: [u8; 32] = BASE64_STANDARD.decode(root).ok()?.try_into().ok()?;
        let checkpoint = Self { origin: origin.to_owned(), size: size.parse().ok()?, root: TreeHash::from_bytes(root) };
        // Compared as text, so that `+7` and `007` are no sizes.
        let is_exact = checkpoint.size.to_string() == size && !origin.is_empty();
        (is_exact && lines.all(|extension| !extension.is_empty())).then_some(checkpoint)
    }

    /// Returns the tenant that the name of the journal ends with, or `None` if it is another service's name.
    pub fn tenant(&self) -> Option<TenantId> {
        self.origin.rsplit_once('/')?.1.parse().ok()
    }
}

/// Text of the checkpoint's note.
impl fmt::Display for JournalCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, BASE64_STANDARD.encode(self.root.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "ten_01ARZ3NDEKTSV4RRFFQ69G5FAV";

    /// Checkpoints are kept for years, so their text and their signature must not change.
    #[test]
    fn checkpoint_is_stable() {
        let purpose_key = PurposeKey::new("one");
        let origin = journal_origin("https://handrail.example.com", TENANT.parse().unwrap());
        let checkpoint = JournalCheckpoint::new(origin.clone(), &MerkleTree::default());
        let note = checkpoint.sign(&purpose_key).unwrap();
        assert_eq!(
            note.to_string(),
            "handrail.example.com/ten_01ARZ3NDEKTSV4RRFFQ69G5FAV\n0\n\
             47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\
             — handrail.example.com/ten_01ARZ3NDEKTSV4RRFFQ69G5FAV \
             qtfTUDmP9rFWfqrjdL77XvyTG7VHDnaBz5oFhP0TrtfDoofBLeV4f9LtGIkHHftadNoHFf9obTQe3lw3onCV9dEuJgw=\n"
        );
        let key = checkpoint_key(&purpose_key, &origin).unwrap();
        assert!(note.is_signed_by_any(std::slice::from_ref(&key)));
        assert_eq!(
            key.to_string(),
            "handrail.example.com/ten_01ARZ3NDEKTSV4RRFFQ69G5FAV+aad7d350+AX+hY9wIRGRShk78henz1Fob8hysl6eTPlGWciV76JSV"
        );
        assert_eq!(JournalCheckpoint::parse(&note.text), Some(checkpoint.clone()));
        assert_eq!(checkpoint.tenant(), TENANT.parse().ok());
    }

    #[test]
    fn text_that_is_no_checkpoint_is_refused() {
        let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let read = |text: &str| JournalCheckpoint::parse(text);
        assert_eq!(read(&format!("a/b\n7\n{root}\nextension\n")).unwrap().size, 7);
        for wrong in [
            format!("\n7\n{root}\n"),
            format!("a\n+7\n{root}\n"),
            format!("a\n007\n{root}\n"),
            format!("a\n7\n{root}"),
            format!("a\n7\n{root}\n\n"),
            "a\n7\nAAAA\n".to_owned(),
            "a\n7\n".to_owned(),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
