//! Kind handler of logins: the sign-in mail, sent only to the address of a tenant's owner.

use handrail_context::cx::Cx;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::login::{Login, LoginStateData};
use handrail_platform::boxed::BoxFuture;
use handrail_platform::fault::Fault;
use handrail_records::kind_handler::{Callback, FollowUps, KindHandler, Mail, fire_due_timers_of, follow_ups_of};
use handrail_secrets::link::LoginLink;
use handrail_store::{HeadKey, Item};

use super::mail::{SignInMail, render};

pub struct LoginHandler;

impl KindHandler for LoginHandler {
    fn kind(&self) -> &'static str {
        Login::KIND
    }

    fn follow_ups<'a>(&'a self, cx: &'a Cx, old: Option<&'a Item>, new: &'a Item) -> BoxFuture<'a, FollowUps> {
        Box::pin(follow_ups_of::<Login>(cx, old, new))
    }

    fn fire_due_timers<'a>(&'a self, cx: &'a Cx, key: HeadKey) -> BoxFuture<'a, bool> {
        Box::pin(fire_due_timers_of::<Login>(cx, key.tenant, key.id))
    }

    fn callback<'a>(&'a self, _: &'a Cx, _: HeadKey, _: u64, _: Purpose) -> BoxFuture<'a, Option<Callback>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn retry_backoff_ms(&self) -> &'static [i64] {
        &[]
    }

    /// Looks up the tenant here and not in the request, so that the response can't reveal whether the tenant exists.
    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, _seq: u64, purpose: Purpose) -> BoxFuture<'a, Option<Mail>> {
        Box::pin(async move {
            let record = cx.store.record::<Login>(key.tenant, key.id).await?;
            let record = record.ok_or_else(|| Fault::internal("an effect belongs to a record that does not exist"))?;
            let current = record.as_of(cx.clock.now());
            if purpose != Purpose::SignIn || current.state_data != LoginStateData::Requested {
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
        })
    }
}
