//! Pages of an approval request, as its signed link shows them.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_approvals::pages::{
    self, CancelledView, DateRange, EscalatedView, ExpiredView, FormValues, Picture, RequestPageView,
};
use handrail_approvals::{FormattedTime, LinkAccess, current_deadline};
use handrail_context::cx::Cx;
use handrail_domain::argument_rows::argument_rows;
use handrail_domain::decision::{
    Cancelled, Decision, EXECUTE_WITHIN_DAYS_MAX, Phase, ResponseType, current_approver, last_deadline,
};
use handrail_domain::outbound::{AddressPolicy, OutboundUrl};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::{DAY_MS, Timestamp};
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
        Problem::Invalid(_) => pages::unreadable(),
        Problem::NoCredentials
        | Problem::UnknownApiKey
        | Problem::RevokedApiKey
        | Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::InProgress { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Internal => pages::unavailable(),
    }
    .into_response()
}

/// Verifies a link. A wrong signature and an absent record give an equal error.
pub(crate) async fn open_link(cx: &Cx, token: &str) -> Result<LinkAccess, Problem> {
    LinkAccess::from_token(cx, token).await?.ok_or(DECISION_NOT_FOUND)
}

/// The page for the current state: the form, or the outcome.
pub(crate) fn current_page(cx: &Cx, access: &LinkAccess, form_values: &FormValues) -> Response<String> {
    let now = cx.clock.now();
    let current = access.decision().as_of(now);
    match current_approver(&current) {
        Some(asked_approver) if asked_approver.same_mailbox(&access.approver) => {
            request_page(cx, &current, &access.approver, now, form_values)
        }
        Some(asked_approver) => escalated_page(&current, asked_approver),
        // A form error means that the approver tried to answer.
        None => closed_page(cx, access, &current, form_values.field_error.is_none()),
    }
}

/// The page that refuses a late answer.
pub(crate) fn too_late_page(cx: &Cx, access: &LinkAccess) -> Response<String> {
    let current = access.decision().as_of(cx.clock.now());
    match current_approver(&current) {
        Some(asked_approver) => escalated_page(&current, asked_approver),
        None => closed_page(cx, access, &current, false),
    }
}

fn closed_page(cx: &Cx, access: &LinkAccess, current: &Record<Decision>, is_view: bool) -> Response<String> {
    outcome_page::render(cx, current, &access.approver, is_view).unwrap_or_else(|| {
        match current.state_data.cancelled() {
            Some(cancelled) => cancelled_page(current, cancelled),
            None => expired_page(current),
        }
    })
}

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
        tool: spec.tool.as_deref(),
        arguments: &spec.arguments.as_ref().map(argument_rows).unwrap_or_default(),
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
