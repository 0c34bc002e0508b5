//! The caller of a request: an API key with a scope, or the signed-in owner of a tenant.
//!
//! Authority is a type: `Caller<R>` rejects keys without scope `R`, so a handler can't skip the check. Where the key is
//! sent and which limits count is a rule of the door, which the router puts into the request.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use handrail_access::session::SignedInUser;
use handrail_access::{AdminRights, RateLimit, RateLimitClass, check_active, check_limit, find_key};
use handrail_context::cx::Cx;
use handrail_domain::access::Scope;
use handrail_domain::account::Tier;
use handrail_domain::ids::TenantId;
use handrail_store::ApiKey;
use http::request::Parts;

use crate::deferred_headers::DeferredHeaders;
use crate::door::{CallerRules, Door};
use crate::problem::Problem;
use crate::request_counts::Requester;
use crate::session_cookie;

/// The API key of the request, which has scope `R`.
pub struct Caller<R> {
    pub key: ApiKey,
    scope: PhantomData<R>,
}

impl<R> Caller<R> {
    /// Returns the rights of the caller over tenants and API keys.
    pub fn rights(&self) -> AdminRights {
        AdminRights::of_key(&self.key)
    }
}

pub trait RequiredScope: Send + Sync {
    const SCOPE: Scope;
    /// Describes the scope in an error message.
    const REQUIREMENT: &'static str;
}

macro_rules! required_scopes {
    ($($name:ident: $requirement:literal),+ $(,)?) => {
        pub mod scopes {
            $(pub struct $name;
            impl super::RequiredScope for $name {
                const SCOPE: super::Scope = super::Scope::$name;
                const REQUIREMENT: &'static str = $requirement;
            })+
        }
    };
}

required_scopes! {
    DecisionsWrite: "the right to create decisions",
    DecisionsRead: "the right to read decisions",
    DecisionsResolve: "the role app or admin, because agents must not answer",
    AccountRead: "the right to read the account",
    KeysWrite: "the role admin",
    SlackWrite: "the role admin",
    PacketsRead: "a key of this account",
    PacketsWrite: "the role writer, app or admin",
    PacketsWork: "a role other than reader",
    HandoffsWrite: "a role other than reader",
    PacketsRespond: "the role writer, app or admin, because agents must not answer",
    SystemRead: "the role admin",
    HooksWrite: "the role writer, app or admin",
    HooksRetryAll: "the role admin",
    PacketsSchemas: "the role writer, app or admin",
    AuditRead: "the role admin",
    TenantsRead: "the role admin or operator",
    TenantsWrite: "the role operator, which the command line gives",
}

impl<R: RequiredScope> FromRequestParts<Cx> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let secret = caller_rules(parts)?.credential.find(&parts.headers)?.ok_or(Problem::NoCredentials)?.to_owned();
        Ok(Self { key: authenticate::<R>(cx, parts, &secret).await?, scope: PhantomData })
    }
}

/// Tier of the authenticated caller, as a request extension: it limits the size of bodies.
#[derive(Clone, Copy)]
pub struct CallerTier(pub Tier);

/// Finds the API key with this secret, by the rules of the door. The request is counted for the key and the scope; a key
/// that does not work now or lacks scope `R` is refused.
pub async fn authenticate<R: RequiredScope>(cx: &Cx, parts: &mut Parts, secret: &str) -> Result<ApiKey, Problem> {
    let rules = caller_rules(parts)?;
    if secret.is_empty() {
        return Err(Problem::NoCredentials);
    }
    let key = find_key(cx, secret).await?.ok_or(Problem::UnknownApiKey)?;
    if let Some(requester) = parts.extensions.get::<Requester>() {
        requester.set(&key, R::SCOPE);
    }
    check_active(cx, &key)?;
    parts.extensions.insert(CallerTier(key.tier));
    if let (Some(write), Some(deferred)) = (rules.limit_headers, parts.extensions.get::<DeferredHeaders>()) {
        let (cx, key) = (cx.clone(), key.clone());
        deferred.set(move |headers| write(&cx, &key, headers));
    }
    if let Some(hourly_limit) = RateLimit::per_tenant_hourly(&key).filter(|_| rules.has_hourly_limit) {
        check_limit(cx, hourly_limit).await?;
    }
    if !key.allows(R::SCOPE) {
        return Err(Problem::MissingScope { scope: R::SCOPE, role: key.role, requirement: R::REQUIREMENT });
    }
    Ok(key)
}

fn caller_rules(parts: &Parts) -> Result<CallerRules, Problem> {
    parts.extensions.get::<Door>().map(|door| door.caller_rules).ok_or_else(|| {
        tracing::error!("the router of an operation with callers did not name its door");
        Problem::Internal
    })
}

/// Administrator of a tenant: an API key with scope `R`, or the signed-in owner.
pub struct TenantAdmin<R> {
    pub principal: Principal,
    scope: PhantomData<R>,
}

pub enum Principal {
    ApiKey(ApiKey),
    User(SignedInUser),
}

impl<R> TenantAdmin<R> {
    pub fn tenant(&self) -> TenantId {
        self.rights().tenant
    }

    pub fn tier(&self) -> Tier {
        self.rights().tier
    }

    /// Returns the id of the API key, or the address of the signed-in person.
    pub fn caller(&self) -> String {
        match &self.principal {
            Principal::ApiKey(key) => key.id.to_string(),
            Principal::User(user) => user.caller(),
        }
    }

    /// Returns the rights of the caller over tenants and API keys.
    pub fn rights(&self) -> AdminRights {
        match &self.principal {
            Principal::ApiKey(key) => AdminRights::of_key(key),
            Principal::User(user) => AdminRights::of_owner(&user.tenant),
        }
    }

    /// Counts the request against the rate limit of the API key, or of the tenant for a signed-in person.
    pub async fn check_limit(&self, cx: &Cx) -> Result<(), Problem> {
        let rate_limit = match &self.principal {
            Principal::ApiKey(key) => RateLimit::per_key(key, RateLimitClass::OtherRequests),
            Principal::User(user) => RateLimit::per_tenant(&user.tenant),
        };
        Ok(check_limit(cx, rate_limit).await?)
    }
}

impl<R: RequiredScope> FromRequestParts<Cx> for TenantAdmin<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let principal = match session_cookie::user_of_request(parts, cx).await? {
            Some(user) => Principal::User(user),
            None => Principal::ApiKey(Caller::<R>::from_request_parts(parts, cx).await?.key),
        };
        Ok(Self { principal, scope: PhantomData })
    }
}
