//! Which of a binary's functions a process serves: the one that `HANDRAIL_FUNCTION` names.

use std::fmt;

use crate::settings::is_on_lambda;

const VARIABLE: &str = "HANDRAIL_FUNCTION";
/// Value with which `cargo lambda watch` serves all operations of a binary. A function on AWS refuses it.
const ALL: &str = "all";

#[derive(PartialEq, Eq, thiserror::Error)]
pub enum FunctionNameError {
    #[error("{VARIABLE} is not set. It names the one function that this process serves")]
    Missing,
    #[error("{VARIABLE} is {name}, which is in another binary. This one has: {}", available.join(", "))]
    Unknown { name: String, available: Vec<&'static str> },
    #[error("{VARIABLE} must not be {ALL} on AWS: there each function serves one operation")]
    AllOnLambda,
}

/// The message: a program that ends with an error prints it in this form.
impl fmt::Debug for FunctionNameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Returns the function that the environment names, or all of them.
pub fn select_functions<'a, T>(
    functions: &'a [T],
    name_of: fn(&T) -> &'static str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<&'a [T], FunctionNameError> {
    let name = lookup(VARIABLE).filter(|name| !name.is_empty()).ok_or(FunctionNameError::Missing)?;
    if name == ALL {
        return if is_on_lambda(lookup) { Err(FunctionNameError::AllOnLambda) } else { Ok(functions) };
    }
    match functions.iter().find(|function| name_of(function) == name) {
        Some(function) => Ok(std::slice::from_ref(function)),
        None => Err(FunctionNameError::Unknown { name, available: functions.iter().map(name_of).collect() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: [&str; 2] = ["decisions-create", "decisions-get"];

    fn select(name: Option<&str>, on_lambda: bool) -> Result<&'static [&'static str], FunctionNameError> {
        select_functions(&FUNCTIONS, |name| name, &|variable| match variable {
            VARIABLE => name.map(str::to_owned),
            "LAMBDA_TASK_ROOT" => on_lambda.then(|| "/var/task".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn process_serves_only_the_named_function() {
        for on_lambda in [false, true] {
            assert_eq!(select(Some("decisions-get"), on_lambda), Ok(&["decisions-get"][..]));
            for missing in [None, Some("")] {
                assert_eq!(select(missing, on_lambda), Err(FunctionNameError::Missing));
            }
            let message = select(Some("packets-get"), on_lambda).unwrap_err().to_string();
            assert!(message.contains("packets-get") && message.contains("decisions-create"), "{message}");
        }
    }

    #[test]
    fn function_on_aws_never_serves_all_operations() {
        assert_eq!(select(Some("all"), false), Ok(&FUNCTIONS[..]));
        assert_eq!(select(Some("all"), true), Err(FunctionNameError::AllOnLambda));
    }
}
