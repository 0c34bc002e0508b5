//! Sign-in of people by a mailed link. A login is a record, so its link works once and until it expires.
//!
//! See docs/decisions/0011-a-login-is-a-record.md.

use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::login::{Act, Login, LoginSpec, LoginStateData, Refusal, tenant};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_secrets::keys::KeyPurpose;

use crate::error::AccessError;
use crate::rate_limit::{RateLimit, check_limit};
use crate::session::NewSession;
use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_records::transition::{self, TransitionError, transition_from};
use handrail_secrets::link::LoginLink;
use handrail_store::HeadKey;

/// Reason why a person can't sign in with a link, or can't request one.
#[derive(Debug)]
pub enum SignInError {
    /// The link is forged, or its login or the person's tenant does not exist.
    LinkNotFound,
    LinkUsed,
    LinkExpired,
    /// Other requests changed the login on every attempt.
    Busy,
    /// A rate limit is exhausted, or the table could not say.
    Access(AccessError),
}

impl<E: Into<AccessError>> From<E> for SignInError {
    fn from(error: E) -> Self {
        Self::Access(error.into())
    }
}

/// Requests a sign-in mail. The result is equal for known and unknown addresses: whose address it is, is looked up when
/// the mail is built. `client` is the address of the client.
pub async fn request_link(cx: &Cx, client: &str, email: EmailAddress) -> Result<(), SignInError> {
    check_client_limit(cx, client).await?;
    let limit = cx.settings.public_rate_limits.sign_ins_per_minute;
    check_limit(cx, RateLimit::per_client("login-to", &email.as_str().to_lowercase(), limit)).await?;
    let (id, now) = (cx.new_record_id(), cx.clock.now());
    let command = CommandId::new(&id.to_string(), &[]);
    let spec = LoginSpec::new(email, now);
    let salt = cx.new_record_salt();
    let record = Record::<Login>::create(tenant(), id, spec, Actor::Anonymous, command.clone(), now, salt);
    transition::create(cx, record, &command).await.map(drop).map_err(sign_in_error)
}

/// Finds the login of a link. A wrong signature and an absent login give an equal error.
pub async fn find_login(cx: &Cx, token: &str) -> Result<Record<Login>, SignInError> {
    let link = LoginLink::parse(token).ok_or(SignInError::LinkNotFound)?;
    let record = cx.store.record::<Login>(tenant(), link.record).await?.ok_or(SignInError::LinkNotFound)?;
    if !link.is_valid_for(cx.key(KeyPurpose::SignIn)?, &record.spec.email) {
        return Err(SignInError::LinkNotFound);
    }
    Ok(record)
}

/// Signs in with a link. Stores the session before the link is used and returns its token only afterwards. If using the
/// link fails, no client has the token, and the session expires.
pub async fn use_link(cx: &Cx, client: &str, token: &str) -> Result<NewSession, SignInError> {
    check_client_limit(cx, client).await?;
    let login = find_login(cx, token).await?;
    let found = cx.store.tenant_by_email(&login.spec.email).await?.ok_or(SignInError::LinkNotFound)?;
    let email = found.email.ok_or(SignInError::LinkNotFound)?;
    let new = NewSession::new(cx, found.tenant, email.clone());
    cx.store.put_session(&new.token_hash, &new.session).await?;
    let command = Command::<Login> {
        // The id is unique to this attempt, so a repeated request counts as another use of the link.
        id: CommandId::new(&format!("sign in {}", new.token_hash), &[]),
        actor: Actor::Person { email, by: AuthMethod::MailedLink },
        act: Act::Use,
    };
    match transition_from(cx, login, &command).await {
        Ok(_) => Ok(new),
        Err(error) => Err(sign_in_error(error)),
    }
}

/// Contents of a sign-in mail.
#[derive(Clone, Debug)]
pub struct SignInMail {
    /// Stored address of the owner, because the requested one may differ in case.
    pub to: EmailAddress,
    /// Name of the tenant.
    pub name: String,
    pub link: String,
    pub valid_until: String,
}

/// Returns the contents of a login's mail. Returns `None` if the link no longer works, or if the address belongs to no
/// tenant.
pub async fn sign_in_mail(cx: &Cx, key: HeadKey) -> Result<Option<SignInMail>, Fault> {
    let record = cx.store.record::<Login>(key.tenant, key.id).await?;
    let record = record.ok_or_else(|| Fault::internal("an effect belongs to a record that does not exist"))?;
    let current = record.as_of(cx.clock.now());
    if current.state_data != LoginStateData::Requested {
        return Ok(None);
    }
    let Some(found) = cx.store.tenant_by_email(&current.spec.email).await? else { return Ok(None) };
    let Some(to) = found.email else { return Ok(None) };
    let token = LoginLink::new(cx.key(KeyPurpose::SignIn)?, current.id, &current.spec.email).token();
    let link = format!("{}/auth/login/{token}", cx.origin()?);
    Ok(Some(SignInMail { to, name: found.name, link, valid_until: current.spec.expires_at.readable() }))
}

async fn check_client_limit(cx: &Cx, client: &str) -> Result<(), AccessError> {
    let limit = cx.settings.public_rate_limits.sign_ins_per_minute;
    check_limit(cx, RateLimit::per_client("login-from", client, limit)).await
}

fn sign_in_error(error: TransitionError<Login>) -> SignInError {
    match error {
        TransitionError::NotFound => SignInError::LinkNotFound,
        TransitionError::Refused(Refusal::Used { .. }) => SignInError::LinkUsed,
        TransitionError::Refused(Refusal::Expired { .. }) => SignInError::LinkExpired,
        TransitionError::Busy => SignInError::Busy,
        TransitionError::Fault(fault) => fault.into(),
        TransitionError::IdempotencyConflict | TransitionError::TooLarge => {
            Fault::internal("a login has no body, and each of its commands an id of its own").into()
        }
    }
}
