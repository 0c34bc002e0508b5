//! Notes beside a record: that something which follows from it was done, where the trace of it may be forgotten before it is
//! done again.

use super::item::HeadKey;
use super::{Item, Store, s};
use crate::fault::Fault;

const PARENT_TOLD: &str = "told#parent";

impl Store {
    /// The record that this one goes on from knows of it. A repeat finds the note there.
    pub async fn note_parent_told(&self, key: HeadKey) -> Result<(), Fault> {
        let note = Item::from([("pk".to_owned(), key.pk()), ("sk".to_owned(), s(PARENT_TOLD))]);
        self.put_if_absent(note, "note that a parent was told").await.map(drop)
    }

    pub async fn parent_was_told(&self, key: HeadKey) -> Result<bool, Fault> {
        Ok(!self.beside(key.tenant, key.id, PARENT_TOLD).await?.is_empty())
    }
}
