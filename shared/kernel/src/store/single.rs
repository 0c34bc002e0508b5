//! One item by its key: read as it is now, or changed attribute by attribute.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Attributes, HEAD};
use super::{Item, Store, s};
use crate::fault::Fault;

pub(super) fn item_key(pk: AttributeValue, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), pk), ("sk".to_owned(), s(sk))])
}

/// The key of an item that lies alone in its partition.
pub(super) fn alone(pk: impl Into<String>) -> Item {
    item_key(s(pk), HEAD)
}

impl Store {
    pub(super) async fn get(&self, key: Item, what: &str) -> Result<Option<Item>, Fault> {
        let get = self.db.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(|error| Fault::from_sdk(what, error))?.item)
    }
}

/// Sets these attributes, and what `also` says; those without a value go.
pub(super) fn changing(
    mut update: UpdateItemFluentBuilder,
    attributes: Attributes,
    also: Option<&str>,
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
    set.extend(also.map(str::to_owned));
    let mut expression = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
    }
    update.update_expression(expression)
}
