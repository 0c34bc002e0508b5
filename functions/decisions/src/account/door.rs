//! What the workers need of a login: its mail, to the address of an account and to no other.

use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::login::{Login, Standing};
use handrail_kernel::cx::Cx;
use handrail_kernel::door::{Awaited, Callback, Door, Mail, News, news_of, raise_due_of};
use handrail_kernel::fault::Fault;
use handrail_kernel::link::LoginLink;
use handrail_kernel::store::{HeadKey, Item};

use super::mail::{SignInMail, compose};

pub struct LoginDoor;

impl Door for LoginDoor {
    fn kind(&self) -> &'static str {
        Login::KIND
    }

    fn news<'a>(&'a self, cx: &'a Cx, old: Option<&'a Item>, new: &'a Item) -> Awaited<'a, News> {
        Box::pin(news_of::<Login>(cx, old, new))
    }

    fn raise_due<'a>(&'a self, cx: &'a Cx, key: HeadKey) -> Awaited<'a, bool> {
        Box::pin(raise_due_of::<Login>(cx, key.tenant, key.id))
    }

    fn callback<'a>(&'a self, _: &'a Cx, _: HeadKey, _: u64, _: Purpose) -> Awaited<'a, Option<Callback>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn retry_gaps_ms(&self) -> &'static [i64] {
        &[]
    }

    /// Here, and not where the mail was asked for, it is looked up whether there is such an account.
    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, _seq: u64, purpose: Purpose) -> Awaited<'a, Option<Mail>> {
        Box::pin(async move {
            let record = cx.store.record::<Login>(key.tenant, key.id).await?;
            let record = record.ok_or_else(|| Fault::broken("an effect belongs to a record that is not there"))?;
            let seen = record.seen_at(cx.clock.now());
            if purpose != Purpose::SignIn || seen.standing != Standing::Requested {
                return Ok(None);
            }
            let Some(account) = cx.store.account_by_email(&seen.ask.email).await? else { return Ok(None) };
            let Some(email) = account.email else { return Ok(None) };
            let token = LoginLink::to(cx.master()?, seen.id, &seen.ask.email).token();
            let link = format!("{}/auth/login/{token}", cx.origin()?);
            let until = seen.ask.expires_at.readable();
            let composed = compose(&SignInMail { name: &account.name, link: &link, until: &until });
            // To the address as the account has it: what was typed may differ from it in case.
            let (to, subject) = (email, composed.subject);
            Ok(Some(Mail { to, subject, text: composed.text, html: composed.html }))
        })
    }
}
