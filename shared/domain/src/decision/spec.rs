//! Spec of a decision: validated when the decision is created, then immutable.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::field_error::{APPROVER_NOT_ALLOWED, UNSUPPORTED_CHANNEL, invalid};
use super::response::ResponseType;
use super::typed_action::{Arguments, action_hash, validate_arguments, validate_tool, validate_valid_for_seconds};
use crate::approvers::AskablePeople;
use crate::field_error::FieldError;
use crate::ids::KeyId;
use crate::outbound::{AddressPolicy, OutboundUrl};
use crate::policy::{Rule, RuleEffect, RuleInput, RuleMatch, RuleMatcher};
use crate::text::{EmailAddress, one_line};
use crate::time::Timestamp;

pub const ACTION_CHARS_MAX: usize = 2_000;
pub const CONTEXT_CHARS_MAX: usize = 20_000;
/// Longest timeout: 30 days.
pub const TIMEOUT_MINUTES_MAX: f64 = 43_200.0;
pub const CONTEXT_IMAGES_MAX: usize = 5;
const TIMEOUT_MINUTES_DEFAULT: u32 = 60;

/// Immutable part of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionSpec {
    pub action: String,
    pub approver: EmailAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    pub urgency: Urgency,
    /// Timeout in the number format of the request: `60` stays `60` and does not become `60.0`.
    pub timeout_minutes: Number,
    pub channel: Channel,
    pub options: Vec<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    pub enforce: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Number>,
    pub expires_at: Timestamp,
    /// Backup, who is asked if the approver has not answered by `expires_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// Form of the answer. `None`: buttons for the `options`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<ResponseType>,
    /// Image URLs for the approver's page. The server does not load them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context_images: Vec<String>,
    /// Rule that answered the decision when it was created. No approver is asked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<RuleMatch>,
    /// `true` if an approver or backup who has not answered is reminded.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub reminders: bool,
    pub asked_by: KeyId,
    pub asked_by_name: String,
    /// Tool that carries out the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Arguments with which the tool is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Arguments>,
    /// `Some(true)`: an approval permits the action once. `None` if the request does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_use: Option<bool>,
    /// Time for which an approval may be used. `None`: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for_seconds: Option<u32>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

/// Person who is asked after the approver, and the deadline for their answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    pub approver: EmailAddress,
    pub until: Timestamp,
    /// `true` if clients read `pending` while the backup is asked, because they treat `escalated` as final.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown_as_pending: bool,
}

/// Urgency of a decision, in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
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

/// Channel by which the approver is notified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[default]
    Email,
    /// Callback to the requester's program, which shows the request itself and answers by API. No mail is sent.
    Webhook,
    Slack,
}

/// Kind of answer that a decision offers to its approver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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

/// Request to create a decision, with fields of the right types that are not yet validated.
#[derive(Clone, Debug, Default)]
pub struct NewDecision {
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
    pub tool: Option<String>,
    pub arguments: Option<Value>,
    pub single_use: Option<bool>,
    pub valid_for_seconds: Option<Number>,
}

/// API key that creates the decision, with its settings for approvers and rules.
#[derive(Clone, Debug)]
pub struct Requester<'a> {
    pub key: KeyId,
    pub name: &'a str,
    pub askable: AskablePeople<'a>,
    pub backup: Option<&'a EmailAddress>,
    pub escalation_stays_pending: bool,
    pub rules: &'a [Rule],
    /// `true` if rules may approve by the amount that a request states.
    pub trusts_stated_amounts: bool,
    /// `true` if the tenant can ask in Slack: the tier allows Slack and a workspace is connected.
    pub slack: bool,
    pub reach: AddressPolicy,
}

