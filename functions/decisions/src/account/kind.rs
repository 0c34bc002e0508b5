//! Logins as a record kind: the sign-in mail, sent only to the address of a tenant's owner.

use handrail_access::sign_in::sign_in_mail;
use handrail_context::cx::Cx;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::login::{Login, SIGN_IN};
use handrail_platform::fault::Fault;
use handrail_records::kind::{EventMappers, Kind, Mail, Mails, fire_due_timers_of, follow_ups_of};
use handrail_store::HeadKey;

use super::mail::render;

pub const KIND: Kind = Kind {
    name: Login::KIND,
    follow_ups: |cx, old, new| Box::pin(follow_ups_of::<Login>(cx, old, new, EventMappers::NONE)),
    fire_due_timers: |cx, key| Box::pin(fire_due_timers_of::<Login>(cx, key.tenant, key.id)),
    callbacks: None,
    webhooks: None,
    mails: Some(Mails { build: |cx, key, _, purpose| Box::pin(mail(cx, key, purpose)) }),
    slack: None,
    files: None,
    approvals: None,
    after_sent: None,
};

/// Builds the sign-in mail. Looks up the tenant here and not in the request, so that the response can't reveal whether
/// the tenant exists.
async fn mail(cx: &Cx, key: HeadKey, purpose: Purpose) -> Result<Option<Mail>, Fault> {
    if purpose != SIGN_IN {
        return Err(Fault::internal(format!("no mail of a login has the purpose {purpose:?}")));
    }
    let Some(contents) = sign_in_mail(cx, key).await? else { return Ok(None) };
    let mail = render(&contents);
    Ok(Some(Mail { to: contents.to, subject: mail.subject, text: mail.text, html: mail.html }))
}
