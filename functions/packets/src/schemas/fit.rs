//! Whether a packet's context is as its schema says. Only the functions that make packets are built from this.
//!
//! What somebody registered is as hostile as what they send, so nothing is fetched, patterns are matched without going
//! back, formats are remarks, and what a check would cost is known before it begins (see `effort.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::packet::Proposal;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use http::StatusCode;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::effort::{self, STEPS_MAX};
use super::outline::{Outline, Unfit};
use super::patterns::PATTERN_BYTES_MAX;

/// Why a context does not fit is told in detail up to here: the details of alternatives take memory for each.
const TOLD_STEPS_MAX: u64 = 100_000;
const MESSAGE_CHARS_MAX: usize = 300;
/// A schema never changes, so it may be remembered for ever. More than this would be memory for those who never come again.
const REMEMBERED_MAX: usize = 16;

/// A schema, ready to check with.
#[derive(Debug)]
pub(crate) struct Ready {
    validator: Validator,
    outline: Outline,
}

/// What of a context is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    path: Vec<String>,
    message: String,
}

impl Ready {
    pub(crate) fn of(schema: &Value) -> Result<Self, Unfit> {
        let outline = Outline::of(schema)?;
        let patterns = PatternOptions::regex().size_limit(2 * PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let built = jsonschema::options()
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .without_content_media_type_support("application/json")
            .without_content_encoding_support("base64")
            .offline()
            .build(schema);
        let validator = built.map_err(|error| {
            Unfit::new(error.instance_path().as_str().trim_start_matches('/'), short(&error.masked().to_string()))
        })?;
        Ok(Self { validator, outline })
    }

    /// Takes from the steps that are left.
    pub(crate) fn check(&self, document: &Value, left: &AtomicU64) -> Result<(), Misfit> {
        let misfit = |path, message: &str| Err(Misfit { path, message: message.to_owned() });
        let Some(effort) = effort::of(&self.outline, document, left.load(Ordering::Relaxed)) else {
            return misfit(
                Vec::new(),
                "is more than its schema can be checked on: too many values, too many ways to try",
            );
        };
        left.fetch_sub(effort.steps, Ordering::Relaxed);
        if self.validator.is_valid(document) {
            return Ok(());
        }
        if effort.steps.saturating_mul(1 + effort.alternatives) > TOLD_STEPS_MAX {
            return misfit(Vec::new(), "does not fit its schema");
        }
        match self.validator.validate(document) {
            Ok(()) => misfit(Vec::new(), "does not fit its schema"),
            Err(error) => {
                let path = error.instance_path().as_str().split('/').skip(1);
                let path = path.map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
                misfit(path, &short(&error.masked().to_string()))
            }
        }
    }
}

fn short(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// The schemas that this process checked with before.
#[derive(Clone, Default)]
pub(crate) struct Remembered(Arc<Mutex<Vec<Known>>>);

struct Known {
    tenant: TenantId,
    id: RecordId,
    ready: Arc<Ready>,
}

impl Remembered {
    fn find(&self, tenant: TenantId, id: RecordId) -> Option<Arc<Ready>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|one| one.tenant == tenant && one.id == id)?;
        // The last one was used last.
        let found = known.remove(at);
        let ready = Arc::clone(&found.ready);
        known.push(found);
        Some(ready)
    }

    fn keep(&self, tenant: TenantId, id: RecordId, ready: &Arc<Ready>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|one| one.tenant != tenant || one.id != id);
        if known.len() >= REMEMBERED_MAX {
            known.remove(0);
        }
        known.push(Known { tenant, id, ready: Arc::clone(ready) });
    }

    /// `None`: this account has no such schema.
    async fn ready(&self, cx: &Cx, tenant: TenantId, id: RecordId) -> Result<Option<Arc<Ready>>, Fault> {
        if let Some(ready) = self.find(tenant, id) {
            return Ok(Some(ready));
        }
        let Some(schema) = cx.store.schema(tenant, id).await? else { return Ok(None) };
        let ready = aside(move || {
            let schema: Value = serde_json::from_str(&schema.text)
                .map_err(|error| Fault::broken_by("a schema can't be read", error))?;
            Ready::of(&schema).map_err(|unfit| Fault::broken(format!("a schema is not taken any more: {}", unfit.why)))
        });
        let ready = Arc::new(ready.await??);
        self.keep(tenant, id, &ready);
        Ok(Some(ready))
    }
}

/// Holds the packets of one request to their schemas.
pub(crate) struct Holding {
    remembered: Remembered,
    steps_left: Arc<AtomicU64>,
}

impl Holding {
    pub(crate) fn new(remembered: Remembered) -> Self {
        Self { remembered, steps_left: Arc::new(AtomicU64::new(STEPS_MAX)) }
    }

    /// Refuses a packet whose context is not as its schema says. One that names no schema is held to none.
    pub(crate) async fn hold(&self, cx: &Cx, tenant: TenantId, proposal: &Proposal) -> Result<(), Problem> {
        let Some(name) = &proposal.schema_id else { return Ok(()) };
        let ready = match Uuid::try_parse(name) {
            Ok(id) => self.remembered.ready(cx, tenant, RecordId::from_bytes(id.into_bytes())).await?,
            Err(_) => None,
        };
        let Some(ready) = ready else {
            return Err(refused("schema_id", &["schema_id".to_owned()], "There is no such schema", "schema_missing"));
        };
        let context = serde_json::to_value(&proposal.content.context);
        let context = context.map_err(|error| Fault::broken_by("a context can't be written as JSON", error))?;
        let steps_left = Arc::clone(&self.steps_left);
        let checked = aside(move || ready.check(&context, &steps_left)).await?;
        checked.map_err(|Misfit { path, message }| {
            let loc: Vec<String> = std::iter::once("context".to_owned()).chain(path).collect();
            refused(&short(&loc.join(".")), &loc, &message, "schema")
        })
    }
}

/// The door's 400 for something that lies deeper than the names this program knows.
fn refused(field: &str, loc: &[String], message: &str, kind: &str) -> Problem {
    let loc: Vec<Value> = std::iter::once("body").chain(loc.iter().map(String::as_str)).map(Value::from).collect();
    let details = Map::from_iter([
        ("field".to_owned(), field.into()),
        ("errors".to_owned(), json!([{"loc": loc, "msg": message, "type": kind}])),
    ]);
    Problem::Refused { status: StatusCode::BAD_REQUEST, code: "", message: format!("{field}: {message}"), details }
}

/// Work that takes long enough for others to wait: they do not.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::broken_by("a check did not end", error))
}

#[cfg(test)]
mod tests;
