//! A request's JSON, its path and its query, each refused by name.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use handrail_domain::account::Tier;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::Flaw;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::limited_body;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::caller::CallersTier;
use crate::dialect::{Part, flawed, flawed_at};

/// What a key's tier may send at once, in bytes.
pub(crate) const fn body_bytes_max(tier: Tier) -> usize {
    match tier {
        Tier::Free => 64 * 1024,
        Tier::Pro => 256 * 1024,
        Tier::Scale | Tier::Enterprise => BODY_BYTES_MAX,
    }
}
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A whole body, as it came. What a key may send is checked when it is read: only then is it known whose it is.
pub(crate) struct Body(bytes::Bytes);

impl FromRequest<Cx> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let tier = request.extensions().get::<CallersTier>().map(|CallersTier(tier)| *tier);
        let read = limited_body(request, BODY_BYTES_MAX).await;
        read.map(Self).map_err(|problem| match (problem, tier) {
            (Problem::TooLarge { limit_bytes }, Some(tier)) => too_large(tier, limit_bytes + 1),
            (problem, _) => problem,
        })
    }
}

impl Body {
    pub(crate) fn read<T>(&self, key: &Key, read: impl FnOnce(&Value) -> Result<T, Vec<Flaw>>) -> Result<T, Problem> {
        let limit = body_bytes_max(key.tier);
        if self.0.len() > limit {
            return Err(too_large(key.tier, self.0.len()));
        }
        let invalid = |message: String, kind| flawed(Part::Body, &[Flaw::new(&[], message, kind)]);
        let value: Value = serde_json::from_slice(&self.0)
            .map_err(|error| invalid(format!("The body is not valid JSON: {error}"), "json_invalid"))?;
        if !value.is_object() {
            return Err(invalid("The body must be a JSON object".to_owned(), "dict_type"));
        }
        read(&value).map_err(|flaws| flawed(Part::Body, &flaws))
    }
}

pub(crate) fn too_large(tier: Tier, bytes: usize) -> Problem {
    let limit = body_bytes_max(tier);
    Problem::Refused {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "",
        message: format!("Request body too large: {bytes} bytes or more, and at most {limit} are taken"),
        details: Map::from_iter([("tier".to_owned(), tier.allotment().name.into())]),
    }
}

/// The packet's id in the path, in any of the forms of a UUID.
pub(crate) struct PacketId(pub(crate) RecordId);

impl FromRequestParts<Cx> for PacketId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(RecordId::from_bytes(uuid_in_path(parts, cx, "packet_id").await?)))
    }
}

/// In any of the forms of a UUID.
pub(crate) async fn uuid_in_path(parts: &mut Parts, cx: &Cx, name: &'static str) -> Result<[u8; 16], Problem> {
    let Path(text) = Path::<String>::from_request_parts(parts, cx).await.map_err(|_| Problem::NoRoute)?;
    uuid_in(Part::Path, name, &text)
}

pub(crate) fn uuid_in(part: Part, name: &'static str, text: &str) -> Result<[u8; 16], Problem> {
    let id = Uuid::try_parse(text).map(Uuid::into_bytes);
    id.map_err(|_| flawed_at(part, name, "Input should be a valid UUID", "uuid_parsing"))
}

/// Every parameter is a text until its operation reads it.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Cx> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, cx).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(_) => Err(flawed(Part::Query, &[Flaw::new(&[], "The query can't be read", "value_error")])),
        }
    }
}
