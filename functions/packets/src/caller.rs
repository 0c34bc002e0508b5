//! Authenticates the API key in `X-API-Key` and checks that its role allows the handler's scope. The `Authorization`
//! header is ignored.
//!
//! Requests count against the tenant's hourly rate limit, if its tier has one. Response headers show what remains.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use handrail_access::{RateLimit, check_limit, find_key};
use handrail_context::cx::Cx;
use handrail_domain::account::Tier;
use handrail_store::ApiKey;
use handrail_web::deferred_headers::DeferredHeaders;
use handrail_web::extract::RequiredScope;
use handrail_web::problem::Problem;
use handrail_web::request_counts::Requester;
use http::StatusCode;
use http::request::Parts;

use crate::errors::error;
use crate::rate_limit_headers;

/// API key of the request's caller, whose role allows scope `R`.
pub(crate) struct Caller<R> {
    pub(crate) key: ApiKey,
    scope: PhantomData<R>,
}

/// Tier of the authenticated caller, by which the `Body` extractor reports the size limit.
#[derive(Clone, Copy)]
pub(crate) struct CallerTier(pub(crate) Tier);

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

/// Finds the API key, counts the request against the hourly rate limit and checks that the role allows scope `R`.
pub(crate) async fn authenticate<R: RequiredScope>(
    cx: &Cx,
    parts: &mut Parts,
    secret: &str,
) -> Result<ApiKey, Problem> {
    if secret.is_empty() {
        return Err(Problem::NoCredentials);
    }
    let key = find_key(cx, secret).await?.ok_or(Problem::UnknownApiKey)?;
    if key.revoked_at.is_some() {
        return Err(error(StatusCode::FORBIDDEN, "API key has been revoked"));
    }
    parts.extensions.insert(CallerTier(key.tier));
    if let Some(requester) = parts.extensions.get::<Requester>() {
        requester.set(&key);
    }
    if let Some(deferred) = parts.extensions.get::<DeferredHeaders>() {
        let (cx, key) = (cx.clone(), key.clone());
        deferred.set(move |headers| rate_limit_headers::write(&cx, &key, headers));
    }
    if let Some(hourly_limit) = RateLimit::per_tenant_hourly(&key) {
        check_limit(cx, hourly_limit).await?;
    }
    if !key.role.allows(R::SCOPE) {
        let (required, current) = (R::SCOPE.lowest_packet_role().name(), key.role.name());
        let message = format!("Insufficient permissions. Required role: {required}, current role: {current}");
        return Err(error(StatusCode::FORBIDDEN, message));
    }
    Ok(key)
}
