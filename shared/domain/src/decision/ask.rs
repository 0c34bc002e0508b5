//! What an agent asks: checked once, then never changed.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::response::ResponseType;
use crate::ids::KeyId;
use crate::outbound::{OutboundUrl, Reach};
use crate::policy::{Facts, PolicyVerdict, Rule, RuleEffect, first_match};
use crate::text::{EmailAddress, one_line};
use crate::time::Timestamp;

pub const ACTION_CHARS_MAX: usize = 2_000;
pub const CONTEXT_CHARS_MAX: usize = 20_000;
/// 30 days.
pub const TIMEOUT_MINUTES_MAX: f64 = 43_200.0;
pub const CONTEXT_IMAGES_MAX: usize = 5;
const TIMEOUT_MINUTES_DEFAULT: u32 = 60;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub action: String,
    pub approver: EmailAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    pub urgency: Urgency,
    /// As the caller wrote it: 60 stays 60.
    pub timeout_minutes: Number,
    pub channel: Channel,
    pub options: Vec<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    pub enforce: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Number>,
    pub expires_at: Timestamp,
    /// Asked when the approver did not answer by `expires_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// Absent: plain buttons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<ResponseType>,
    /// Shown to the approver. Nobody here opens them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context_images: Vec<String>,
    /// The rule that settled it as it was asked: then nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyVerdict>,
    /// Whoever is asked and has not answered is reminded.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub reminders: bool,
    pub asked_by: KeyId,
    pub asked_by_name: String,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    pub approver: EmailAddress,
    pub until: Timestamp,
    /// For clients that take `escalated` for an end: they go on reading `pending` while the backup is asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown_as_pending: bool,
}

/// From the least to the most pressing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

impl Urgency {
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How the approver hears of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[default]
    Email,
    /// Nobody is mailed: the asker's own program shows it and answers by API.
    Webhook,
    Slack,
}

/// What an approver may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Approve,
    Deny,
    Modify,
}

impl Choice {
    pub const ALL: [Self; 3] = [Self::Approve, Self::Deny, Self::Modify];

    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Modify => "modify",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

/// What came over the wire, of the right types but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    pub action: Option<String>,
    pub approver: Option<String>,
    pub context: Option<String>,
    pub urgency: Option<Urgency>,
    pub timeout_minutes: Option<Number>,
    pub channel: Option<Channel>,
    pub options: Option<Vec<Choice>>,
    pub callback_url: Option<String>,
    pub enforce: Option<bool>,
    pub amount: Option<Number>,
    pub response_type: Option<Value>,
    pub context_images: Option<Vec<String>>,
    pub reminders: Option<bool>,
}

/// Who asks, and what their key says about asking.
#[derive(Clone, Debug)]
pub struct Asker<'a> {
    pub key: KeyId,
    pub name: &'a str,
    /// Empty: anyone may be asked.
    pub approvers: &'a [EmailAddress],
    pub backup: Option<&'a EmailAddress>,
    pub escalation_stays_pending: bool,
    pub rules: &'a [Rule],
    /// Is there a Slack workspace to ask in?
    pub slack: bool,
    pub reach: Reach,
}

/// The first thing that is wrong with a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub kind: InvalidKind,
    pub field: &'static str,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    Value,
    /// Known, but not available here.
    Channel,
    /// The key may not ask this person.
    Approver,
}

pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Invalid {
    Invalid { kind: InvalidKind::Value, field, message: message.into() }
}

