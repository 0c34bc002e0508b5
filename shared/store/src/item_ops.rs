//! Operations on one item: a consistent read by its key, and an update of its attributes.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, s};
use crate::client::Store;
use crate::item::{Attributes, HEAD};
use handrail_platform::fault::Fault;

pub(super) fn item_key(pk: AttributeValue, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), pk), ("sk".to_owned(), s(sk))])
}

/// Returns the key of an item that has a partition of its own.
pub(super) fn partition_only_key(pk: impl Into<String>) -> Item {
    item_key(s(pk), HEAD)
}

impl Store {
    pub(super) async fn get(&self, key: Item, operation: &str) -> Result<Option<Item>, Fault> {
        let get = self.db.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(|error| Fault::from_sdk(operation, error))?.item)
    }
}

/// Adds an update expression that sets these attributes, removes those without a value, and applies one more SET
/// clause.
pub(super) fn set_attributes(
    mut update: UpdateItemFluentBuilder,
    attributes: Attributes,
    extra_clause: Option<&str>,
) -> UpdateItemFluentBuilder {
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    for (name, value) in attributes {
        // Every name is aliased: `state` and others are reserved words of the expression language.
        update = update.expression_attribute_names(format!("#{name}"), name);
        match value {
            Some(value) => {
                set.push(format!("#{name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), value);
            }
            None => remove.push(format!("#{name}")),
        }
    }
    set.extend(extra_clause.map(str::to_owned));
    let mut expression = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
    }
    update.update_expression(expression)
}
