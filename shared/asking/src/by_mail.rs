//! The mail that an event sends to whoever is asked by it.

use handrail_domain::decision::{Place, ResponseType, asked_now};
use handrail_domain::effect::Purpose;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::Mail;
use handrail_kernel::fault::Fault;
use handrail_kernel::link::Seat;

use crate::mail::{MailView, Turn, compose};
use crate::question::{Question, Spoken, deadline_of, minutes_until, reason};

/// `None`: it was answered, or went on to somebody else, before the mail left. Then there is nothing to ask this person.
pub fn ask_by_mail(cx: &Cx, question: &Question, seq: u64, purpose: Purpose) -> Result<Option<Mail>, Fault> {
    let now = cx.clock.now();
    let Some(reason) = reason(&question.record, seq, purpose, now) else { return Ok(None) };
    let seen = &question.record.seen_at(now);
    let (seat, turn) = match (reason.asks, &seen.standing.place) {
        (Seat::Approver, Place::Pending) => (Seat::Approver, Turn::First),
        (Seat::Backup, Place::Escalated) => (Seat::Backup, Turn::Backup { instead_of: seen.ask.approver.as_str() }),
        _ => return Ok(None),
    };
    let Some(person) = asked_now(seen) else { return Ok(None) };
    let link = format!("{}/d/{}", cx.origin()?, question.token(cx.master()?, seat, person));
    let (deadline, at_deadline) = deadline_of(seen);
    let until = Spoken::of(deadline);
    let amount = seen.ask.amount.as_ref().map(ToString::to_string);
    let composed = compose(&MailView {
        turn,
        reminder: reason.reminder,
        action: &seen.ask.action,
        context: seen.ask.context.as_deref().unwrap_or_default(),
        amount: amount.as_deref(),
        on_page: seen.ask.context_images.len() + seen.standing.attachments.len(),
        urgency: seen.ask.urgency,
        asked_by: &seen.ask.asked_by_name,
        link: &link,
        asked: seen.ask.response_type.as_ref().unwrap_or(&ResponseType::ApproveDeny),
        options: &seen.ask.options,
        deadline: until.moment(),
        minutes_left: minutes_until(deadline, now),
        at_deadline,
    });
    Ok(Some(Mail { to: person.clone(), subject: composed.subject, text: composed.text, html: composed.html }))
}