impl DecisionSpec {
    /// Validates a request and returns the spec. Fails with every invalid field, in the documented order.
    pub fn check(request: NewDecision, requester: &Requester<'_>, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let action = valid(&mut errors, validate_action(request.action));
        let approver = valid(&mut errors, validate_approver(request.approver));
        let context = valid(&mut errors, validate_context(request.context));
        let timeout = valid(&mut errors, validate_timeout(request.timeout_minutes));
        let channel = request.channel.unwrap_or_default();
        valid(&mut errors, check_channel(channel, requester));
        let response_type = valid(&mut errors, request.response_type.as_ref().map(ResponseType::check).transpose());
        // The options of an invalid response type can't be judged.
        let options = match &response_type {
            Some(response_type) => valid(&mut errors, validate_options(request.options, response_type.as_ref())),
            None => None,
        };
        let images = request.context_images.unwrap_or_default();
        let context_images = valid(&mut errors, validate_images(images, requester.reach));
        let callback_url = valid(&mut errors, validate_callback(request.callback_url, channel, requester.reach));
        let amount = valid(&mut errors, validate_amount(request.amount));
        let tool = valid(&mut errors, validate_tool(request.tool));
        let arguments = validate_arguments(request.arguments).map_err(|invalid| errors.extend(invalid)).ok();
        let valid_for_seconds = valid(&mut errors, validate_valid_for_seconds(request.valid_for_seconds.as_ref()));
        if let Some(approver) = &approver {
            let checked = requester.askable.check(approver);
            let not_allowed = |message| FieldError::new(["approver"], message, APPROVER_NOT_ALLOWED);
            valid(&mut errors, checked.map_err(not_allowed));
        }
        let (Some(action), Some(approver), Some(context), Some((timeout_minutes, timeout_ms))) =
            (action, approver, context, timeout)
        else {
            return Err(errors);
        };
        let (Some(response_type), Some(options), Some(context_images), Some(callback_url), Some(amount)) =
            (response_type, options, context_images, callback_url, amount)
        else {
            return Err(errors);
        };
        let (Some(tool), Some(arguments), Some(valid_for_seconds), true) =
            (tool, arguments, valid_for_seconds, errors.is_empty())
        else {
            return Err(errors);
        };
        let expires_at = now.plus_ms(timeout_ms);
        let backup = requester
            .backup
            // The backup gets as much time as the approver.
            .map(|address| Backup {
                approver: address.clone(),
                until: expires_at.plus_ms(timeout_ms),
                shown_as_pending: requester.escalation_stays_pending,
            });
        let urgency = request.urgency.unwrap_or_default();
        let input = RuleInput {
            action: &action,
            context: context.as_deref().unwrap_or_default(),
            amount: amount.as_ref(),
            tool: tool.as_deref(),
            arguments: arguments.as_ref(),
            urgency,
            approver: &approver,
            trusts_stated_amount: requester.trusts_stated_amounts,
        };
        let policy = find_rule(&RuleMatcher::new(requester.rules), &input, response_type.as_ref(), &options);
        Ok(Self {
            action,
            approver,
            context,
            urgency,
            timeout_minutes,
            channel,
            options,
            callback_url,
            enforce: request.enforce.unwrap_or(false),
            amount,
            expires_at,
            backup,
            response_type,
            context_images,
            policy,
            reminders: request.reminders.unwrap_or(true),
            asked_by: requester.key,
            asked_by_name: requester.name.to_owned(),
            tool,
            arguments,
            single_use: request.single_use,
            valid_for_seconds,
        })
    }
}

impl DecisionSpec {
    /// Hash that names the action: what an approval is for. Not stored, because it follows from fields that never change.
    pub fn action_hash(&self) -> String {
        action_hash(&self.action, self.tool.as_deref(), self.arguments.as_ref())
    }

    /// First of `rules` that would have answered the decision when it was created.
    pub fn matching_rule(&self, rules: &RuleMatcher<'_>, trusts_stated_amounts: bool) -> Option<RuleMatch> {
        let input = RuleInput {
            action: &self.action,
            context: self.context.as_deref().unwrap_or_default(),
            amount: self.amount.as_ref(),
            tool: self.tool.as_deref(),
            arguments: self.arguments.as_ref(),
            urgency: self.urgency,
            approver: &self.approver,
            trusts_stated_amount: trusts_stated_amounts,
        };
        find_rule(rules, &input, self.response_type.as_ref(), &self.options)
    }
}

/// Returns the valid value, or adds the error to the others.
fn valid<T>(errors: &mut Vec<FieldError>, checked: Result<T, FieldError>) -> Option<T> {
    checked.map_err(|error| errors.push(error)).ok()
}

fn check_channel(channel: Channel, requester: &Requester<'_>) -> Result<(), FieldError> {
    if channel == Channel::Slack && !requester.slack {
        let message = "is not available: an admin of the account has to connect a Slack workspace by POST \
                       /slack/install first; or use email or webhook";
        return Err(FieldError::new(["channel"], message, UNSUPPORTED_CHANNEL));
    }
    Ok(())
}

