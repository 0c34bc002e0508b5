//! Access by the signed link of an approval request: the approver, the page to show and the record that is answered.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_approvals::pages::{
    self, CancelledView, DateRange, EscalatedView, ExpiredView, FormValues, Picture, RequestPageView,
};
use handrail_approvals::{FormattedTime, current_deadline};
use handrail_context::cx::Cx;
use handrail_domain::decision::{
    Cancelled, Decision, EXECUTE_WITHIN_DAYS_MAX, Phase, ResponseType, current_approver, last_deadline,
};
use handrail_domain::lifecycle::Command;
use handrail_domain::outbound::{AddressPolicy, OutboundUrl};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_packets::checkpoint::Checkpoint;
use handrail_records::transition::{TransitionError, transition_from};
use handrail_secrets::link::{ApproverRole, Link};
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use http::Response;

use crate::file_links::file_views;
use crate::get::DECISION_NOT_FOUND;
use crate::outcome_page;

/// Renders problems as pages, because links are opened in browsers.
pub(crate) const HTML_ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error_page);

fn render_error_page(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => pages::not_found(),
        Problem::RateLimited { retry_after_s } => pages::rate_limited(Some(*retry_after_s)),
        Problem::TooLarge { limit_bytes } => pages::too_large(*limit_bytes),
        Problem::Invalid { .. } => pages::unreadable(),
        Problem::NoCredentials
        | Problem::UnknownApiKey
        | Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Internal => pages::unavailable(),
    }
    .into_response()
}

/// An approver who opened the signed link of a decision or of a checkpoint.
pub struct LinkAccess {
    /// The decision, or a packet's checkpoint converted to a decision.
    pub decision: Record<Decision>,
    pub approver: EmailAddress,
    checkpoint: Option<Checkpoint>,
}

impl LinkAccess {
    /// Verifies a link. A wrong signature and an absent record give an equal error.
    pub async fn from_token(cx: &Cx, token: &str) -> Result<Self, Problem> {
        let link = Link::parse(token).ok_or(DECISION_NOT_FOUND)?;
        let (decision, checkpoint) = match link.checkpoint_seq {
            None => (cx.store.record::<Decision>(link.tenant, link.record).await?.ok_or(DECISION_NOT_FOUND)?, None),
            Some(seq) => {
                let checkpoint =
                    Checkpoint::find(cx, link.tenant, link.record, seq).await?.ok_or(DECISION_NOT_FOUND)?;
                (checkpoint.approval_request.record.clone(), Some(checkpoint))
            }
        };
        let approver = match (link.role, &decision.spec.backup) {
            (ApproverRole::Approver, _) => decision.spec.approver.clone(),
            (ApproverRole::Backup, Some(backup)) => backup.approver.clone(),
            (ApproverRole::Backup, None) => return Err(DECISION_NOT_FOUND),
        };
        if !link.is_valid_for(cx.master_key()?, &approver) {
            return Err(DECISION_NOT_FOUND);
        }
        Ok(Self { decision, approver, checkpoint })
    }

    /// Records the answer in the decision, or in the packet of the checkpoint.
    pub async fn answer(&self, cx: &Cx, command: &Command<Decision>) -> Result<(), TransitionError<Decision>> {
        match &self.checkpoint {
            None => transition_from(cx, self.decision.clone(), command).await.map(drop),
            Some(checkpoint) => checkpoint.record_answer(cx, command).await,
        }
    }

    /// The page for the current state: the form, or the outcome.
    pub(crate) fn current_page(&self, cx: &Cx, form_values: &FormValues) -> Response<String> {
        let now = cx.clock.now();
        let current = self.decision.as_of(now);
        match current_approver(&current) {
            Some(asked_approver) if asked_approver.same_mailbox(&self.approver) => {
                request_page(cx, &current, &self.approver, now, form_values)
            }
            Some(asked_approver) => escalated_page(&current, asked_approver),
            // A form error means that the approver tried to answer.
            None => self.closed_page(cx, &current, form_values.field_error.is_none()),
        }
    }

