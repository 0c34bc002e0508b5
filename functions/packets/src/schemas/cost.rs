//! Upper bound of the cost of a validation, calculated before the validation runs. Each schema node that visits a value
//! of the document counts as a step, as if every alternative were tried completely.

use serde_json::Value;

use super::schema_graph::{SchemaGraph, SchemaNode, text_steps};

/// Steps per request, for all its packets together. A step takes well below a microsecond, so a small function needs
/// about a second. A document of 1 MB has some hundred thousand values with a few steps each.
pub(crate) const STEPS_MAX: u64 = 1_000_000;
/// Nesting of schema nodes along schema and document. Each level takes stack space.
const DEPTH_MAX: usize = 256;
/// Bytes of a text times pattern states that one step matches.
const PATTERN_BYTES_PER_STEP: u64 = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ValidationCost {
    pub steps: u64,
    /// Nesting of alternatives. Collecting error details visits inner alternatives once more for each outer one.
    pub alternative_depth: u64,
}

/// Calculates the cost of validating the document. Returns `None` if the cost exceeds `steps_max` or the depth limit.
pub(super) fn calculate(graph: &SchemaGraph, document: &Value, steps_max: u64) -> Option<ValidationCost> {
    let mut counter = CostCounter { nodes: &graph.nodes, steps_max, cost: ValidationCost::default() };
    counter.visit(0, VisitedValue::Value(document), Position::default())?;
    Some(counter.cost)
}

struct CostCounter<'o> {
    nodes: &'o [SchemaNode],
    steps_max: u64,
    cost: ValidationCost,
}

#[derive(Clone, Copy)]
enum VisitedValue<'d> {
    Value(&'d Value),
    MemberName(&'d str),
}

#[derive(Clone, Copy, Default)]
struct Position {
    depth: usize,
    alternative_depth: u64,
}

impl CostCounter<'_> {
    fn add_steps(&mut self, steps: u64) -> Option<()> {
        self.cost.steps = self.cost.steps.saturating_add(steps);
        (self.cost.steps <= self.steps_max).then_some(())
    }

    fn visit(&mut self, node: usize, visited: VisitedValue<'_>, position: Position) -> Option<()> {
        let node = &self.nodes[node];
        let position = Position {
            depth: position.depth + 1,
            alternative_depth: position.alternative_depth + u64::from(node.has_alternatives),
        };
        if position.depth > DEPTH_MAX {
            return None;
        }
        self.cost.alternative_depth = self.cost.alternative_depth.max(position.alternative_depth);
        self.add_steps(node.steps)?;
        for next in &node.same_value {
            self.visit(*next, visited, position)?;
        }
        match visited {
            VisitedValue::MemberName(text) => self.add_steps(match_steps(text, node.text_pattern_states)),
            VisitedValue::Value(Value::String(text)) => self.add_steps(match_steps(text, node.text_pattern_states)),
            VisitedValue::Value(Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.add_steps(1)?;
                    let specific = node.items.get(index).or(node.other_items.as_ref());
                    for next in specific.into_iter().chain(&node.every_item) {
                        self.visit(*next, VisitedValue::Value(value), position)?;
                    }
                }
                Some(())
            }
            VisitedValue::Value(Value::Object(members)) => {
                for (name, value) in members {
                    self.add_steps(1 + match_steps(name, node.name_pattern_states))?;
                    let specific = node.members.get(name).or(node.other_members.as_ref());
                    for next in specific.into_iter().chain(&node.every_member) {
                        self.visit(*next, VisitedValue::Value(value), position)?;
                    }
                    if let Some(names) = node.member_names {
                        self.visit(names, VisitedValue::MemberName(name), position)?;
                    }
                }
                Some(())
            }
            VisitedValue::Value(Value::Null | Value::Bool(_) | Value::Number(_)) => Some(()),
        }
    }
}

fn match_steps(text: &str, states: u64) -> u64 {
    let bytes = text.len() as u64;
    text_steps(text) + bytes.saturating_mul(states) / PATTERN_BYTES_PER_STEP
}
