//! Mail for an approval request.

use handrail_context::cx::Cx;
use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::argument_rows::argument_rows;
use handrail_domain::decision::{Phase, ResponseType, current_approver};
use handrail_platform::fault::Fault;
use handrail_records::approval_request::ApprovalRequest;
use handrail_records::kind::Mail;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::ApproverRole;

use crate::approval_request::{FormattedTime, current_deadline, message_reason, minutes_until};
use crate::mail::{MailView, Recipient, render};

/// Returns the mail for an event. Returns `None` if the request was answered or escalated in the meantime.
pub fn request_mail(
    cx: &Cx,
    request: &ApprovalRequest,
    seq: u64,
    purpose: ApprovalPurpose,
) -> Result<Option<Mail>, Fault> {
    let now = cx.clock.now();
    let Some(reason) = message_reason(&request.record, seq, purpose, now) else { return Ok(None) };
    let record = &request.record.as_of(now);
    let (role, recipient) = match (reason.recipient_role, &record.state_data.phase) {
        (ApproverRole::Approver, Phase::Pending) => (ApproverRole::Approver, Recipient::Approver),
        (ApproverRole::Backup, Phase::Escalated) => {
            (ApproverRole::Backup, Recipient::Backup { first_approver: record.spec.approver.as_str() })
        }
        _ => return Ok(None),
    };
    let Some(person) = current_approver(record) else { return Ok(None) };
    let link = format!("{}/d/{}", cx.origin()?, request.token(cx.key(KeyPurpose::ApprovalLinks)?, role, person));
    let (deadline, at_deadline) = current_deadline(record);
    let deadline_text = FormattedTime::new(deadline);
    let amount = record.spec.amount.as_ref().map(ToString::to_string);
    let rendered = render(&MailView {
        recipient,
        is_reminder: reason.is_reminder,
        action: &record.spec.action,
        context: record.spec.context.as_deref().unwrap_or_default(),
        amount: amount.as_deref(),
        tool: record.spec.tool.as_deref(),
        arguments: &record.spec.arguments.as_ref().map(argument_rows).unwrap_or_default(),
        attachment_count: record.spec.context_images.len() + record.state_data.attachments.len(),
        urgency: record.spec.urgency,
        requester: &record.spec.asked_by_name,
        link: &link,
        response_type: record.spec.response_type.as_ref().unwrap_or(&ResponseType::ApproveDeny),
        options: &record.spec.options,
        deadline: deadline_text.time_text(),
        minutes_left: minutes_until(deadline, now),
        at_deadline,
    });
    Ok(Some(Mail { to: person.clone(), subject: rendered.subject, text: rendered.text, html: rendered.html }))
}