    /// The page that refuses a late answer.
    pub(crate) fn too_late_page(&self, cx: &Cx) -> Response<String> {
        let current = self.decision.as_of(cx.clock.now());
        match current_approver(&current) {
            Some(asked_approver) => escalated_page(&current, asked_approver),
            None => self.closed_page(cx, &current, false),
        }
    }

    fn closed_page(&self, cx: &Cx, current: &Record<Decision>, is_view: bool) -> Response<String> {
        outcome_page::render(cx, current, &self.approver, is_view).unwrap_or_else(|| {
            match current.state_data.cancelled() {
                Some(cancelled) => cancelled_page(current, cancelled),
                None => expired_page(current),
            }
        })
    }
}

const DAY_MS: i64 = 24 * 60 * 60_000;

fn request_page(
    cx: &Cx,
    current: &Record<Decision>,
    approver: &EmailAddress,
    now: Timestamp,
    form_values: &FormValues,
) -> Response<String> {
    let spec = &current.spec;
    let (deadline, at_deadline) = current_deadline(current);
    let (requested_at, formatted_deadline) = (FormattedTime::new(current.created_at), FormattedTime::new(deadline));
    let amount = spec.amount.as_ref().map(ToString::to_string);
    let days = (now.readable(), now.date(), now.plus_ms(EXECUTE_WITHIN_DAYS_MAX * DAY_MS).date());
    pages::request_page(&RequestPageView {
        action: &spec.action,
        context: spec.context.as_deref().unwrap_or_default(),
        amount: amount.as_deref(),
        pictures: &picture_views(&spec.context_images, cx.settings.address_policy),
        files: &file_views(cx, current, &current.state_data.attachments, now),
        urgency: spec.urgency,
        requester: &spec.asked_by_name,
        approver: approver.as_str(),
        first_approver: matches!(current.state_data.phase, Phase::Escalated).then_some(spec.approver.as_str()),
        requested_at: requested_at.time_text(),
        deadline: formatted_deadline.time_text(),
        ms_left: deadline.ms_since(now),
        at_deadline,
        response_type: spec.response_type.as_ref().unwrap_or(&ResponseType::ApproveDeny),
        date_range: DateRange { now: &days.0, first: &days.1, last: &days.2 },
        options: &spec.options,
        form_values,
    })
}

/// Pictures of the page. Addresses were checked on creation; those that today's policy refuses are left out.
fn picture_views(addresses: &[String], address_policy: AddressPolicy) -> Vec<Picture> {
    let urls = addresses.iter().filter_map(|address| OutboundUrl::parse(address, address_policy).ok());
    urls.map(|url| Picture { url: url.as_str().to_owned(), host: url.host().to_owned(), origin: url.origin() })
        .collect()
}

fn escalated_page(current: &Record<Decision>, asked_approver: &EmailAddress) -> Response<String> {
    let escalated_at = FormattedTime::new(current.spec.expires_at);
    pages::escalated(&EscalatedView {
        action: &current.spec.action,
        escalated_at: escalated_at.time_text(),
        backup: asked_approver.as_str(),
    })
}

fn expired_page(current: &Record<Decision>) -> Response<String> {
    let expired_at = FormattedTime::new(last_deadline(&current.spec));
    pages::expired(&ExpiredView {
        action: &current.spec.action,
        requester: &current.spec.asked_by_name,
        expired_at: expired_at.time_text(),
    })
}

fn cancelled_page(current: &Record<Decision>, cancelled: &Cancelled) -> Response<String> {
    let cancelled_at = FormattedTime::new(cancelled.at);
    pages::cancelled(&CancelledView {
        action: &current.spec.action,
        requester: &current.spec.asked_by_name,
        cancelled_at: cancelled_at.time_text(),
        reason: cancelled.reason.as_deref().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
