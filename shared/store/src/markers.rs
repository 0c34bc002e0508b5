//! Markers of a record: a follow-up is done, although every other trace may be deleted before the follow-up is
//! repeated.

use crate::attributes::{Item, s};
use crate::client::Store;
use crate::item::HeadKey;
use handrail_platform::fault::Fault;

const PARENT_LINKED_SK: &str = "told#parent";

impl Store {
    /// Marks that the record's parent has recorded its child. A repeat changes nothing.
    pub async fn mark_parent_linked(&self, key: HeadKey) -> Result<(), Fault> {
        let marker = Item::from([("pk".to_owned(), key.pk()), ("sk".to_owned(), s(PARENT_LINKED_SK))]);
        self.put_if_absent(marker, "mark a parent as linked").await.map(drop)
    }

    pub async fn is_parent_linked(&self, key: HeadKey) -> Result<bool, Fault> {
        Ok(!self.sibling_item(key.tenant, key.id, PARENT_LINKED_SK).await?.is_empty())
    }
}
