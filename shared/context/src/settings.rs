//! Settings of a process, read once from the environment. All errors are reported together, each with its variable.
//!
//! The registry lists the settings that each function requires. The template sets these variables and no others, and a
//! test compares the two.

use handrail_domain::ip_network::IpNetwork;
use handrail_domain::outbound::AddressPolicy;

use crate::slack::SlackSettings;
use handrail_secrets::keys::{KeyPurpose, Keys};
use handrail_secrets::purpose_key::SECRET_CHARS_MIN;
use handrail_secrets::secret::Secret;

const SLACK_API_VARIABLE: &str = "HANDRAIL_SLACK_API";
/// Secret for the keys of all purposes, where one process or one developer has them all.
pub(crate) const MASTER_KEY_VARIABLE: &str = "HANDRAIL_MASTER_KEY";

/// Variables of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretVariables {
    /// Holds the secret itself.
    pub value: &'static str,
    /// Names the secret in Secrets Manager.
    pub arn: &'static str,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub table: String,
    /// Keys that this process declares.
    pub keys: Keys,
    /// Public origin of this installation, such as `https://handrail.example.com`, without a slash at the end.
    pub origin: Option<String>,
    /// Addresses that callbacks and webhooks may reach.
    pub address_policy: AddressPolicy,
    pub slack: SlackSettings,
    /// Rate limits of requests without an API key.
    pub public_rate_limits: PublicRateLimits,
    /// Network from which the metrics of all tenants are read without an API key. `None`: from nowhere.
    pub metrics_network: Option<IpNetwork>,
}

/// Rate limits of requests without an API key. Each has its own variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicRateLimits {
    /// `GET /d/…`, per client address.
    pub pages_per_minute: u32,
    /// `POST /auth/login…`, per client address and per mailbox.
    pub sign_ins_per_minute: u32,
    /// `POST /auth/api-keys`, per tenant.
    pub keys_per_hour: u32,
}

impl PublicRateLimits {
    pub const PRODUCTION: Self = Self { pages_per_minute: 30, sign_ins_per_minute: 10, keys_per_hour: 10 };
    /// Limits of a local installation, where all clients have the same address.
    pub const LOCAL: Self = Self { pages_per_minute: 100_000, sign_ins_per_minute: 100_000, keys_per_hour: 100_000 };
}

/// Setting that a function requires from its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequiredSetting {
    Table,
    /// Key of a purpose.
    Key(KeyPurpose),
    Origin,
    FilesBucket,
    FilesQueue,
    MailFrom,
    DeliveriesQueue,
    NoticesQueue,
    TimersQueue,
    Scheduler,
    /// Client id of the registered Slack app. Empty in an installation without Slack.
    SlackClientId,
    SlackClientSecret,
    SlackSigningSecret,
    PagesPerMinute,
    SignInsPerMinute,
    KeysPerHour,
    /// Network that reads the metrics without a key. Empty for none.
    MetricsNetwork,
    /// Hosts in private networks that callbacks and webhooks may reach. Empty for none.
    WebhookHosts,
}

