//! Authenticates the API key in `X-API-Key` and checks that it has the handler's scope. The `Authorization`
//! header is ignored.
//!
//! Requests count against the tenant's hourly rate limit, if its tier has one. Response headers show what remains.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use handrail_access::{AccessError, AdminRights, RateLimit, check_limit};
use handrail_context::cx::Cx;
use handrail_domain::account::Tier;
use handrail_store::ApiKey;
use handrail_web::deferred_headers::DeferredHeaders;
use handrail_web::extract::{self, RequiredScope};
use handrail_web::problem::Problem;
use http::StatusCode;
use http::request::Parts;

use crate::errors::error as refusal;
use crate::rate_limit_headers;

/// API key of the request's caller, which has scope `R`.
pub(crate) struct Caller<R> {
    pub(crate) key: ApiKey,
    scope: PhantomData<R>,
}

/// Tier of the authenticated caller, by which the `Body` extractor reports the size limit.
#[derive(Clone, Copy)]
pub(crate) struct CallerTier(pub(crate) Tier);

impl<R> Caller<R> {
    /// Returns the rights of the caller over tenants and API keys.
    pub(crate) fn rights(&self) -> AdminRights {
        AdminRights::of_key(&self.key)
    }
}

impl<R: RequiredScope> FromRequestParts<Cx> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let secret = key_header(parts)?.ok_or(Problem::NoCredentials)?;
        Ok(Self { key: authenticate::<R>(cx, parts, &secret).await?, scope: PhantomData })
    }
}

/// Returns the trimmed `X-API-Key` header, or `None` if the request has none.
pub(crate) fn key_header(parts: &Parts) -> Result<Option<String>, Problem> {
    let Some(secret) = parts.headers.get("x-api-key") else { return Ok(None) };
    secret.to_str().map(|text| Some(text.trim().to_owned())).map_err(|_| Problem::UnknownApiKey)
}

/// Finds the API key, counts the request against the hourly rate limit and checks that the key has scope `R`.
pub(crate) async fn authenticate<R: RequiredScope>(
    cx: &Cx,
    parts: &mut Parts,
    secret: &str,
) -> Result<ApiKey, Problem> {
    if secret.is_empty() {
        return Err(Problem::NoCredentials);
    }
    let key = extract::authenticate(cx, parts, secret, R::SCOPE).await.map_err(|error| match error {
        AccessError::RevokedKey => refusal(StatusCode::FORBIDDEN, "API key has been revoked"),
        other => other.into(),
    })?;
    parts.extensions.insert(CallerTier(key.tier));
    if let Some(deferred) = parts.extensions.get::<DeferredHeaders>() {
        let (cx, key) = (cx.clone(), key.clone());
        deferred.set(move |headers| rate_limit_headers::write(&cx, &key, headers));
    }
    if let Some(hourly_limit) = RateLimit::per_tenant_hourly(&key) {
        check_limit(cx, hourly_limit).await?;
    }
    if !key.allows(R::SCOPE) {
        let missing = match key.role.allows(R::SCOPE) {
            true => format!("Required scope: {}", R::SCOPE.name()),
            false => {
                let required = R::SCOPE.lowest_packet_role().name();
                format!("Required role: {required}, current role: {}", key.role.name())
            }
        };
        return Err(refusal(StatusCode::FORBIDDEN, format!("Insufficient permissions. {missing}")));
    }
    Ok(key)
}
