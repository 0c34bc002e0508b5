//! What the arguments of a handler say about its request.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use http::HeaderMap;
use schemars::JsonSchema;

use super::description::{Content, Description, FORM, Header, JSON, schema_of};
use crate::caller::{Caller, TenantAdmin};
use crate::extract::{ClientAddress, Form, IdempotencyKey, PathParam, PublicOrigin, TwoPathParams, ViaApiGateway};
use crate::json_body::{Json, OptionalJson};
use crate::session_cookie::OptionalUser;

/// Argument of a handler.
pub trait Argument {
    /// Adds what the argument takes from the request, and the statuses with which it refuses one.
    fn describe(description: &mut Description);
}

/// Implements [`Argument`] for types that take nothing that a client chooses.
macro_rules! takes_nothing {
    ($([$($generic:ident)?] $argument:ty),+ $(,)?) => {
        $(impl<$($generic)?> Argument for $argument {
            fn describe(_: &mut Description) {}
        })+
    };
}

takes_nothing! {
    [S] State<S>, [T] Extension<T>, [] HeaderMap, [] Request, [] PublicOrigin, [] ClientAddress, [] ViaApiGateway,
}

/// Statuses of an API key that is absent, lacks the scope or is over its rate limit.
const PROBLEMS_OF_CALLER: [u16; 3] = [401, 403, 429];

impl<R> Argument for Caller<R> {
    fn describe(description: &mut Description) {
        description.problems.extend(PROBLEMS_OF_CALLER);
    }
}

impl<R> Argument for TenantAdmin<R> {
    fn describe(description: &mut Description) {
        description.problems.extend(PROBLEMS_OF_CALLER);
    }
}

impl Argument for OptionalUser {
    fn describe(description: &mut Description) {
        description.problems.extend(PROBLEMS_OF_CALLER);
    }
}

impl Argument for PathParam {
    fn describe(description: &mut Description) {
        description.problems.insert(404);
    }
}

impl Argument for TwoPathParams {
    fn describe(description: &mut Description) {
        PathParam::describe(description);
    }
}

impl Argument for IdempotencyKey {
    fn describe(description: &mut Description) {
        let text = "Text of 1 to 255 printable ASCII characters by which a repeat of the request is recognised";
        description.headers.push(Header { name: "Idempotency-Key", description: text });
        // Another request had this key, or the first one with it has not finished.
        description.problems.extend([400, 409]);
    }
}

impl<T: JsonSchema> Argument for Json<T> {
    fn describe(description: &mut Description) {
        description.set_body(vec![Content::of::<T>(JSON)], true);
    }
}

impl<T: JsonSchema> Argument for OptionalJson<T> {
    fn describe(description: &mut Description) {
        description.set_body(vec![Content::of::<T>(JSON)], false);
    }
}

impl<T: JsonSchema> Argument for Form<T> {
    fn describe(description: &mut Description) {
        description.set_body(vec![Content::of::<T>(FORM)], true);
    }
}

impl<T: JsonSchema> Argument for Query<T> {
    fn describe(description: &mut Description) {
        description.queries.push(schema_of::<T>());
        description.problems.insert(400);
    }
}

impl<T: JsonSchema> Argument for Result<Query<T>, QueryRejection> {
    fn describe(description: &mut Description) {
        Query::<T>::describe(description);
    }
}
