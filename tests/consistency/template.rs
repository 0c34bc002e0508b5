//! Reads `template.yaml` and the nested stacks in `infra/` as JSON. Short tags stay text: `!Ref Table` becomes the string
//! "!Ref Table".

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::project::read;

pub(crate) struct Template(Value);

impl Template {
    /// Reads the root template.
    pub(crate) fn root() -> Self {
        Self::read("template.yaml")
    }

    /// Reads the nested stack of the workers.
    pub(crate) fn workers() -> Self {
        Self::read("infra/workers.yaml")
    }

    fn read(path: &str) -> Self {
        let yaml: Yaml = serde_yaml_ng::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(to_json(yaml))
    }

    /// Returns the nested stacks of functions that the root template names, by the name of their file.
    pub(crate) fn nested(&self) -> BTreeMap<String, NestedStack> {
        let mut stacks = self.all_nested();
        stacks.remove("secrets").expect("the root template names the stack of the secrets");
        stacks
    }

    /// Returns the nested stack of the secrets.
    pub(crate) fn secrets(&self) -> NestedStack {
        self.all_nested().remove("secrets").expect("the root template names the stack of the secrets")
    }

    fn all_nested(&self) -> BTreeMap<String, NestedStack> {
        let stacks = self.resources("AWS::CloudFormation::Stack").into_values().map(|properties| {
            let path = properties["TemplateURL"].as_str().unwrap_or_default();
            let name = path.strip_prefix("infra/").and_then(|name| name.strip_suffix(".yaml"));
            let name = name.unwrap_or_else(|| panic!("{path} is not in infra/")).to_owned();
            (name, NestedStack { template: Self::read(path), arguments: texts(&properties["Parameters"]) })
        });
        stacks.collect()
    }

    /// Returns the properties of every resource of a type, by logical id.
    pub(crate) fn resources(&self, resource_type: &str) -> BTreeMap<String, &Value> {
        let of_kind = self.all_resources().iter().filter(|(_, resource)| resource["Type"] == resource_type);
        of_kind.map(|(id, resource)| (id.clone(), &resource["Properties"])).collect()
    }

    pub(crate) fn all_resources(&self) -> &Map<String, Value> {
        self.0["Resources"].as_object().expect("the template has resources")
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

    pub(crate) fn parameters(&self) -> Vec<String> {
        self.0["Parameters"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        self.0["Outputs"][name]["Value"].as_str().unwrap_or_default()
    }
}

/// Nested stack with the arguments that the root template passes to its parameters.
pub(crate) struct NestedStack {
    pub(crate) template: Template,
    pub(crate) arguments: BTreeMap<String, String>,
}

/// Returns the members of an object as text.
pub(crate) fn texts(object: &Value) -> BTreeMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    let to_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    members.map(|(name, value)| (name.clone(), to_text(value))).collect()
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