impl RequiredSetting {
    /// Settings of the registered Slack app.
    pub const SLACK: [Self; 3] = [Self::SlackClientId, Self::SlackClientSecret, Self::SlackSigningSecret];

    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Table => &["HANDRAIL_TABLE"],
            Self::Key(purpose) => purpose.arn_variables(),
            Self::Origin => &["HANDRAIL_ORIGIN"],
            Self::FilesBucket => &["HANDRAIL_FILES_BUCKET"],
            Self::FilesQueue => &["HANDRAIL_FILES_QUEUE"],
            Self::MailFrom => &["HANDRAIL_MAIL_FROM"],
            Self::DeliveriesQueue => &["HANDRAIL_DELIVERIES_QUEUE"],
            Self::NoticesQueue => &["HANDRAIL_NOTICES_QUEUE"],
            Self::TimersQueue => &["HANDRAIL_TIMERS_QUEUE"],
            Self::PagesPerMinute => &["HANDRAIL_PAGES_PER_MINUTE"],
            Self::SignInsPerMinute => &["HANDRAIL_SIGN_INS_PER_MINUTE"],
            Self::KeysPerHour => &["HANDRAIL_KEYS_PER_HOUR"],
            Self::WebhookHosts => &["HANDRAIL_WEBHOOK_HOSTS"],
            Self::MetricsNetwork => &["HANDRAIL_METRICS_NETWORK"],
            Self::Scheduler => &["HANDRAIL_TIMERS_QUEUE_ARN", "HANDRAIL_SCHEDULE_ROLE_ARN", "HANDRAIL_SCHEDULE_GROUP"],
            Self::SlackClientId => &["HANDRAIL_SLACK_CLIENT_ID"],
            Self::SlackClientSecret => &["HANDRAIL_SLACK_CLIENT_SECRET_ARN"],
            Self::SlackSigningSecret => &["HANDRAIL_SLACK_SIGNING_SECRET_ARN"],
        }
    }

    /// Returns the variable that would hold this setting's secret, and the one that names the secret in Secrets Manager.
    /// On AWS a function fetches the secret when it starts, and its environment holds only the name.
    pub fn secret(self) -> Option<SecretVariables> {
        let value = match self {
            Self::Key(purpose) => purpose.variable(),
            Self::SlackClientSecret => "HANDRAIL_SLACK_CLIENT_SECRET",
            Self::SlackSigningSecret => "HANDRAIL_SLACK_SIGNING_SECRET",
            _ => return None,
        };
        Some(SecretVariables { value, arn: self.variables()[0] })
    }
}

/// All errors of the environment, one per line.
#[derive(Debug, thiserror::Error)]
#[error("the environment is incomplete or invalid:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

/// Reader of environment variables that collects errors.
pub struct EnvReader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<String>,
}

impl<'a> EnvReader<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, errors: Vec::new() }
    }

    pub fn required(&mut self, name: &str) -> String {
        match (self.lookup)(name).filter(|value| !value.is_empty()) {
            Some(value) => value,
            None => {
                self.errors.push(format!("{name} is not set"));
                String::new()
            }
        }
    }

    /// Reads a whole number above 0. Returns `default` if the variable is not required, not set or invalid.
    fn optional_limit(&mut self, name: &str, is_required: bool, default: u32) -> u32 {
        let Some(text) = (self.lookup)(name).filter(|text| is_required && !text.is_empty()) else { return default };
        match text.parse() {
            Ok(limit) if limit > 0 => limit,
            _ => {
                self.add_error(name, "is not a whole number above 0");
                default
            }
        }
    }

    /// Adds the hosts of `HANDRAIL_WEBHOOK_HOSTS`, if it is set, to the addresses that calls may reach.
    fn with_webhook_hosts(&mut self, policy: AddressPolicy) -> AddressPolicy {
        const NAME: &str = "HANDRAIL_WEBHOOK_HOSTS";
        let Some(list) = (self.lookup)(NAME).filter(|list| !list.is_empty()) else { return policy };
        policy.with_hosts(&list).unwrap_or_else(|| {
            self.add_error(NAME, "is not a list of hosts such as hooks.internal,10.0.0.7");
            policy
        })
    }

    /// Reads a network such as `10.0.0.0/8`. Returns `None` if the variable is not set or invalid.
    fn optional_network(&mut self, name: &str) -> Option<IpNetwork> {
        let text = (self.lookup)(name).filter(|text| !text.is_empty())?;
        let network = IpNetwork::parse(&text);
        if network.is_none() {
            self.add_error(name, "is not a network such as 10.0.0.0/8");
        }
        network
    }

    /// Reads the secret of a purpose: its own, or else the master secret.
    fn key_secret(&mut self, purpose: KeyPurpose) -> String {
        let own = (self.lookup)(purpose.variable()).filter(|secret| !secret.is_empty());
        let name = if own.is_some() { purpose.variable() } else { MASTER_KEY_VARIABLE };
        let secret = self.required(name);
        if !secret.is_empty() && secret.len() < SECRET_CHARS_MIN {
            self.add_error(name, &format!("is shorter than {SECRET_CHARS_MIN} characters"));
        }
        secret
    }

    pub fn add_error(&mut self, name: &str, message: &str) {
        self.errors.push(format!("{name} {message}"));
    }

    pub fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.errors.is_empty() { Ok(value) } else { Err(ConfigError(self.errors)) }
    }
}

