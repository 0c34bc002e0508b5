//! Size limits of the patterns in a schema. Matching takes time proportional to the text times the pattern size, so the
//! size must be bounded.

use regex_automata::nfa::thompson::NFA;

/// Compiled size of one pattern.
pub(super) const PATTERN_BYTES_MAX: usize = 512 * 1024;
/// Compiled size of all patterns of a schema. A process caches several schemas with their patterns.
const PATTERNS_BYTES_MAX: usize = 1024 * 1024;
const PATTERNS_MAX: usize = 500;
/// States assumed for a pattern that only the schema library can parse: the most that a pattern may have.
const STATES_MAX: u64 = 16_000;

#[derive(Default)]
pub(super) struct Patterns {
    count: usize,
    bytes: usize,
}

impl Patterns {
    /// Counts the states of a pattern. An invalid pattern is left to the schema library, which reports the error.
    pub(super) fn count_states(&mut self, pattern: &str) -> Result<u64, String> {
        let limits = NFA::config().nfa_size_limit(Some(PATTERN_BYTES_MAX));
        let (states, bytes) = match NFA::compiler().configure(limits).build(&to_ascii_classes(pattern)) {
            Ok(nfa) => (nfa.states().len() as u64, nfa.memory_usage()),
            Err(error) if error.size_limit().is_some() => return Err("is a pattern that is too large".to_owned()),
            Err(_) => (STATES_MAX, PATTERN_BYTES_MAX),
        };
        self.count += 1;
        self.bytes += bytes;
        if self.count > PATTERNS_MAX || self.bytes > PATTERNS_BYTES_MAX {
            return Err("exceeds the limit of all patterns together".to_owned());
        }
        Ok(states)
    }
}

/// Replaces digit and word classes by ASCII classes, their meaning in JSON Schema; in Rust they include all of Unicode.
fn to_ascii_classes(pattern: &str) -> String {
    pattern.replace(r"\d", "[0-9]").replace(r"\w", "[A-Za-z0-9_]")
}
