//! Validates packet contexts against their schemas. Only functions that create packets or schemas include this module.
//!
//! Schemas are as untrusted as documents: nothing is fetched, patterns are matched without backtracking, `format` is
//! not validated, and the cost of a validation is calculated before the validation runs (see `cost.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use handrail_context::cx::Cx;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::packet::NewPacket;
use handrail_platform::fault::Fault;
use handrail_web::problem::Problem;
use http::StatusCode;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::cost::{self, STEPS_MAX};
use super::patterns::PATTERN_BYTES_MAX;
use super::schema_graph::{SchemaGraph, UnsupportedSchema};

/// Steps up to which an error has details. Details of alternatives take memory for each alternative.
const DETAILED_ERROR_STEPS_MAX: u64 = 100_000;
const MESSAGE_CHARS_MAX: usize = 300;
/// Schemas that a process caches. Schemas never change, so entries do not expire; the limit bounds memory.
const CACHED_SCHEMAS_MAX: usize = 16;

/// Schema compiled for validation, with its graph for the cost.
#[derive(Debug)]
pub(crate) struct CompiledSchema {
    validator: Validator,
    graph: SchemaGraph,
}

/// Path and message of a value that violates the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchemaViolation {
    path: Vec<String>,
    message: String,
}

impl CompiledSchema {
    pub(crate) fn compile(schema: &Value) -> Result<Self, UnsupportedSchema> {
        let graph = SchemaGraph::from_schema(schema)?;
        let patterns = PatternOptions::regex().size_limit(2 * PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator_result = jsonschema::options()
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .without_content_media_type_support("application/json")
            .without_content_encoding_support("base64")
            .offline()
            .build(schema);
        let validator = validator_result.map_err(|error| {
            UnsupportedSchema::new(
                error.instance_path().as_str().trim_start_matches('/'),
                truncate_message(&error.masked().to_string()),
            )
        })?;
        Ok(Self { validator, graph })
    }

    /// Validates a document and subtracts the cost from `steps_left`.
    pub(crate) fn validate(&self, document: &Value, steps_left: &AtomicU64) -> Result<(), SchemaViolation> {
        let violation = |path, message: &str| Err(SchemaViolation { path, message: message.to_owned() });
        let Some(estimate) = cost::calculate(&self.graph, document, steps_left.load(Ordering::Relaxed)) else {
            return violation(
                Vec::new(),
                "is too large to validate against its schema. Use fewer values or a simpler schema",
            );
        };
        steps_left.fetch_sub(estimate.steps, Ordering::Relaxed);
        if self.validator.is_valid(document) {
            return Ok(());
        }
        if estimate.steps.saturating_mul(1 + estimate.alternative_depth) > DETAILED_ERROR_STEPS_MAX {
            return violation(Vec::new(), "does not match its schema");
        }
        match self.validator.validate(document) {
            Ok(()) => violation(Vec::new(), "does not match its schema"),
            Err(error) => {
                let path = error.instance_path().as_str().split('/').skip(1);
                let path = path.map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
                violation(path, &truncate_message(&error.masked().to_string()))
            }
        }
    }
}

fn truncate_message(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// Compiled schemas of this process, least recently used first.
#[derive(Clone, Default)]
pub(crate) struct SchemaCache(Arc<Mutex<Vec<CachedSchema>>>);

struct CachedSchema {
    tenant: TenantId,
    id: RecordId,
    schema: Arc<CompiledSchema>,
}

impl SchemaCache {
    fn get(&self, tenant: TenantId, id: RecordId) -> Option<Arc<CompiledSchema>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = entries.iter().position(|entry| entry.tenant == tenant && entry.id == id)?;
        // The most recently used entry is the last.
        let found = entries.remove(index);
        let compiled = Arc::clone(&found.schema);
        entries.push(found);
        Some(compiled)
    }

    fn insert(&self, tenant: TenantId, id: RecordId, compiled: &Arc<CompiledSchema>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.tenant != tenant || entry.id != id);
        if entries.len() >= CACHED_SCHEMAS_MAX {
            entries.remove(0);
        }
        entries.push(CachedSchema { tenant, id, schema: Arc::clone(compiled) });
    }

    /// Returns `None` if the tenant has no such schema.
    async fn get_or_compile(
        &self,
        cx: &Cx,
        tenant: TenantId,
        id: RecordId,
    ) -> Result<Option<Arc<CompiledSchema>>, Fault> {
        if let Some(compiled) = self.get(tenant, id) {
            return Ok(Some(compiled));
        }
        let Some(schema) = cx.store.schema(tenant, id).await? else { return Ok(None) };
        let compiled = run_blocking(move || {
            let schema: Value = serde_json::from_str(&schema.text)
                .map_err(|error| Fault::internal_with_source("stored schema is not JSON", error))?;
            CompiledSchema::compile(&schema).map_err(|unsupported| {
                Fault::internal(format!("stored schema is no longer supported: {}", unsupported.reason))
            })
        });
        let compiled = Arc::new(compiled.await??);
        self.insert(tenant, id, &compiled);
        Ok(Some(compiled))
    }
}

/// Validates the packets of one request, which share a limit of steps.
pub(crate) struct ContextValidator {
    cache: SchemaCache,
    steps_left: Arc<AtomicU64>,
}

impl ContextValidator {
    pub(crate) fn new(cache: SchemaCache) -> Self {
        Self { cache, steps_left: Arc::new(AtomicU64::new(STEPS_MAX)) }
    }

    /// Refuses a packet whose context violates its schema. A packet without a schema is accepted.
    pub(crate) async fn validate(&self, cx: &Cx, tenant: TenantId, proposal: &NewPacket) -> Result<(), Problem> {
        let Some(name) = &proposal.schema_id else { return Ok(()) };
        let compiled = match Uuid::try_parse(name) {
            Ok(id) => self.cache.get_or_compile(cx, tenant, RecordId::from_bytes(id.into_bytes())).await?,
            Err(_) => None,
        };
        let Some(compiled) = compiled else {
            return Err(violation_to_problem(
                "schema_id",
                &["schema_id".to_owned()],
                "There is no such schema",
                "schema_missing",
            ));
        };
        let context = serde_json::to_value(&proposal.content.context);
        let context =
            context.map_err(|error| Fault::internal_with_source("context cannot be serialised as JSON", error))?;
        let steps_left = Arc::clone(&self.steps_left);
        let result = run_blocking(move || compiled.validate(&context, &steps_left)).await?;
        result.map_err(|SchemaViolation { path, message }| {
            let loc: Vec<String> = std::iter::once("context".to_owned()).chain(path).collect();
            violation_to_problem(&truncate_message(&loc.join(".")), &loc, &message, "schema")
        })
    }
}

/// Builds a 400 response for a path within the context, whose names only the client knows.
fn violation_to_problem(field: &str, loc: &[String], message: &str, kind: &str) -> Problem {
    let loc: Vec<Value> = std::iter::once("body").chain(loc.iter().map(String::as_str)).map(Value::from).collect();
    let details = Map::from_iter([
        ("field".to_owned(), field.into()),
        ("errors".to_owned(), json!([{"loc": loc, "msg": message, "type": kind}])),
    ]);
    Problem::Refused { status: StatusCode::BAD_REQUEST, code: "", message: format!("{field}: {message}"), details }
}

/// Runs long work on a blocking thread, so that other requests do not wait.
pub(super) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Fault::internal_with_source("validation task failed", error))
}

#[cfg(test)]
mod tests;