impl Settings {
    pub fn read(required: &[RequiredSetting], lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut environment = EnvReader::new(lookup);
        let settings = Self::from_env(&mut environment, required);
        environment.finish(settings)
    }

    pub fn from_env(environment: &mut EnvReader<'_>, required: &[RequiredSetting]) -> Self {
        let table = environment.required("HANDRAIL_TABLE");
        let purposes = required.iter().filter_map(|setting| match setting {
            RequiredSetting::Key(purpose) => Some(*purpose),
            _ => None,
        });
        let keys = purposes.fold(Keys::default(), |keys, purpose| keys.with(purpose, &environment.key_secret(purpose)));
        let origin = required.contains(&RequiredSetting::Origin).then(|| {
            let origin = environment.required("HANDRAIL_ORIGIN");
            if !origin.is_empty() && !is_origin(&origin) {
                environment
                    .add_error("HANDRAIL_ORIGIN", "is not an http(s) origin such as https://handrail.example.com");
            }
            origin.trim_end_matches('/').to_owned()
        });
        // Set for `cargo lambda watch`, where callbacks may go to the same machine; never on AWS.
        let allows_loopback = (environment.lookup)("HANDRAIL_CALLBACKS").as_deref() == Some("loopback");
        let on_lambda = is_on_lambda(environment.lookup);
        if allows_loopback && on_lambda {
            environment.add_error(
                "HANDRAIL_CALLBACKS",
                "must not be loopback on AWS: loopback is the Lambda runtime's own API there",
            );
        }
        let address_policy = if allows_loopback { AddressPolicy::AllowLoopback } else { AddressPolicy::PublicOnly };
        let address_policy = match required.contains(&RequiredSetting::WebhookHosts) {
            true => environment.with_webhook_hosts(address_policy),
            false => address_policy,
        };
        let slack = read_slack(required, environment.lookup);
        if slack.api_url.is_some() && on_lambda {
            environment
                .add_error(SLACK_API_VARIABLE, "must not be set on AWS: tokens would go there instead of to Slack");
        }
        let defaults = PublicRateLimits::PRODUCTION;
        let mut limit = |setting: RequiredSetting, default| {
            environment.optional_limit(setting.variables()[0], required.contains(&setting), default)
        };
        let public_rate_limits = PublicRateLimits {
            pages_per_minute: limit(RequiredSetting::PagesPerMinute, defaults.pages_per_minute),
            sign_ins_per_minute: limit(RequiredSetting::SignInsPerMinute, defaults.sign_ins_per_minute),
            keys_per_hour: limit(RequiredSetting::KeysPerHour, defaults.keys_per_hour),
        };
        let metrics_network = match required.contains(&RequiredSetting::MetricsNetwork) {
            true => environment.optional_network("HANDRAIL_METRICS_NETWORK"),
            false => None,
        };
        Self { table, keys, origin, address_policy, slack, public_rate_limits, metrics_network }
    }
}

/// Reads the required settings. In an installation without Slack the variables are empty.
pub fn read_slack(required: &[RequiredSetting], lookup: &dyn Fn(&str) -> Option<String>) -> SlackSettings {
    let read = |setting: RequiredSetting| {
        let variable = setting.secret().map_or(setting.variables()[0], |secret| secret.value);
        let value = required.contains(&setting).then(|| lookup(variable)).flatten();
        value.filter(|value| !value.is_empty())
    };
    SlackSettings {
        client_id: read(RequiredSetting::SlackClientId),
        client_secret: read(RequiredSetting::SlackClientSecret).map(Secret::new),
        signing_secret: read(RequiredSetting::SlackSigningSecret).map(Secret::new),
        api_url: lookup(SLACK_API_VARIABLE).filter(|url| !url.is_empty()),
    }
}

/// Returns `true` in a function on AWS, `false` under `cargo lambda watch`.
///
/// Lambda sets `AWS_EXECUTION_ENV` for its own runtimes only, and the folder of the code for every function.
pub(crate) fn is_on_lambda(lookup: &dyn Fn(&str) -> Option<String>) -> bool {
    lookup("AWS_EXECUTION_ENV").is_some_and(|name| name.starts_with("AWS_Lambda"))
        || lookup("LAMBDA_TASK_ROOT").is_some()
}