impl Ask {
    pub fn check(proposal: Proposal, asker: &Asker<'_>, now: Timestamp) -> Result<Self, Invalid> {
        let action = checked_action(proposal.action)?;
        let approver = checked_approver(proposal.approver)?;
        let context = checked_context(proposal.context)?;
        let (timeout_minutes, window_ms) = checked_timeout(proposal.timeout_minutes)?;
        let channel = proposal.channel.unwrap_or_default();
        if channel == Channel::Slack && !asker.slack {
            let message = "is not available: an admin of the account has to connect a Slack workspace by POST /slack/install first; \
                           or use email or webhook";
            return Err(Invalid { kind: InvalidKind::Channel, field: "channel", message: message.to_owned() });
        }
        let response_type = proposal.response_type.as_ref().map(ResponseType::check).transpose()?;
        let options = checked_options(proposal.options, response_type.as_ref())?;
        let context_images = checked_images(proposal.context_images.unwrap_or_default(), asker.reach)?;
        let callback_url = checked_callback(proposal.callback_url, channel, asker.reach)?;
        let amount = proposal.amount;
        if amount
            .as_ref()
            .is_some_and(|amount| amount.as_f64().is_none_or(|amount| !amount.is_finite() || amount < 0.0))
        {
            return Err(invalid("amount", "must be zero or more"));
        }
        check_listed(asker.approvers, &approver)?;
        let expires_at = now.plus_ms(window_ms);
        let backup = asker
            .backup
            // The backup gets the same time again.
            .map(|address| Backup {
                approver: address.clone(),
                until: expires_at.plus_ms(window_ms),
                shown_as_pending: asker.escalation_stays_pending,
            });
        let urgency = proposal.urgency.unwrap_or_default();
        let facts = Facts {
            action: &action,
            context: context.as_deref().unwrap_or_default(),
            amount: amount.as_ref(),
            urgency,
            approver: &approver,
        };
        let policy = policy_verdict(asker.rules, &facts, response_type.as_ref(), &options);
        Ok(Self {
            action,
            approver,
            context,
            urgency,
            timeout_minutes,
            channel,
            options,
            callback_url,
            enforce: proposal.enforce.unwrap_or(false),
            amount,
            expires_at,
            backup,
            response_type,
            context_images,
            policy,
            reminders: proposal.reminders.unwrap_or(true),
            asked_by: asker.key,
            asked_by_name: asker.name.to_owned(),
        })
    }
}

impl Ask {
    /// What these rules would have said to it.
    pub fn verdict_of(&self, rules: &[Rule]) -> Option<PolicyVerdict> {
        let facts = Facts {
            action: &self.action,
            context: self.context.as_deref().unwrap_or_default(),
            amount: self.amount.as_ref(),
            urgency: self.urgency,
            approver: &self.approver,
        };
        policy_verdict(rules, &facts, self.response_type.as_ref(), &self.options)
    }
}

fn checked_action(action: Option<String>) -> Result<String, Invalid> {
    let action = action.ok_or_else(|| invalid("action", "is required: say in one line what is to be approved"))?;
    // Blank is what shows nothing: zero-width characters are no action either.
    if one_line(&action, ACTION_CHARS_MAX).is_empty() {
        return Err(invalid("action", "must not be blank: say in one line what is to be approved"));
    }
    if action.chars().count() > ACTION_CHARS_MAX {
        return Err(invalid(
            "action",
            format!("must be at most {ACTION_CHARS_MAX} characters: put the rest into context"),
        ));
    }
    if action.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(invalid("action", "must be one line without control characters: put the rest into context"));
    }
    Ok(action)
}

fn checked_approver(approver: Option<String>) -> Result<EmailAddress, Invalid> {
    let approver =
        approver.ok_or_else(|| invalid("approver", "is required: the email address of the person to ask"))?;
    EmailAddress::parse(&approver).map_err(|fault| invalid("approver", fault.to_string()))
}

/// May a key with this list ask this person? An empty list has everybody.
pub fn check_listed(approvers: &[EmailAddress], approver: &EmailAddress) -> Result<(), Invalid> {
    if approvers.is_empty() || approvers.iter().any(|allowed| allowed.same_mailbox(approver)) {
        return Ok(());
    }
    let message = "is not on this key's list of approvers: ask an admin to add the address to the key";
    Err(Invalid { kind: InvalidKind::Approver, field: "approver", message: message.to_owned() })
}

