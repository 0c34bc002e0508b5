//! An item of the table, and how its attributes are read and written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::time::Timestamp;

use handrail_platform::fault::Fault;

pub type Item = HashMap<String, AttributeValue>;

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Reads attributes of an item that this version or an older one wrote. An unreadable attribute is a fault, never a
/// default.
pub(crate) trait ReadItem {
    fn text(&self, name: &str) -> Result<&str, Fault>;
    fn opt_text(&self, name: &str) -> Option<&str>;
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault>;
    fn time(&self, name: &str) -> Result<Timestamp, Fault>;
    fn opt_time(&self, name: &str) -> Result<Option<Timestamp>, Fault>;
    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault>;
}

impl ReadItem for Item {
    fn text(&self, name: &str) -> Result<&str, Fault> {
        self.opt_text(name).ok_or_else(|| Fault::internal(format!("an item has no text attribute {name}")))
    }

    fn opt_text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Fault::internal(format!("an item has no number attribute {name}")))
    }

    fn time(&self, name: &str) -> Result<Timestamp, Fault> {
        self.number(name).map(Timestamp::from_unix_ms)
    }

    fn opt_time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.contains_key(name).then(|| self.time(name)).transpose()
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        serde_json::from_str(self.text(name)?).map_err(|error| {
            Fault::internal_with_source(format!("the attribute {name} of an item can't be read"), error)
        })
    }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::internal_with_source("a value can't be written as JSON", error))
}
