//! Graph of a schema: nodes that validate a value, and edges to the nodes that validate the value or its children. The
//! cost of a validation is calculated from the graph, before the validation runs.
//!
//! The graph also decides which schemas are supported: every reference must point into the schema itself, and the cost
//! of every keyword must be bounded. The meaning and correct use of keywords is left to the schema library.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::patterns::Patterns;

/// Nesting of the schema's JSON, which readers follow recursively.
const DEPTH_MAX: usize = 32;
/// Steps that one value may cost without its children. An `anyOf` of a hundred objects takes some hundred steps.
const STEPS_PER_VALUE_MAX: u64 = 50_000;
/// Length of a chain of nodes that validate one value.
const CHAIN_LENGTH_MAX: usize = 64;
/// Bytes of a text that one step reads.
const TEXT_BYTES_PER_STEP: u64 = 256;
/// Characters of a schema path in an error message.
const PATH_CHARS_MAX: usize = 200;

const DRAFTS: [&str; 5] = [
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
];

/// Keywords that visit a value twice, or whose target is only known during validation.
const UNSUPPORTED_KEYWORDS: [&str; 4] = ["$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"];

/// Reason and path of an unsupported keyword in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnsupportedSchema {
    pub path: String,
    pub reason: String,
}

impl UnsupportedSchema {
    pub(super) fn new(at: &str, reason: impl Into<String>) -> Self {
        Self { path: at.chars().take(PATH_CHARS_MAX).collect(), reason: reason.into() }
    }
}

/// Subschema with the edges to other nodes, which are indexes into [`SchemaGraph::nodes`].
#[derive(Debug, Default)]
pub(super) struct SchemaNode {
    /// Steps of the node's own comparisons.
    pub steps: u64,
    /// Pattern states that match a text value, and the name of each member.
    pub text_pattern_states: u64,
    pub name_pattern_states: u64,
    /// `true` for `anyOf` and `oneOf`: if no alternative matches, the error describes all.
    pub has_alternatives: bool,
    /// Nodes that validate the node's own value.
    pub same_value: Vec<usize>,
    pub members: HashMap<String, usize>,
    pub every_member: Vec<usize>,
    pub other_members: Option<usize>,
    pub member_names: Option<usize>,
    pub items: Vec<usize>,
    pub every_item: Vec<usize>,
    pub other_items: Option<usize>,
}

#[derive(Debug)]
pub(super) struct SchemaGraph {
    /// Nodes of the graph; the first is the whole schema.
    pub nodes: Vec<SchemaNode>,
}

impl SchemaGraph {
    pub(super) fn from_schema(schema: &Value) -> Result<Self, UnsupportedSchema> {
        if depth(schema) > DEPTH_MAX {
            return Err(UnsupportedSchema::new("", format!("is nested deeper than {DEPTH_MAX} levels")));
        }
        let mut builder = GraphBuilder {
            root: schema,
            nodes: Vec::new(),
            origins: Vec::new(),
            node_by_address: HashMap::new(),
            unread: Vec::new(),
            patterns: Patterns::default(),
        };
        builder.add_node(schema, None, "");
        while let Some((index, value)) = builder.unread.pop() {
            let node = builder.read_node(index, value)?;
            builder.nodes[index] = node;
        }
        builder.check_cycles_and_cost()?;
        Ok(Self { nodes: builder.nodes })
    }
}

/// Node and path through which the builder reached a node.
struct NodeOrigin {
    parent: Option<usize>,
    path_from_parent: String,
}

struct GraphBuilder<'s> {
    root: &'s Value,
    nodes: Vec<SchemaNode>,
    origins: Vec<NodeOrigin>,
    /// Node indexes by the address of the JSON value, which is as unique as its path and faster.
    node_by_address: HashMap<usize, usize>,
    unread: Vec<(usize, &'s Value)>,
    patterns: Patterns,
}

impl<'s> GraphBuilder<'s> {
    fn add_node(&mut self, value: &'s Value, parent: Option<usize>, path: impl Into<String>) -> usize {
        let next = self.nodes.len();
        let index = *self.node_by_address.entry(std::ptr::from_ref(value) as usize).or_insert(next);
        if index == next {
            self.nodes.push(SchemaNode::default());
            self.origins.push(NodeOrigin { parent, path_from_parent: path.into() });
            self.unread.push((index, value));
        }
        index
    }

