//! Who calls: a key in `X-API-Key`, with the right that the handler names. `Authorization` is not read here.
//!
//! Whoever calls with a key that works is counted against the hour of its account, where the tier has one, and is told in
//! every answer what is left.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use handrail_domain::account::Tier;
use handrail_kernel::access::{Allowance, look_up, take};
use handrail_kernel::aside::Aside;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::Right;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use http::StatusCode;
use http::request::Parts;

use crate::dialect::refuse;
use crate::limits;

/// The key behind a request of this door, which has the right `R`.
pub(crate) struct Caller<R> {
    pub(crate) key: Key,
    right: PhantomData<R>,
}

/// Whoever reads the body after this knows how much may come.
#[derive(Clone, Copy)]
pub(crate) struct CallersTier(pub(crate) Tier);

impl<R: Right> FromRequestParts<Cx> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let credential = in_header(parts)?.ok_or(Problem::NoCredentials)?;
        Ok(Self { key: admit::<R>(cx, parts, &credential).await?, right: PhantomData })
    }
}

/// What the request brings in `X-API-Key`.
pub(crate) fn in_header(parts: &Parts) -> Result<Option<String>, Problem> {
    let Some(credential) = parts.headers.get("x-api-key") else { return Ok(None) };
    credential.to_str().map(|text| Some(text.trim().to_owned())).map_err(|_| Problem::UnknownKey)
}

/// The key behind a credential, which has the right `R`.
pub(crate) async fn admit<R: Right>(cx: &Cx, parts: &mut Parts, credential: &str) -> Result<Key, Problem> {
    if credential.is_empty() {
        return Err(Problem::NoCredentials);
    }
    let key = look_up(cx, credential).await?.ok_or(Problem::UnknownKey)?;
    if key.revoked_at.is_some() {
        return Err(refuse(StatusCode::FORBIDDEN, "API key has been revoked"));
    }
    parts.extensions.insert(CallersTier(key.tier));
    if let Some(aside) = parts.extensions.get::<Aside>() {
        let (cx, key) = (cx.clone(), key.clone());
        aside.say(move |headers| limits::tell(&cx, &key, headers));
    }
    if let Some(hour) = Allowance::of_hour(&key) {
        take(cx, hour).await?;
    }
    if !key.role.allows(R::SCOPE) {
        let message =
            format!("Insufficient permissions: this needs {}; this key has the role {}", R::NEEDS, key.role.name());
        return Err(refuse(StatusCode::FORBIDDEN, message));
    }
    Ok(key)
}
