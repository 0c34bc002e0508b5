//! What a check costs at most, found out before it is made: each part of the schema that looks at each value of the
//! document is a step, as if every alternative were tried to its end. A check that is not begun can't go on for ever.

use serde_json::Value;

use super::outline::{Outline, Part};

/// Of one request, all its packets together. A step takes well below a microsecond, so this is about a second of a small
/// function. A document of 1 MB has some hundred thousand values, and each takes a few steps.
pub(crate) const STEPS_MAX: u64 = 1_000_000;
/// Parts one inside the other, through schema and document. Each takes some room on the stack.
const TURNS_MAX: usize = 256;
/// A text is read at this many bytes a step, and compared with so many states of a pattern times bytes.
const TEXT_BYTES_OF_A_STEP: u64 = 256;
const PATTERN_BYTES_OF_A_STEP: u64 = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effort {
    pub steps: u64,
    /// Alternatives within alternatives. Who tells why none fits goes through the inner ones once more for each outer one.
    pub alternatives: u64,
}

/// `None`: more than that.
pub(super) fn of(outline: &Outline, document: &Value, steps_max: u64) -> Option<Effort> {
    let mut walk = Walk { parts: &outline.parts, steps_max, effort: Effort::default() };
    walk.look(0, Seen::Value(document), Place::default())?;
    Some(walk.effort)
}

pub(super) fn of_text(text: &str) -> u64 {
    text.len() as u64 / TEXT_BYTES_OF_A_STEP
}

struct Walk<'o> {
    parts: &'o [Part],
    steps_max: u64,
    effort: Effort,
}

#[derive(Clone, Copy)]
enum Seen<'d> {
    Value(&'d Value),
    Name(&'d str),
}

#[derive(Clone, Copy, Default)]
struct Place {
    turns: usize,
    alternatives: u64,
}

impl Walk<'_> {
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.effort.steps = self.effort.steps.saturating_add(steps);
        (self.effort.steps <= self.steps_max).then_some(())
    }

    fn look(&mut self, part: usize, seen: Seen<'_>, place: Place) -> Option<()> {
        let part = &self.parts[part];
        let place = Place { turns: place.turns + 1, alternatives: place.alternatives + u64::from(part.offers) };
        if place.turns > TURNS_MAX {
            return None;
        }
        self.effort.alternatives = self.effort.alternatives.max(place.alternatives);
        self.spend(part.steps)?;
        for next in &part.here {
            self.look(*next, seen, place)?;
        }
        match seen {
            Seen::Name(text) => self.spend(of_match(text, part.text_states)),
            Seen::Value(Value::String(text)) => self.spend(of_match(text, part.text_states)),
            Seen::Value(Value::Array(values)) => {
                for (at, value) in values.iter().enumerate() {
                    self.spend(1)?;
                    let own = part.places.get(at).or(part.other_places.as_ref());
                    for next in own.into_iter().chain(&part.every_place) {
                        self.look(*next, Seen::Value(value), place)?;
                    }
                }
                Some(())
            }
            Seen::Value(Value::Object(members)) => {
                for (name, value) in members {
                    self.spend(1 + of_match(name, part.name_states))?;
                    let own = part.members.get(name).or(part.other_members.as_ref());
                    for next in own.into_iter().chain(&part.every_member) {
                        self.look(*next, Seen::Value(value), place)?;
                    }
                    if let Some(names) = part.names {
                        self.look(names, Seen::Name(name), place)?;
                    }
                }
                Some(())
            }
            Seen::Value(Value::Null | Value::Bool(_) | Value::Number(_)) => Some(()),
        }
    }
}

fn of_match(text: &str, states: u64) -> u64 {
    let bytes = text.len() as u64;
    of_text(text) + bytes.saturating_mul(states) / PATTERN_BYTES_OF_A_STEP
}