    fn unsupported<T>(&self, index: usize, keyword: &str, reason: impl Into<String>) -> Result<T, UnsupportedSchema> {
        let mut steps = vec![keyword];
        let mut at = Some(index);
        while let Some(origin) = at.map(|at| &self.origins[at]) {
            steps.push(&origin.path_from_parent);
            at = origin.parent;
        }
        steps.reverse();
        Err(UnsupportedSchema::new(steps.join("/").trim_matches('/'), reason))
    }

    fn read_node(&mut self, index: usize, value: &'s Value) -> Result<SchemaNode, UnsupportedSchema> {
        let mut node = SchemaNode { steps: 1, ..SchemaNode::default() };
        let Value::Object(members) = value else { return Ok(node) };
        for (keyword, value) in members {
            self.read_keyword(index, &mut node, keyword, value)?;
        }
        Ok(node)
    }

    fn read_keyword(
        &mut self,
        index: usize,
        node: &mut SchemaNode,
        keyword: &'s str,
        value: &'s Value,
    ) -> Result<(), UnsupportedSchema> {
        match (keyword, value) {
            ("$ref", Value::String(reference)) => {
                let target = self.resolve_reference(index, reference)?;
                node.same_value.push(target);
            }
            ("$schema", Value::String(draft)) => self.check_draft(index, draft)?,
            ("$id", Value::String(id)) | ("id", Value::String(id)) => self.check_id(index, keyword, id)?,
            (name, _) if UNSUPPORTED_KEYWORDS.contains(&name) => {
                return self.unsupported(index, name, "is not supported");
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(subschemas)) => {
                node.has_alternatives |= keyword != "allOf";
                node.same_value.extend(self.add_list(index, keyword, subschemas));
            }
            ("not" | "if" | "then" | "else", subschema) => {
                node.same_value.push(self.add_node(subschema, Some(index), keyword));
            }
            ("dependentSchemas" | "dependencies", Value::Object(subschemas)) => {
                for (name, subschema) in subschemas {
                    match subschema {
                        Value::Array(names) => node.steps += names.len() as u64,
                        subschema => {
                            node.same_value.push(self.add_node(subschema, Some(index), format!("{keyword}/{name}")));
                        }
                    }
                }
            }
            ("properties", Value::Object(subschemas)) => {
                node.steps += subschemas.len() as u64;
                node.members = self.add_map(index, keyword, subschemas).collect();
            }
            ("patternProperties", Value::Object(subschemas)) => {
                for pattern in subschemas.keys() {
                    node.name_pattern_states += self.pattern_states(index, keyword, pattern)?;
                }
                node.every_member = self.add_map(index, keyword, subschemas).map(|(_, node)| node).collect();
            }
            ("additionalProperties", subschema) => {
                node.other_members = Some(self.add_node(subschema, Some(index), keyword));
            }
            ("propertyNames", subschema) => node.member_names = Some(self.add_node(subschema, Some(index), keyword)),
            ("items" | "prefixItems", Value::Array(subschemas)) => {
                node.items = self.add_list(index, keyword, subschemas);
            }
            ("items" | "additionalItems", subschema) => {
                node.other_items = Some(self.add_node(subschema, Some(index), keyword));
            }
            ("contains", subschema) => node.every_item.push(self.add_node(subschema, Some(index), keyword)),
            ("pattern", Value::String(pattern)) => {
                node.text_pattern_states += self.pattern_states(index, keyword, pattern)?;
            }
            // Unreferenced definitions are checked too, as the library reads them.
            ("$defs" | "definitions", Value::Object(subschemas)) => {
                self.add_map(index, keyword, subschemas).for_each(drop);
            }
            ("enum" | "const" | "required" | "dependentRequired", value) => node.steps += comparison_steps(value),
            _ => {}
        }
        Ok(())
    }

    fn add_list(&mut self, index: usize, keyword: &str, subschemas: &'s [Value]) -> Vec<usize> {
        let each = subschemas.iter().enumerate();
        each.map(|(position, subschema)| self.add_node(subschema, Some(index), format!("{keyword}/{position}")))
            .collect()
    }

