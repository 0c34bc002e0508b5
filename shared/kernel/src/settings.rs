//! Configuration: read once from the environment, every problem reported together, each naming its variable.
//!
//! Which variables a function needs is part of its registry entry, so the template gives it those and no others, and a
//! test compares the two.

use handrail_domain::outbound::Reach;

use crate::master::{MASTER_KEY_CHARS_MIN, MasterKey};
use crate::slack::{SLACK_API_VARIABLE, SlackSettings};

#[derive(Clone, Debug)]
pub struct Settings {
    pub table: String,
    pub master_key: Option<MasterKey>,
    /// Where people and clients reach this installation, such as `https://handrail.example.com`. No slash at the end.
    pub origin: Option<String>,
    /// Where callbacks may go.
    pub reach: Reach,
    pub slack: SlackSettings,
    /// What strangers and people at a page may do.
    pub limits: Limits,
}

/// How often the same address, mailbox or account may do what no key limits. Each has its variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `GET /d/…`, per client address.
    pub pages_per_minute: u32,
    /// `POST /auth/login…`, per client address and per mailbox.
    pub sign_ins_per_minute: u32,
    /// `POST /auth/api-keys`, per account.
    pub keys_per_hour: u32,
}

impl Limits {
    pub const PUBLISHED: Self = Self { pages_per_minute: 30, sign_ins_per_minute: 10, keys_per_hour: 10 };
    /// Everybody on a laptop has one address.
    pub const OF_ONE_MACHINE: Self =
        Self { pages_per_minute: 100_000, sign_ins_per_minute: 100_000, keys_per_hour: 100_000 };
}

/// Something a function needs from its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    Table,
    MasterKey,
    Origin,
    /// The same where it can be told, and otherwise what the request says: a function behind the API can't be told the API's
    /// own address, because the API is made from its functions.
    OwnOrigin,
    FilesBucket,
    FilesQueue,
    MailFrom,
    DeliveriesQueue,
    NoticesQueue,
    TimersQueue,
    Scheduler,
    /// The app that was registered at Slack. Empty where nobody uses Slack.
    SlackClientId,
    SlackClientSecret,
    SlackSigningSecret,
    PagesPerMinute,
    SignInsPerMinute,
    KeysPerHour,
}

impl Need {
    /// What the registered app at Slack is known by.
    pub const SLACK: [Self; 3] = [Self::SlackClientId, Self::SlackClientSecret, Self::SlackSigningSecret];

    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Table => &["HANDRAIL_TABLE"],
            Self::MasterKey => &["HANDRAIL_MASTER_KEY"],
            Self::Origin => &["HANDRAIL_ORIGIN"],
            Self::OwnOrigin => &["HANDRAIL_OWN_ORIGIN"],
            Self::FilesBucket => &["HANDRAIL_FILES_BUCKET"],
            Self::FilesQueue => &["HANDRAIL_FILES_QUEUE"],
            Self::MailFrom => &["HANDRAIL_MAIL_FROM"],
            Self::DeliveriesQueue => &["HANDRAIL_DELIVERIES_QUEUE"],
            Self::NoticesQueue => &["HANDRAIL_NOTICES_QUEUE"],
            Self::TimersQueue => &["HANDRAIL_TIMERS_QUEUE"],
            Self::PagesPerMinute => &["HANDRAIL_PAGES_PER_MINUTE"],
            Self::SignInsPerMinute => &["HANDRAIL_SIGN_INS_PER_MINUTE"],
            Self::KeysPerHour => &["HANDRAIL_KEYS_PER_HOUR"],
            Self::Scheduler => &["HANDRAIL_TIMERS_QUEUE_ARN", "HANDRAIL_SCHEDULE_ROLE_ARN", "HANDRAIL_SCHEDULE_GROUP"],
            Self::SlackClientId => &["HANDRAIL_SLACK_CLIENT_ID"],
            Self::SlackClientSecret => &["HANDRAIL_SLACK_CLIENT_SECRET"],
            Self::SlackSigningSecret => &["HANDRAIL_SLACK_SIGNING_SECRET"],
        }
    }
}

