//! Secrets of a function, which it fetches from Secrets Manager when it starts.
//!
//! The environment of a function holds only their names, because everyone who may read a function's configuration can
//! read its environment. See docs/decisions/0032-a-key-for-each-purpose.md.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use futures_util::future::join_all;

use crate::aws::Error;
use crate::settings::{MASTER_KEY_VARIABLE, RequiredSetting, SecretVariables, is_on_lambda};

/// Fetched secrets, by the variable that would hold each.
pub struct FetchedSecrets(BTreeMap<&'static str, String>);

impl FetchedSecrets {
    /// Returns a fetched secret, or else the variable of the environment.
    pub fn lookup(&self, environment: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
        self.0.get(name).cloned().or_else(|| environment(name))
    }
}

/// Fetches the secrets of the required settings that the environment names, all at once.
///
/// Fails with every secret that can't be fetched, and on AWS with every secret that is in the environment itself.
pub async fn fetch_secrets(
    config: &SdkConfig,
    required: &[RequiredSetting],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<FetchedSecrets, Error> {
    let required: Vec<SecretVariables> = required.iter().filter_map(|setting| setting.secret()).collect();
    let mut errors = exposed_secrets(&required, environment);
    let is_named = |secret: &&SecretVariables| environment(secret.arn).is_some_and(|arn| !arn.is_empty());
    let named: Vec<SecretVariables> = required.iter().filter(is_named).copied().collect();
    if named.is_empty() && errors.is_empty() {
        return Ok(FetchedSecrets(BTreeMap::new()));
    }
    let client = Client::new(config);
    let fetched = join_all(named.iter().map(|secret| async {
        let response = client.get_secret_value().secret_id(environment(secret.arn).unwrap_or_default()).send().await;
        match response.map(|response| response.secret_string) {
            Ok(Some(value)) => Ok((secret.value, value)),
            Ok(None) => Err(format!("{} names a secret that is not a text", secret.arn)),
            Err(error) => {
                let error = aws_sdk_secretsmanager::error::DisplayErrorContext(error);
                Err(format!("the secret that {} names can't be fetched: {error}", secret.arn))
            }
        }
    }));
    let mut secrets = BTreeMap::new();
    for result in fetched.await {
        match result {
            Ok((name, value)) => drop(secrets.insert(name, value)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(FetchedSecrets(secrets)) } else { Err(errors.join("\n").into()) }
}

/// Returns an error for each secret that a function on AWS has in its environment.
fn exposed_secrets(required: &[SecretVariables], environment: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    if !is_on_lambda(environment) {
        return Vec::new();
    }
    let names = required.iter().map(|secret| secret.value).chain([MASTER_KEY_VARIABLE]);
    let is_set = |name: &&str| environment(name).is_some_and(|value| !value.is_empty());
    names
        .filter(is_set)
        .map(|name| format!("{name} must not be in the environment of a function: name a secret of Secrets Manager"))
        .collect()
}

#[cfg(test)]
mod tests {
    use handrail_secrets::keys::KeyPurpose;

    use super::*;

    #[test]
    fn secret_in_the_environment_of_a_function_is_refused() {
        let required: Vec<SecretVariables> = [RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::SlackClientId]
            .iter()
            .filter_map(|setting| setting.secret())
            .collect();
        for exposed in ["HANDRAIL_FILES_KEY", "HANDRAIL_MASTER_KEY"] {
            let on_aws = |name: &str| match name {
                "LAMBDA_TASK_ROOT" => Some("/var/task".to_owned()),
                name => (name == exposed).then(|| "a secret of enough characters, but visible".to_owned()),
            };
            assert!(exposed_secrets(&required, &on_aws).join("").contains(exposed));
            let on_a_laptop = |name: &str| on_aws(name).filter(|_| name != "LAMBDA_TASK_ROOT");
            assert_eq!(exposed_secrets(&required, &on_a_laptop), Vec::<String>::new());
        }
    }
}
