//! JSON views of a decision.

use handrail_domain::answer_origin::{AnswerOrigin, ResolvedVia};
use handrail_domain::decision::{
    Channel, Choice, Consumption, Decision, ExecutionOutcome, Outcome, ResponseType, State, Urgency, answer_origin,
    is_action_permitted, valid_until,
};
use handrail_domain::ids::RecordId;
use handrail_domain::policy::RuleEffect;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Number, Value, json};

use crate::file_links::{FileJson, FileLinks};

/// Response to a create: only the fields that the server sets. Clients merge this object over their own request, so
/// another field would overwrite what the caller sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedDecision")]
pub(crate) struct CreatedView {
    id: RecordId,
    status: &'static str,
    expires_at: Timestamp,
    created_at: Timestamp,
    /// Digest that names the action, with its text.
    action_hash: String,
    /// True if a rule approved the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_resolved: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_via: Option<ResolvedVia>,
}

impl CreatedView {
    pub(crate) fn new(record: &Record<Decision>) -> Self {
        let policy = record.spec.policy.as_ref().map(|policy| policy.effect);
        let is_approved = policy == Some(RuleEffect::Approve);
        Self {
            id: record.id,
            status: match policy {
                None | Some(RuleEffect::Approve) => status(record),
                // Published clients print every answered create as "approved", so a denial shows only in the first GET.
                Some(RuleEffect::Deny | RuleEffect::Ask) => State::Pending.name(),
            },
            expires_at: record.spec.expires_at,
            created_at: record.created_at,
            action_hash: record.spec.action_hash(),
            auto_resolved: is_approved.then_some(true),
            resolved_by: is_approved.then_some(handrail_domain::policy::RESOLVED_BY),
            resolved_via: is_approved.then_some(ResolvedVia::Policy),
        }
    }
}

/// Published status name. An escalated decision reads as pending if `escalation_stays_pending` was set on its API key.
pub(crate) fn status(record: &Record<Decision>) -> &'static str {
    match (record.state(), &record.spec.backup) {
        (State::Escalated, Some(backup)) if backup.shown_as_pending => State::Pending.name(),
        (state, _) => state.name(),
    }
}

/// Full view of a decision.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Decision")]
pub(crate) struct DecisionView {
    id: RecordId,
    /// One of pending, escalated, approved, denied, modified, scheduled, expired.
    status: &'static str,
    action: String,
    context: Option<String>,
    approver: EmailAddress,
    urgency: Urgency,
    channel: Channel,
    options: Vec<Choice>,
    timeout_minutes: Number,
    amount: Option<Number>,
    callback_url: Option<String>,
    enforce: bool,
    created_at: Timestamp,
    expires_at: Timestamp,
    resolved_at: Option<Timestamp>,
    resolved_by: Option<String>,
    response_notes: Option<String>,
    /// Data of the answer, in the form that the response type asks for.
    response_data: Option<Value>,
    /// Time at which an approved action is to be carried out.
    execute_at: Option<Timestamp>,
    response_type: Option<ResponseType>,
    context_images: Option<Vec<String>>,
    attachments: Vec<FileJson>,
    /// Digest that names the action, with its text.
    action_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    single_use: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_for_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    /// Whether the action may be carried out now, if `enforce` was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_permitted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_approver: Option<EmailAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_expires_at: Option<Timestamp>,
    /// True if a rule answered the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_resolved: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_rule: Option<String>,
    #[serde(flatten)]
    origin: Option<AnswerOrigin>,
    /// Use of the approval, once a program has used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    consumption: Option<ConsumptionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<Option<String>>,
}

/// Use of an approval. What follows `consumed_at` is null until the program reports the end.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Consumption")]
struct ConsumptionView {
    execution_id: String,
    consumed_at: Timestamp,
    outcome: Option<ExecutionOutcome>,
    detail: Option<String>,
    finished_at: Option<Timestamp>,
}

impl ConsumptionView {
    fn new(consumption: &Consumption) -> Self {
        let end = consumption.end.as_ref();
        Self {
            execution_id: consumption.execution_id.clone(),
            consumed_at: consumption.consumed_at,
            outcome: end.map(|end| end.outcome),
            detail: end.and_then(|end| end.detail.clone()),
            finished_at: end.map(|end| end.finished_at),
        }
    }
}

impl DecisionView {
    pub(crate) fn new(record: &Record<Decision>, now: Timestamp, links: &FileLinks<'_>) -> Self {
        let spec = &record.spec;
        let outcome = record.state_data.outcome();
        let answer = outcome.map(|outcome| &outcome.answer);
        let cancelled = record.state_data.cancelled();
        let (backup, policy) = (spec.backup.as_ref(), spec.policy.as_ref());
        Self {
            id: record.id,
            status: status(record),
            action: spec.action.clone(),
            context: spec.context.clone(),
            approver: spec.approver.clone(),
            urgency: spec.urgency,
            channel: spec.channel,
            options: spec.options.clone(),
            timeout_minutes: spec.timeout_minutes.clone(),
            amount: spec.amount.clone(),
            callback_url: spec.callback_url.clone(),
            enforce: spec.enforce,
            created_at: record.created_at,
            expires_at: spec.expires_at,
            resolved_at: outcome.map(|outcome| outcome.at),
            resolved_by: answer.map(|answer| answer.resolved_by.clone()),
            response_notes: answer.and_then(|answer| answer.notes.clone()),
            response_data: outcome.and_then(|outcome| response_data(record, outcome, links)),
            execute_at: answer.and_then(|answer| answer.execute_at),
            response_type: spec.response_type.clone(),
            context_images: Some(spec.context_images.clone()).filter(|images| !images.is_empty()),
            attachments: links.files_json(record, &record.state_data.attachments),
            action_hash: spec.action_hash(),
            tool: spec.tool.clone(),
            arguments: spec.arguments.as_ref().map(|arguments| json!(arguments)),
            single_use: spec.single_use,
            valid_for_seconds: spec.valid_for_seconds,
            valid_until: valid_until(record),
            action_permitted: spec.enforce.then(|| is_action_permitted(record, now)),
            backup_approver: backup.map(|backup| backup.approver.clone()),
            backup_expires_at: backup.map(|backup| backup.until),
            auto_resolved: policy.map(|_| true),
            policy_rule: policy.map(|policy| policy.rule.clone()),
            origin: answer_origin(record),
            consumption: record.state_data.consumption.as_ref().map(ConsumptionView::new),
            cancelled_at: cancelled.map(|cancelled| cancelled.at),
            cancel_reason: cancelled.map(|cancelled| cancelled.reason.clone()),
        }
    }
}

/// Data of the answer: the uploaded files if there are any, else the response data.
pub(crate) fn response_data(record: &Record<Decision>, outcome: &Outcome, links: &FileLinks<'_>) -> Option<Value> {
    let answer = &outcome.answer;
    if answer.files.is_empty() {
        return answer.response_data.clone();
    }
    Some(json!({"uploaded_files": links.files_json(record, &answer.files)}))
}