/// Everything that is wrong with the environment, a line each.
#[derive(Debug, thiserror::Error)]
#[error("the environment is not complete:\n  {}", .0.join("\n  "))]
pub struct Misconfigured(Vec<String>);

/// Reads variables and collects what is wrong with them.
pub struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Environment<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    pub fn required(&mut self, name: &str) -> String {
        match (self.lookup)(name).filter(|value| !value.is_empty()) {
            Some(value) => value,
            None => {
                self.problems.push(format!("{name} is not set"));
                String::new()
            }
        }
    }

    /// A whole number above nothing. `default`: it is not set, or not needed.
    fn limit(&mut self, name: &str, needed: bool, default: u32) -> u32 {
        let Some(text) = (self.lookup)(name).filter(|text| needed && !text.is_empty()) else { return default };
        match text.parse() {
            Ok(limit) if limit > 0 => limit,
            _ => {
                self.problem(name, "is not a whole number above 0");
                default
            }
        }
    }

    pub fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("{name} {what}"));
    }

    pub fn finish<T>(self, value: T) -> Result<T, Misconfigured> {
        if self.problems.is_empty() { Ok(value) } else { Err(Misconfigured(self.problems)) }
    }
}

impl Settings {
    pub fn read(needs: &[Need], lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Misconfigured> {
        let mut environment = Environment::new(lookup);
        let settings = Self::from(&mut environment, needs);
        environment.finish(settings)
    }

    pub fn from(environment: &mut Environment<'_>, needs: &[Need]) -> Self {
        let table = environment.required("HANDRAIL_TABLE");
        let master_key = needs.contains(&Need::MasterKey).then(|| {
            let secret = environment.required("HANDRAIL_MASTER_KEY");
            if !secret.is_empty() && secret.len() < MASTER_KEY_CHARS_MIN {
                environment
                    .problem("HANDRAIL_MASTER_KEY", &format!("is shorter than {MASTER_KEY_CHARS_MIN} characters"));
            }
            MasterKey::new(&secret)
        });
        let origin = needs.contains(&Need::Origin).then(|| {
            let origin = environment.required("HANDRAIL_ORIGIN");
            if !origin.is_empty() && !is_origin(&origin) {
                environment.problem("HANDRAIL_ORIGIN", "is not an http(s) origin such as https://handrail.example.com");
            }
            origin.trim_end_matches('/').to_owned()
        });
        let origin = match needs.contains(&Need::OwnOrigin) {
            true => origin.or_else(|| own_origin(environment)),
            false => origin,
        };
        // `cargo lambda watch` on a laptop may call back to it; a function on AWS never sets this.
        let local = (environment.lookup)("HANDRAIL_CALLBACKS").as_deref() == Some("loopback");
        let on_lambda = (environment.lookup)("AWS_EXECUTION_ENV").is_some_and(|env| env.starts_with("AWS_Lambda"));
        if local && on_lambda {
            environment.problem(
                "HANDRAIL_CALLBACKS",
                "must not be loopback on AWS: loopback is the Lambda runtime's own API there",
            );
        }
        let reach = if local { Reach::LoopbackToo } else { Reach::PublicOnly };
        let slack = SlackSettings::read(needs, environment.lookup);
        if slack.api.is_some() && on_lambda {
            environment
                .problem(SLACK_API_VARIABLE, "must not be set on AWS: tokens would go there instead of to Slack");
        }
        let published = Limits::PUBLISHED;
        let mut limit = |need: Need, default| environment.limit(need.variables()[0], needs.contains(&need), default);
        let limits = Limits {
            pages_per_minute: limit(Need::PagesPerMinute, published.pages_per_minute),
            sign_ins_per_minute: limit(Need::SignInsPerMinute, published.sign_ins_per_minute),
            keys_per_hour: limit(Need::KeysPerHour, published.keys_per_hour),
        };
        Self { table, master_key, origin, reach, slack, limits }
    }
}

/// Empty: the request says it.
fn own_origin(environment: &mut Environment<'_>) -> Option<String> {
    const NAME: &str = "HANDRAIL_OWN_ORIGIN";
    let origin = (environment.lookup)(NAME).filter(|origin| !origin.is_empty())?;
    if !is_origin(&origin) {
        environment.problem(NAME, "is not an http(s) origin such as https://handrail.example.com");
    }
    Some(origin.trim_end_matches('/').to_owned())
}

fn is_origin(text: &str) -> bool {
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
    fn every_problem_is_reported_at_once_by_name() {
        let lookup = |name: &str| match name {
            "HANDRAIL_MASTER_KEY" => Some("short".to_owned()),
            "HANDRAIL_ORIGIN" => Some("handrail".to_owned()),
            _ => None,
        };
        let problems = Settings::read(&[Need::Table, Need::MasterKey, Need::Origin], &lookup).unwrap_err().to_string();
        for name in ["HANDRAIL_TABLE is not set", "HANDRAIL_MASTER_KEY is shorter", "HANDRAIL_ORIGIN is not"] {
            assert!(problems.contains(name), "{problems}");
        }
        assert!(!problems.contains("short\""));
    }

    #[test]
    fn a_stand_in_of_slack_is_refused_on_lambda() {
        let lookup = |name: &str| match name {
            "HANDRAIL_TABLE" => Some("t".to_owned()),
            "HANDRAIL_SLACK_API" => Some("http://127.0.0.1:1/api".to_owned()),
            "AWS_EXECUTION_ENV" => Some("AWS_Lambda_provided.al2023".to_owned()),
            _ => None,
        };
        assert!(Settings::read(&[Need::Table], &lookup).is_err());
    }

    #[test]
    fn an_installation_without_slack_gives_it_empty_texts() {
        let needs = [Need::Table, Need::SlackClientId, Need::SlackSigningSecret];
        let lookup = |name: &str| match name {
            "HANDRAIL_TABLE" => Some("t".to_owned()),
            "HANDRAIL_SLACK_CLIENT_ID" => Some(String::new()),
            "HANDRAIL_SLACK_SIGNING_SECRET" | "HANDRAIL_SLACK_CLIENT_SECRET" => Some("sesame".to_owned()),
            _ => None,
        };
        let slack = Settings::read(&needs, &lookup).unwrap().slack;
        assert!(slack.client_id.is_none() && slack.signing_secret.is_some());
        assert!(slack.client_secret.is_none(), "nobody asked for it");
        assert!(!format!("{slack:?}").contains("sesame"));
    }

    #[test]
    fn limits_are_the_published_ones_unless_they_are_set() {
        let read = |value: &'static str| {
            let lookup = move |name: &str| match name {
                "HANDRAIL_TABLE" => Some("t".to_owned()),
                "HANDRAIL_PAGES_PER_MINUTE" => Some(value.to_owned()),
                _ => None,
            };
            Settings::read(&[Need::Table, Need::PagesPerMinute], &lookup).map(|settings| settings.limits)
        };
        assert_eq!(read("").unwrap(), Limits::PUBLISHED);
        assert_eq!(read("7").unwrap(), Limits { pages_per_minute: 7, ..Limits::PUBLISHED });
        for wrong in ["0", "-1", "many", "7.5"] {
            assert!(read(wrong).unwrap_err().to_string().contains("HANDRAIL_PAGES_PER_MINUTE"), "{wrong}");
        }
    }

    #[test]
    fn loopback_callbacks_are_refused_on_lambda() {
        let lookup = |name: &str| match name {
            "HANDRAIL_TABLE" => Some("t".to_owned()),
            "HANDRAIL_CALLBACKS" => Some("loopback".to_owned()),
            "AWS_EXECUTION_ENV" => Some("AWS_Lambda_provided.al2023".to_owned()),
            _ => None,
        };
        assert!(Settings::read(&[Need::Table], &lookup).is_err());
    }
}
