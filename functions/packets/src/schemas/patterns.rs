//! How large the patterns of a schema are. They are matched in time linear in the text, times their size: so the size is
//! what has to be bounded.

use regex_automata::nfa::thompson::NFA;

/// Of one pattern, compiled.
pub(super) const PATTERN_BYTES_MAX: usize = 512 * 1024;
/// Of all patterns of a schema. A process remembers some schemas with all their patterns.
const PATTERNS_BYTES_MAX: usize = 1024 * 1024;
const PATTERNS_MAX: usize = 500;
/// Of a pattern that only the library understands: as many as it may have.
const STATES_MAX: u64 = 16_000;

#[derive(Default)]
pub(super) struct Patterns {
    count: usize,
    bytes: usize,
}

impl Patterns {
    /// How many states it has. What is no pattern is left to the library, which says what is wrong with it.
    pub(super) fn states_of(&mut self, pattern: &str) -> Result<u64, String> {
        let limits = NFA::config().nfa_size_limit(Some(PATTERN_BYTES_MAX));
        let (states, bytes) = match NFA::compiler().configure(limits).build(&in_ascii(pattern)) {
            Ok(nfa) => (nfa.states().len() as u64, nfa.memory_usage()),
            Err(error) if error.size_limit().is_some() => return Err("is a pattern that is too large".to_owned()),
            Err(_) => (STATES_MAX, PATTERN_BYTES_MAX),
        };
        self.count += 1;
        self.bytes += bytes;
        if self.count > PATTERNS_MAX || self.bytes > PATTERNS_BYTES_MAX {
            return Err("is one pattern too many: together they are too large".to_owned());
        }
        Ok(states)
    }
}

/// A digit is one of ten, as in the language that patterns are written in; here it would be one of some hundreds.
fn in_ascii(pattern: &str) -> String {
    pattern.replace(r"\d", "[0-9]").replace(r"\w", "[A-Za-z0-9_]")
}