/// Returns `true` for an http or https URL without query and fragment.
pub fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_error_lists_every_invalid_variable() {
        let lookup = |name: &str| match name {
            "HANDRAIL_MASTER_KEY" => Some("short".to_owned()),
            "HANDRAIL_ORIGIN" => Some("handrail".to_owned()),
            _ => None,
        };
        let error = Settings::read(
            &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::Origin],
            &lookup,
        )
        .unwrap_err()
        .to_string();
        for name in ["HANDRAIL_TABLE is not set", "HANDRAIL_MASTER_KEY is shorter", "HANDRAIL_ORIGIN is not"] {
            assert!(error.contains(name), "{error}");
        }
        assert!(!error.contains("short\""));
    }

    #[test]
    fn slack_api_override_is_refused_on_lambda() {
        let lookup = |name: &str| match name {
            "HANDRAIL_TABLE" => Some("t".to_owned()),
            "HANDRAIL_SLACK_API" => Some("http://127.0.0.1:1/api".to_owned()),
            "AWS_EXECUTION_ENV" => Some("AWS_Lambda_provided.al2023".to_owned()),
            _ => None,
        };
        assert!(Settings::read(&[RequiredSetting::Table], &lookup).is_err());
    }

    #[test]
    fn empty_slack_variables_count_as_unset() {
        let required = [RequiredSetting::Table, RequiredSetting::SlackClientId, RequiredSetting::SlackSigningSecret];
        let lookup = |name: &str| match name {
            "HANDRAIL_TABLE" => Some("t".to_owned()),
            "HANDRAIL_SLACK_CLIENT_ID" => Some(String::new()),
            "HANDRAIL_SLACK_SIGNING_SECRET" | "HANDRAIL_SLACK_CLIENT_SECRET" => Some("sesame".to_owned()),
            _ => None,
        };
        let slack = Settings::read(&required, &lookup).unwrap().slack;
        assert!(slack.client_id.is_none() && slack.signing_secret.is_some());
        assert!(slack.client_secret.is_none(), "the setting is not required");
        assert!(!format!("{slack:?}").contains("sesame"));
    }

    #[test]
    fn public_rate_limits_default_to_production() {
        let read = |value: &'static str| {
            let lookup = move |name: &str| match name {
                "HANDRAIL_TABLE" => Some("t".to_owned()),
                "HANDRAIL_PAGES_PER_MINUTE" => Some(value.to_owned()),
                _ => None,
            };
            Settings::read(&[RequiredSetting::Table, RequiredSetting::PagesPerMinute], &lookup)
                .map(|settings| settings.public_rate_limits)
        };
        assert_eq!(read("").unwrap(), PublicRateLimits::PRODUCTION);
        assert_eq!(read("7").unwrap(), PublicRateLimits { pages_per_minute: 7, ..PublicRateLimits::PRODUCTION });
        for wrong in ["0", "-1", "many", "7.5"] {
            assert!(read(wrong).unwrap_err().to_string().contains("HANDRAIL_PAGES_PER_MINUTE"), "{wrong}");
        }
    }

    #[test]
    fn metrics_network_is_closed_by_default() {
        let read = |value: &'static str| {
            let lookup = move |name: &str| match name {
                "HANDRAIL_TABLE" => Some("t".to_owned()),
                "HANDRAIL_METRICS_NETWORK" => Some(value.to_owned()),
                _ => None,
            };
            let required = [RequiredSetting::Table, RequiredSetting::MetricsNetwork];
            Settings::read(&required, &lookup).map(|settings| settings.metrics_network)
        };
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("10.0.0.0/8").unwrap(), IpNetwork::parse("10.0.0.0/8"));
        assert!(read("everybody").unwrap_err().to_string().contains("HANDRAIL_METRICS_NETWORK"));
    }

    #[test]
    fn loopback_callbacks_are_refused_on_lambda() {
        let lookup = |name: &str| match name {
            "HANDRAIL_TABLE" => Some("t".to_owned()),
            "HANDRAIL_CALLBACKS" => Some("loopback".to_owned()),
            "AWS_EXECUTION_ENV" => Some("AWS_Lambda_provided.al2023".to_owned()),
            _ => None,
        };
        assert!(Settings::read(&[RequiredSetting::Table], &lookup).is_err());
    }
}
