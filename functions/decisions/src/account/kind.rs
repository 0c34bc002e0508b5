//! Logins as a record kind: the sign-in mail, sent only to the address of a tenant's owner.

use handrail_context::cx::Cx;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::login::{Login, LoginStateData, SIGN_IN};
use handrail_platform::fault::Fault;
use handrail_records::kind::{EventMappers, Kind, Mail, Mails, fire_due_timers_of, follow_ups_of};
use handrail_secrets::link::LoginLink;
use handrail_store::HeadKey;

use super::mail::{SignInMail, render};

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
    let record = cx.store.record::<Login>(key.tenant, key.id).await?;
    let record = record.ok_or_else(|| Fault::internal("an effect belongs to a record that does not exist"))?;
    let current = record.as_of(cx.clock.now());
    if current.state_data != LoginStateData::Requested {
        return Ok(None);
    }
    let Some(tenant) = cx.store.tenant_by_email(&current.spec.email).await? else { return Ok(None) };
    let Some(email) = tenant.email else { return Ok(None) };
    let token = LoginLink::new(cx.master_key()?, current.id, &current.spec.email).token();
    let link = format!("{}/auth/login/{token}", cx.origin()?);
    let valid_until = current.spec.expires_at.readable();
    let mail = render(&SignInMail { name: &tenant.name, link: &link, valid_until: &valid_until });
    // Sent to the stored address, because the requested one may differ in case.
    Ok(Some(Mail { to: email, subject: mail.subject, text: mail.text, html: mail.html }))
}