fn checked_context(context: Option<String>) -> Result<Option<String>, Invalid> {
    let Some(context) = context.filter(|context| !context.is_empty()) else {
        return Ok(None);
    };
    if context.chars().count() > CONTEXT_CHARS_MAX {
        return Err(invalid("context", format!("must be at most {CONTEXT_CHARS_MAX} characters")));
    }
    if context.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(invalid("context", "must not hold control characters other than tabs and line breaks"));
    }
    Ok(Some(context))
}

fn checked_timeout(minutes: Option<Number>) -> Result<(Number, i64), Invalid> {
    let minutes = minutes.unwrap_or_else(|| Number::from(TIMEOUT_MINUTES_DEFAULT));
    minutes
        .as_f64()
        .filter(|minutes| minutes.is_finite() && *minutes <= TIMEOUT_MINUTES_MAX)
        .map(minutes_to_ms)
        .filter(|ms| *ms >= 1)
        .map(|ms| (minutes, ms))
        .ok_or_else(|| invalid("timeout_minutes", format!("must be more than 0 and at most {TIMEOUT_MINUTES_MAX}")))
}

/// A rule gives only an answer that a person could have given, and only where yes or no is the whole answer.
fn policy_verdict(
    rules: &[Rule],
    facts: &Facts<'_>,
    response_type: Option<&ResponseType>,
    options: &[Choice],
) -> Option<PolicyVerdict> {
    if !response_type.is_none_or(ResponseType::is_plain) {
        return None;
    }
    let rule = first_match(rules, facts)?;
    let offered = match rule.effect {
        RuleEffect::Approve => options.contains(&Choice::Approve),
        RuleEffect::Deny => options.contains(&Choice::Deny),
        RuleEffect::Ask => false,
    };
    offered.then(|| PolicyVerdict { rule: rule.name.clone(), effect: rule.effect })
}

fn checked_options(options: Option<Vec<Choice>>, response_type: Option<&ResponseType>) -> Result<Vec<Choice>, Invalid> {
    let plain = response_type.is_none_or(|response_type| *response_type == ResponseType::ApproveDeny);
    let Some(options) = options else {
        // What is typed or picked is the change: there is nothing to modify.
        return Ok(if plain { Choice::ALL.to_vec() } else { vec![Choice::Approve, Choice::Deny] });
    };
    if options.is_empty() {
        return Err(invalid("options", "must name at least one of approve, deny, modify"));
    }
    if !plain && !options.contains(&Choice::Approve) {
        return Err(invalid("options", "must hold approve with this response_type: it is what sends the answer"));
    }
    if response_type == Some(&ResponseType::Confirm) && options.contains(&Choice::Modify) {
        return Err(invalid("options", "must not hold modify with response_type confirm: use approve and deny"));
    }
    // In the order people expect the buttons, each once.
    Ok(Choice::ALL.into_iter().filter(|choice| options.contains(choice)).collect())
}

fn checked_callback(url: Option<String>, channel: Channel, reach: Reach) -> Result<Option<String>, Invalid> {
    match url {
        Some(url) => {
            let parsed = OutboundUrl::parse(&url, reach)
                .map_err(|fault| invalid("callback_url", format!("is refused: {fault}")))?;
            Ok(Some(parsed.as_str().to_owned()))
        }
        None if channel == Channel::Webhook => Err(invalid("callback_url", "is required when channel is webhook")),
        None => Ok(None),
    }
}

fn checked_images(images: Vec<String>, reach: Reach) -> Result<Vec<String>, Invalid> {
    if images.len() > CONTEXT_IMAGES_MAX {
        return Err(invalid("context_images", format!("must be at most {CONTEXT_IMAGES_MAX} addresses")));
    }
    for image in &images {
        // The approver's browser opens them: an address inside their network is none that an agent may make it call.
        OutboundUrl::parse(image, reach)
            .map_err(|fault| invalid("context_images", format!("holds an address that is refused: {fault}")))?;
    }
    Ok(images)
}

fn minutes_to_ms(minutes: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be at most 30 days")]
    let ms = (minutes * 60_000.0).round() as i64;
    ms
}