fn validate_amount(amount: Option<Number>) -> Result<Option<Number>, FieldError> {
    let is_valid = |amount: &Number| amount.as_f64().is_some_and(|amount| amount.is_finite() && amount >= 0.0);
    match amount.as_ref().is_none_or(is_valid) {
        true => Ok(amount),
        false => Err(invalid("amount", "must be zero or more")),
    }
}

fn validate_action(action: Option<String>) -> Result<String, FieldError> {
    let action = action.ok_or_else(|| invalid("action", "is required: say in one line what is to be approved"))?;
    // A text of zero-width characters is blank too.
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

fn validate_approver(approver: Option<String>) -> Result<EmailAddress, FieldError> {
    let approver =
        approver.ok_or_else(|| invalid("approver", "is required: the email address of the person to ask"))?;
    EmailAddress::parse(&approver).map_err(|error| invalid("approver", error.to_string()))
}

fn validate_context(context: Option<String>) -> Result<Option<String>, FieldError> {
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

fn validate_timeout(minutes: Option<Number>) -> Result<(Number, i64), FieldError> {
    let minutes = minutes.unwrap_or_else(|| Number::from(TIMEOUT_MINUTES_DEFAULT));
    minutes
        .as_f64()
        .filter(|minutes| minutes.is_finite() && *minutes <= TIMEOUT_MINUTES_MAX)
        .map(minutes_to_ms)
        .filter(|ms| *ms >= 1)
        .map(|ms| (minutes, ms))
        .ok_or_else(|| invalid("timeout_minutes", format!("must be more than 0 and at most {TIMEOUT_MINUTES_MAX}")))
}

/// Finds the rule that answers the decision. A rule denies whatever the requester offers as answers. It approves only if
/// approving is among the options and needs no further data.
fn find_rule(
    rules: &RuleMatcher<'_>,
    input: &RuleInput<'_>,
    response_type: Option<&ResponseType>,
    options: &[Choice],
) -> Option<RuleMatch> {
    let found = rules.first_match(input)?;
    let answers = match found.effect {
        RuleEffect::Deny => true,
        RuleEffect::Approve => options.contains(&Choice::Approve) && response_type.is_none_or(ResponseType::is_plain),
        RuleEffect::Ask => false,
    };
    answers.then_some(found)
}

fn validate_options(
    options: Option<Vec<Choice>>,
    response_type: Option<&ResponseType>,
) -> Result<Vec<Choice>, FieldError> {
    let is_plain = response_type.is_none_or(|response_type| *response_type == ResponseType::ApproveDeny);
    let Some(options) = options else {
        // With other response types the approver enters the changes as data, so `modify` is not offered by default.
        return Ok(if is_plain { Choice::ALL.to_vec() } else { vec![Choice::Approve, Choice::Deny] });
    };
    if options.is_empty() {
        return Err(invalid("options", "must name at least one of approve, deny, modify"));
    }
    if !is_plain && !options.contains(&Choice::Approve) {
        return Err(invalid("options", "must hold approve with this response_type: approve sends the answer"));
    }
    if response_type == Some(&ResponseType::Confirm) && options.contains(&Choice::Modify) {
        return Err(invalid("options", "must not hold modify with response_type confirm: use approve and deny"));
    }
    // The order of the buttons, without repeats.
    Ok(Choice::ALL.into_iter().filter(|choice| options.contains(choice)).collect())
}

fn validate_callback(
    url: Option<String>,
    channel: Channel,
    address_policy: AddressPolicy,
) -> Result<Option<String>, FieldError> {
    match url {
        Some(url) => {
            let parsed = OutboundUrl::parse(&url, address_policy)
                .map_err(|error| invalid("callback_url", format!("is refused: {error}")))?;
            Ok(Some(parsed.as_str().to_owned()))
        }
        None if channel == Channel::Webhook => Err(invalid("callback_url", "is required when channel is webhook")),
        None => Ok(None),
    }
}

fn validate_images(images: Vec<String>, address_policy: AddressPolicy) -> Result<Vec<String>, FieldError> {
    if images.len() > CONTEXT_IMAGES_MAX {
        return Err(invalid("context_images", format!("must be at most {CONTEXT_IMAGES_MAX} addresses")));
    }
    for image in &images {
        // The approver's browser loads the images, and an agent must not make it call a private address.
        OutboundUrl::parse(image, address_policy)
            .map_err(|error| invalid("context_images", format!("holds an address that is refused: {error}")))?;
    }
    Ok(images)
}

fn minutes_to_ms(minutes: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be at most 30 days")]
    let ms = (minutes * 60_000.0).round() as i64;
    ms
}
