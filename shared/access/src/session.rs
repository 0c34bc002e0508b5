//! Sessions of people who signed in. The table keeps the hash of a session token, never the token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::account::Tenant;
use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;

use handrail_context::cx::Cx;
use handrail_domain::key_hash::hash_of_key;
use handrail_platform::fault::Fault;
use handrail_store::Session;

/// Lifetime of a session: a working day.
pub const SESSION_TTL_MS: i64 = 12 * 60 * 60 * 1000;
pub const TOKEN_PREFIX: &str = "hs_";
/// Length of a token: the prefix and 256 bits in base64.
const TOKEN_CHARS: usize = TOKEN_PREFIX.len() + 43;

/// A signed-in person with the tenant that they own.
#[derive(Clone, Debug)]
pub struct SignedInUser {
    pub tenant: Tenant,
    token_hash: String,
}

/// New session: its token, and the session to store under the hash of the token.
pub struct NewSession {
    pub token: String,
    pub token_hash: String,
    pub session: Session,
}

impl NewSession {
    pub fn new(cx: &Cx, tenant: TenantId, email: EmailAddress) -> Self {
        let token = format!("{TOKEN_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(cx.entropy.bytes::<32>()));
        let created_at = cx.clock.now();
        let session = Session { tenant, email, created_at, expires_at: created_at.plus_ms(SESSION_TTL_MS) };
        Self { token_hash: hash_of_key(&token), token, session }
    }
}

/// Finds the person of a session token. Returns `None` if the session is unknown or has expired, or the person no
/// longer owns the tenant.
pub async fn user_of_token(cx: &Cx, token: &str) -> Result<Option<SignedInUser>, Fault> {
    if token.len() != TOKEN_CHARS || !token.starts_with(TOKEN_PREFIX) {
        return Ok(None);
    }
    let hash = hash_of_key(token);
    let now = cx.clock.now();
    let Some(session) = cx.store.session(&hash).await?.filter(|session| now < session.expires_at) else {
        return Ok(None);
    };
    let tenant = cx.store.tenant(session.tenant).await?;
    Ok(tenant
        .filter(|tenant| tenant.is_owned_by(&session.email))
        .map(|tenant| SignedInUser { tenant, token_hash: hash }))
}

impl SignedInUser {
    /// Returns the address of the person, by which the person's requests are told apart.
    pub fn caller(&self) -> String {
        self.tenant.email.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    pub async fn sign_out(&self, cx: &Cx) -> Result<(), Fault> {
        cx.store.delete_session(&self.token_hash).await
    }
}
