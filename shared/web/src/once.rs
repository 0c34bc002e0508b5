//! Operations that have one effect for an idempotency key, whatever they create.
//!
//! Called by handlers whose result is not a record; a record recognises its repeats itself. The response is stored
//! before it is sent, so every repeat gets the bytes of the first response. Without an idempotency key the operation
//! runs as it is.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_domain::ids::{CommandId, RequestFormat, TenantId, hex};
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::seal::{open, seal};
use handrail_store::{ApiKey, BeginOutcome, OnceKey, Run, StoredResponse};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

const SEAL_PURPOSE: &str = "once";
/// Time for which an idempotency key is remembered.
const TTL_SECONDS: i64 = 24 * 60 * 60;
/// A run takes some milliseconds, unless its process died.
const RETRY_AFTER_S: u32 = 1;
/// Longest stored response. Encrypted it has a third more, and an item may have 400 KB.
const RESPONSE_BYTES_MAX: usize = 256 * 1024;

/// Request to an operation that runs once for an idempotency key.
#[derive(Debug)]
pub struct OnceRequest<'a> {
    /// Operation, and the form in which its content is digested.
    pub format: RequestFormat,
    pub tenant: TenantId,
    /// API key or person that sends the request.
    pub caller: String,
    pub idempotency_key: Option<&'a str>,
    /// Everything that the caller requested, under public field names. A secret is in it only as a keyed hash.
    pub content: Value,
    /// `true` if the response is stored encrypted.
    pub response_holds_secret: bool,
}

impl<'a> OnceRequest<'a> {
    /// Returns the request of an API key. Its response holds no secret.
    pub fn of_key(key: &ApiKey, idempotency_key: Option<&'a str>, format: RequestFormat, content: Value) -> Self {
        let (tenant, caller) = (key.tenant, key.id.to_string());
        Self { format, tenant, caller, idempotency_key, content, response_holds_secret: false }
    }

    #[must_use]
    pub fn with_secret_response(self) -> Self {
        Self { response_holds_secret: true, ..self }
    }
}

/// Response of an operation that runs once and creates something: 201 with the JSON of a `T`.
pub struct CreatedOnce<T> {
    text: String,
    body: PhantomData<T>,
}

impl<T> IntoResponse for CreatedOnce<T> {
    fn into_response(self) -> Response {
        let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (StatusCode::CREATED, [content_type], self.text).into_response()
    }
}

/// Runs an operation, or returns the response of an earlier run under the idempotency key.
///
/// `effect` gives everything that it creates the ids and secrets of its [`EffectIds`]. It creates them only if they are
/// not there, because a run that died may have created them.
pub async fn once<T: Serialize, F>(
    cx: &Cx,
    request: OnceRequest<'_>,
    effect: impl FnOnce(EffectIds) -> F,
) -> Result<CreatedOnce<T>, Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    Ok(CreatedOnce { text: run_once(cx, request, effect).await?, body: PhantomData })
}

/// Runs an operation as [`once`] does, for a handler that shows the result on a page.
pub async fn once_json<T: Serialize, F>(
    cx: &Cx,
    request: OnceRequest<'_>,
    effect: impl FnOnce(EffectIds) -> F,
) -> Result<Value, Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    let text = run_once(cx, request, effect).await?;
    let json = serde_json::from_str(&text);
    Ok(json.map_err(|error| Fault::internal_with_source("a stored response is no JSON", error))?)
}

/// Returns the JSON of the response.
async fn run_once<T: Serialize, F>(
    cx: &Cx,
    request: OnceRequest<'_>,
    effect: impl FnOnce(EffectIds) -> F,
) -> Result<String, Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    let Some(idempotency_key) = request.idempotency_key else {
        return Ok(response_json(&effect(EffectIds::random(cx)).await?)?);
    };
    let key =
        OnceKey { tenant: request.tenant, operation: request.format.name, caller: &request.caller, idempotency_key };
    let command = CommandId::from_request(idempotency_key, request.format, &request.content);
    let run_id = hex(&cx.entropy.bytes::<16>());
    let run = match cx.store.begin_run(key, &command, &run_id, cx.clock.now(), TTL_SECONDS).await? {
        BeginOutcome::Begun(run) => run,
        BeginOutcome::Finished { name, response } => {
            return Ok(ResponseText::read(cx, &name, response)?.body);
        }
        BeginOutcome::InProgress => return Err(Problem::InProgress { retry_after_s: RETRY_AFTER_S }),
        BeginOutcome::IdempotencyConflict => return Err(Problem::idempotency_conflict()),
    };
    let body = match effect(EffectIds::of_run(cx, &run)).await {
        Ok(done) => done,
        Err(problem) => {
            end_failed_run(cx, &run, &problem).await;
            return Err(problem);
        }
    };
    let response = ResponseText { status: StatusCode::CREATED.as_u16(), body: response_json(&body)? };
    let stored = response.to_stored(cx, &run, request.response_holds_secret)?;
    if !cx.store.finish_run(&run, &stored).await? {
        // Another run began, because this one took too long. Its response is the one that counts.
        return Err(Problem::InProgress { retry_after_s: RETRY_AFTER_S });
    }
    Ok(response.body)
}

fn response_json(body: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(body)
        .map_err(|error| Fault::internal_with_source("a response can't be written as JSON", error))
}

/// Lets the caller repeat the request at once. A first run that was refused had no effect, so its idempotency key is
/// free for another request.
async fn end_failed_run(cx: &Cx, run: &Run, problem: &Problem) {
    let now = cx.clock.now();
    let ended = match problem.status().is_client_error() && !run.is_repeat {
        true => cx.store.forget_run(run, now).await,
        false => cx.store.end_run(run, now).await,
    };
    if let Err(fault) = ended {
        tracing::warn!(fault = fault.with_causes(), "could not end a failed run; a repeat waits for its time-out");
    }
}

/// Response as it is stored: its JSON, and its status, which is always 201.
#[derive(Serialize, Deserialize)]
struct ResponseText {
    status: u16,
    body: String,
}

impl ResponseText {
    fn to_stored(&self, cx: &Cx, run: &Run, holds_secret: bool) -> Result<StoredResponse, Fault> {
        let text = serde_json::to_string(self)
            .map_err(|error| Fault::internal_with_source("a response can't be written as JSON", error))?;
        if text.len() > RESPONSE_BYTES_MAX {
            return Err(Fault::internal("the response of an operation is too large to be stored"));
        }
        Ok(match holds_secret {
            true => StoredResponse::Sealed(seal(
                cx.key(KeyPurpose::ApiKeys)?,
                &*cx.entropy,
                SEAL_PURPOSE,
                run.name(),
                &text,
            )?),
            false => StoredResponse::Plain(text),
        })
    }

    fn read(cx: &Cx, name: &str, stored: StoredResponse) -> Result<Self, Fault> {
        let text = match stored {
            StoredResponse::Plain(text) => text,
            StoredResponse::Sealed(sealed) => open(cx.key(KeyPurpose::ApiKeys)?, SEAL_PURPOSE, name, &sealed)?,
        };
        serde_json::from_str(&text)
            .map_err(|error| Fault::internal_with_source("a stored response can't be read", error))
    }
}
