//! Reads `infra/template.yaml` as JSON. Short tags stay text: `!Ref Table` becomes the string "!Ref Table".

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::project::read;

pub(crate) struct Template(Value);

impl Template {
    pub(crate) fn read() -> Self {
        let yaml: Yaml = serde_yaml_ng::from_str(&read("infra/template.yaml")).expect("the template is YAML");
        Self(to_json(yaml))
    }

    /// Returns the properties of every resource of a type, by logical id.
    pub(crate) fn resources(&self, resource_type: &str) -> BTreeMap<String, &Value> {
        let all = self.0["Resources"].as_object().expect("the template has resources");
        let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == resource_type);
        of_kind.map(|(id, resource)| (id.clone(), &resource["Properties"])).collect()
    }

    pub(crate) fn functions(&self) -> BTreeMap<String, &Value> {
        self.resources("AWS::Serverless::Function")
    }

    #[track_caller]
    pub(crate) fn resource(&self, id: &str) -> &Value {
        let resource = &self.0["Resources"][id];
        assert!(!resource.is_null(), "the template has no resource {id}");
        &resource["Properties"]
    }

    /// Returns the default properties of all functions.
    pub(crate) fn function_defaults(&self) -> &Value {
        &self.0["Globals"]["Function"]
    }
}

fn to_json(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => serde_json::to_value(number).expect("a number is a number"),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            let to_member = |(name, value)| match to_json(name) {
                Value::String(name) => (name, to_json(value)),
                other => panic!("{other} is not a name"),
            };
            Value::Object(entries.into_iter().map(to_member).collect())
        }
        Yaml::Tagged(tagged) => match to_json(tagged.value) {
            Value::String(text) => format!("{} {text}", tagged.tag).into(),
            other => Value::Object(Map::from_iter([(tagged.tag.to_string(), other)])),
        },
    }
}
