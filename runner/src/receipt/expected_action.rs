//! The action that a receipt must have approved.

use std::path::Path;

use anyhow::{Context, ensure};
use handrail_domain::decision::{ARGUMENTS_BYTES_MAX, action_hash, validate_arguments};

use super::unique_json;

/// Most bytes of a file of arguments. Spaces and line breaks may make it longer than the arguments themselves.
const FILE_BYTES_MAX: u64 = 16 * ARGUMENTS_BYTES_MAX as u64;

/// Hash of an action, and how to speak of it.
#[derive(Clone, Debug)]
pub struct ExpectedAction {
    pub(super) hash: String,
    pub(super) action: String,
}

impl ExpectedAction {
    /// Reads the action from the command line. Arguments that two programs may read differently are refused.
    pub fn read(action: String, tool: Option<&str>, arguments: Option<&Path>) -> anyhow::Result<Self> {
        let arguments = match arguments {
            Some(path) => {
                let name = path.display();
                let size = std::fs::metadata(path).with_context(|| format!("could not read {name}"))?.len();
                ensure!(size <= FILE_BYTES_MAX, "{name} has more than {FILE_BYTES_MAX} bytes");
                let text = std::fs::read_to_string(path).with_context(|| format!("could not read {name}"))?;
                let value = unique_json::parse(&text).with_context(|| format!("{name} is not JSON of one meaning"))?;
                validate_arguments(Some(value)).map_err(|errors| {
                    let problems = errors.iter().map(|error| format!("{} {}", error.field(), error.message));
                    anyhow::anyhow!("{name}: {}", problems.collect::<Vec<_>>().join("; "))
                })?
            }
            None => None,
        };
        Ok(Self { hash: action_hash(&action, tool, arguments.as_ref()), action })
    }
}
