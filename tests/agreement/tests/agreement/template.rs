//! Reads `infra/template.yaml` into plain JSON. A short tag stays in its text: `!Ref Table` is the string "!Ref Table".

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::project::read;

pub(crate) struct Template(Value);

impl Template {
    pub(crate) fn read() -> Self {
        let yaml: Yaml = serde_yaml_ng::from_str(&read("infra/template.yaml")).expect("the template is YAML");
        Self(plain(yaml))
    }

    /// The properties of every resource of a type, by logical id.
    pub(crate) fn resources(&self, kind: &str) -> BTreeMap<String, &Value> {
        let all = self.0["Resources"].as_object().expect("the template has resources");
        let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
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

    /// What every function gets unless it says otherwise.
    pub(crate) fn function_defaults(&self) -> &Value {
        &self.0["Globals"]["Function"]
    }
}

fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => serde_json::to_value(number).expect("a number is a number"),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            let named = |(name, value)| match plain(name) {
                Value::String(name) => (name, plain(value)),
                other => panic!("{other} is not a name"),
            };
            Value::Object(entries.into_iter().map(named).collect())
        }
        Yaml::Tagged(tagged) => match plain(tagged.value) {
            Value::String(text) => format!("{} {text}", tagged.tag).into(),
            other => Value::Object(Map::from_iter([(tagged.tag.to_string(), other)])),
        },
    }
}