    fn add_map<'a>(
        &'a mut self,
        index: usize,
        keyword: &'a str,
        subschemas: &'s Map<String, Value>,
    ) -> impl Iterator<Item = (String, usize)> + use<'a, 's> {
        subschemas.iter().map(move |(name, subschema)| {
            (name.clone(), self.add_node(subschema, Some(index), format!("{keyword}/{name}")))
        })
    }

    fn pattern_states(&mut self, index: usize, keyword: &str, pattern: &str) -> Result<u64, UnsupportedSchema> {
        self.patterns.count_states(pattern).or_else(|reason| self.unsupported(index, keyword, reason))
    }

    fn resolve_reference(&mut self, index: usize, reference: &str) -> Result<usize, UnsupportedSchema> {
        let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(pointer) = pointer.filter(|pointer| !pointer.contains('%')) else {
            return self.unsupported(
                index,
                "$ref",
                "refers outside the schema: only \"#\" and \"#/path\" are supported",
            );
        };
        match self.root.pointer(pointer) {
            Some(target @ (Value::Object(_) | Value::Bool(_))) => Ok(self.add_node(target, Some(index), "$ref")),
            _ => self.unsupported(index, "$ref", "refers to no schema"),
        }
    }

    fn check_draft(&self, index: usize, draft: &str) -> Result<(), UnsupportedSchema> {
        if index != 0 {
            return self.unsupported(index, "$schema", "is supported only at the top level");
        }
        let name = draft.strip_suffix('#').unwrap_or(draft);
        let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
        if !DRAFTS.contains(&name) {
            return self.unsupported(index, "$schema", "is not draft 4, 6, 7, 2019-09 or 2020-12");
        }
        Ok(())
    }

    /// Refuses ids below the top level, as an inner id changes the target of references.
    fn check_id(&self, index: usize, keyword: &str, id: &str) -> Result<(), UnsupportedSchema> {
        match (keyword, index) {
            // Only draft 4 uses `id`; later drafts ignore it.
            ("id", _) if !self.root["$schema"].as_str().is_some_and(|draft| draft.contains("draft-04")) => Ok(()),
            (_, 0) if !id.contains("json-schema.org") => Ok(()),
            (_, 0) => self.unsupported(index, keyword, "must not be an id of json-schema.org"),
            _ => self.unsupported(index, keyword, "is supported only at the top level"),
        }
    }

    /// Checks that chains of nodes on one value end and are cheap. Nodes without references to other nodes are removed
    /// repeatedly; nodes that remain form a cycle.
    fn check_cycles_and_cost(&self) -> Result<(), UnsupportedSchema> {
        let mut referrers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut open_references: Vec<usize> = self.nodes.iter().map(|node| node.same_value.len()).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            node.same_value.iter().for_each(|next| referrers[*next].push(index));
        }
        let mut costs: Vec<(u64, usize)> = self.nodes.iter().map(|node| (node.steps, 1)).collect();
        let mut ready: Vec<usize> = (0..self.nodes.len()).filter(|index| open_references[*index] == 0).collect();
        let mut removed = 0;
        while let Some(index) = ready.pop() {
            removed += 1;
            let (steps, chain_length) = costs[index];
            if steps > STEPS_PER_VALUE_MAX || chain_length > CHAIN_LENGTH_MAX {
                return self.unsupported(index, "", "needs too many steps for one value");
            }
            for &referrer in &referrers[index] {
                costs[referrer] = (costs[referrer].0.saturating_add(steps), costs[referrer].1.max(chain_length + 1));
                open_references[referrer] -= 1;
                if open_references[referrer] == 0 {
                    ready.push(referrer);
                }
            }
        }
        match open_references.iter().position(|count| *count > 0) {
            Some(index) if removed < self.nodes.len() => self.unsupported(index, "", "refers to itself"),
            _ => Ok(()),
        }
    }
}

/// Steps of comparing a value with this JSON: one per contained value, and more for texts.
fn comparison_steps(value: &Value) -> u64 {
    match value {
        Value::Array(values) => 1 + values.iter().map(comparison_steps).sum::<u64>(),
        Value::Object(members) => {
            1 + members.iter().map(|(name, member)| text_steps(name) + comparison_steps(member)).sum::<u64>()
        }
        Value::String(text) => 1 + text_steps(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// Returns the steps that comparing a text costs.
pub(super) fn text_steps(text: &str) -> u64 {
    text.len() as u64 / TEXT_BYTES_PER_STEP
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}
