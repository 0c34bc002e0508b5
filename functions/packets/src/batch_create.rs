//! `POST /api/v1/packets/batch`: creates many packets. Each succeeds or fails separately.

use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, post};
use futures_util::StreamExt;
use handrail_access::{RateLimit, RateLimitClass, check_limit, count_requests};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{BatchEntry, CREATE_FORMAT, NewPacket, read_batch};
use handrail_packet_records::{CheckedPacket, IdempotentRequest, PacketWithContent, find_created};
use handrail_store::ApiKey;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::body::Body;
use crate::daily_quota::DailyReservation;
use crate::door::DOOR;
use crate::errors::error_detail;
use crate::packet_error::creation_problem;
use crate::packet_ops::BATCH_CONCURRENCY;
use crate::requests;
use crate::schemas::validation::{ContextValidator, SchemaCache};
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-batch-create",
    method: HttpMethod::Post,
    path: "/api/v1/packets/batch",
    auth: Auth::ApiKey(Scope::PacketsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadSchema, DataAccess::Create],
    summary: "Create many packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler).layer(Extension(SchemaCache::default()))
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Result of the batch.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedBatch")]
struct ResponseBody {
    created: Vec<PacketView>,
    errors: Vec<CreationError>,
}

/// Packet of the batch that was not created.
#[derive(Serialize, JsonSchema)]
struct CreationError {
    /// Position in the request, from 0.
    index: usize,
    error: String,
}

async fn handler(
    State(cx): State<Cx>,
    Extension(schemas): Extension<SchemaCache>,
    caller: Caller<scopes::PacketsWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::NewBatch>,
) -> Result<Created<ResponseBody>, Problem> {
    let key = &caller.key;
    let entries = body.read(key, read_batch)?;
    let hour_allows = count_in_hour(&cx, key, entries.len()).await?;
    let minute = RateLimit::per_key(key, RateLimitClass::Creates);
    // The first packet is counted before any work. As for a single packet, an invalid body is not counted.
    if entries.iter().any(Result::is_ok) {
        check_limit(&cx, minute.clone()).await?;
    }
    let batch = Batch { cx: &cx, key, validator: ContextValidator::new(schemas) };
    let steps = futures_util::stream::iter(entries.into_iter().enumerate()).map(|(index, entry)| {
        // Each packet has its own idempotency key, so that a repeated batch creates only the missing packets.
        let idempotency_key = idempotency_key.as_ref().map(|idempotency_key| format!("{idempotency_key} {index}"));
        batch.find(entry, idempotency_key, index < hour_allows)
    });
    let mut steps: Vec<Step> = steps.buffered(BATCH_CONCURRENCY).collect().await;
    // A repeat is not counted again: otherwise a batch above the limit would never get to its last packets.
    let more = steps.iter().filter(|step| step.is_new()).count().saturating_sub(1);
    let allowed = 1 + count_requests(&cx, &minute, u32::try_from(more).unwrap_or(u32::MAX)).await? as usize;
    for step in steps.iter_mut().filter(|step| step.is_new()).skip(allowed) {
        *step = Step::Refused(minute.exhausted(&cx).into());
    }
    // One by one where a daily quota counts, so that the first packets of the batch get what is left of it.
    let concurrency = if key.tenant_limits.handoffs_per_day.is_some() { 1 } else { BATCH_CONCURRENCY };
    let results = futures_util::stream::iter(steps).map(|step| batch.create(step)).buffered(concurrency);
    response(&cx, results.collect().await)
}

/// Counts each packet of a batch against the tenant's hourly limit, where the request itself counted for the first.
/// Returns how many packets the limit allows.
async fn count_in_hour(cx: &Cx, key: &ApiKey, packets: usize) -> Result<usize, Problem> {
    let Some(hour) = RateLimit::per_tenant_hourly(key) else { return Ok(packets) };
    let more = u32::try_from(packets.saturating_sub(1)).unwrap_or(u32::MAX);
    Ok(1 + count_requests(cx, &hour, more).await? as usize)
}

/// What remains to be done for a packet of a batch.
enum Step {
    /// Nothing: an earlier request with the same idempotency key created the packet.
    Repeated(Box<PacketWithContent>),
    Create {
        proposal: Box<NewPacket>,
        idempotency_key: Option<String>,
    },
    Refused(Problem),
}

impl Step {
    fn is_new(&self) -> bool {
        matches!(self, Self::Create { .. })
    }
}

struct Batch<'a> {
    cx: &'a Cx,
    key: &'a ApiKey,
    validator: ContextValidator,
}

impl Batch<'_> {
    /// Finds the packet, if an earlier request created it.
    async fn find(&self, entry: BatchEntry, idempotency_key: Option<String>, hour_allows: bool) -> Step {
        let proposal = match entry {
            Ok(proposal) if hour_allows => proposal,
            Ok(_) => return Step::Refused(self.hour_exhausted()),
            Err(errors) => return Step::Refused(Problem::Invalid(errors)),
        };
        let request = new_request(&proposal, idempotency_key.as_deref());
        let found = find_created(self.cx, self.key, request.as_ref()).await;
        match found {
            Ok(Some(packet)) => Step::Repeated(Box::new(packet)),
            Ok(None) => Step::Create { proposal: Box::new(proposal), idempotency_key },
            Err(error) => Step::Refused(creation_problem(error)),
        }
    }

    fn hour_exhausted(&self) -> Problem {
        let hour = RateLimit::per_tenant_hourly(self.key);
        hour.map_or(Problem::Internal, |hour| hour.exhausted(self.cx).into())
    }

    async fn create(&self, step: Step) -> Result<PacketWithContent, Problem> {
        let (proposal, idempotency_key) = match step {
            Step::Repeated(packet) => return Ok(*packet),
            Step::Refused(problem) => return Err(problem),
            Step::Create { proposal, idempotency_key } => (*proposal, idempotency_key),
        };
        let (cx, key) = (self.cx, self.key);
        self.validator.validate(cx, key.tenant, &proposal).await?;
        let request = new_request(&proposal, idempotency_key.as_deref());
        let packet = CheckedPacket::new(cx, key, proposal, request.as_ref()).map_err(creation_problem)?;
        let reservation = DailyReservation::reserve(cx, key, idempotency_key.as_deref()).await?;
        match packet.create(cx, key).await {
            Ok(created) => Ok(created),
            Err(error) => Err(reservation.release_on_error(cx, creation_problem(error)).await),
        }
    }
}

fn new_request<'k>(proposal: &NewPacket, idempotency_key: Option<&'k str>) -> Option<IdempotentRequest<'k>> {
    idempotency_key.map(|idempotency_key| IdempotentRequest::new(idempotency_key, CREATE_FORMAT, proposal.to_json()))
}

/// Builds the response. If every packet was refused by a limit or by a fault, the response is the first such error,
/// so that the client tries the batch again later.
fn response(cx: &Cx, results: Vec<Result<PacketWithContent, Problem>>) -> Result<Created<ResponseBody>, Problem> {
    let is_for_later =
        |problem: &Problem| problem.status() == StatusCode::TOO_MANY_REQUESTS || problem.status().is_server_error();
    if let Some(Err(first)) = results.first()
        && results.iter().all(|result| result.as_ref().is_err_and(is_for_later))
    {
        return Err(first.clone());
    }
    let (mut created, mut errors) = (Vec::new(), Vec::new());
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Ok(packet) => created.push(PacketView::as_of_now(cx, &packet)),
            Err(problem) => errors.push(CreationError { index, error: error_detail(&problem) }),
        }
    }
    Ok(Created(ResponseBody { created, errors }))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::account::Tier;
    use handrail_domain::ids::KeyId;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{NOON, TestApp, TestResponse, WRITER, api_key, packet_body};

    #[tokio::test]
    async fn batch_create_accepts_1_to_50_packets() {
        let app = TestApp::new().await;
        let create_batch = |count: usize| {
            app.call(ENDPOINT, "/api/v1/packets/batch", WRITER, json!({"packets": vec![packet_body(); count]}))
        };
        let response = create_batch(50).await;
        assert_eq!((response.status.as_u16(), response.json["created"].as_array().unwrap().len()), (201, 50));
        assert_eq!(response.json["errors"], json!([]));
        for count in [0, 51] {
            let refused = create_batch(count).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("packets")), "{}", refused.json);
        }
    }

    async fn create_batch(app: &TestApp, key: &str, idempotency_key: &str, packets: Vec<Value>) -> TestResponse {
        let request = http::Request::builder().header("x-api-key", key).header("idempotency-key", idempotency_key);
        app.send(ENDPOINT, "/api/v1/packets/batch", request, json!({"packets": packets}).to_string()).await
    }

    fn created_ids(response: &TestResponse) -> Vec<&Value> {
        response.json["created"].as_array().expect("a list").iter().map(|packet| &packet["id"]).collect()
    }

    #[tokio::test]
    async fn invalid_batch_entries_leave_others_created() {
        let app = TestApp::new().await;
        let mut packets = vec![packet_body(); 50];
        packets[7]["metadata"]["priority"] = "urgent".into();
        packets[9]["hitl"] = json!({"reason": "r", "approver": "nobody"});
        let response = create_batch(&app, WRITER, "b", packets.clone()).await;
        assert_eq!((response.status.as_u16(), created_ids(&response).len()), (201, 48), "{}", response.json);
        let errors = response.json["errors"].as_array().unwrap();
        let invalid = "metadata.priority: Input should be 'low', 'normal', 'high' or 'critical'";
        assert_eq!(errors[0], json!({"index": 7, "error": invalid}));
        assert_eq!(errors[1]["index"], 9);
        // A repeat with the entry corrected creates it, and finds the others.
        packets[7] = packet_body();
        let repeat = create_batch(&app, WRITER, "b", packets.clone()).await;
        let (before, after) = (created_ids(&response), created_ids(&repeat));
        assert_eq!((after.len(), &repeat.json["errors"][0]["index"]), (49, &json!(9)));
        assert!(before.iter().all(|id| after.contains(id)));
        packets[3] = json!(["no object"]);
        let refused = create_batch(&app, WRITER, "other", packets).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("packets.3")), "{}", refused.json);
        let stats = app.call(crate::list::ENDPOINT, "/api/v1/packets?limit=1", WRITER, Value::Null).await;
        assert_eq!(stats.json["total"], 49);
    }

    #[tokio::test]
    async fn every_batch_entry_counts_in_minute_limit() {
        let app = TestApp::new().await;
        let slow = ApiKey { id: KeyId::new(NOON, [70; 10]), requests_per_minute: 30, ..api_key(Role::Writer) };
        app.add_key(slow, "ho_test_slow").await;
        let batch = async |name: &str| create_batch(&app, "ho_test_slow", name, vec![packet_body(); 50]).await;
        let first = batch("b").await;
        assert_eq!((first.status.as_u16(), created_ids(&first).len()), (201, 30), "{}", first.json["errors"]);
        assert_eq!(first.json["errors"][0], json!({"index": 30, "error": "Rate limit exceeded"}));
        let refused = batch("other").await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (429, &json!("rate_limit")));
        assert!(refused.headers.contains_key("retry-after"));
        // What was created before is not counted again, so the repeat gets to the end.
        app.advance(60);
        let repeat = batch("b").await;
        assert_eq!((created_ids(&repeat).len(), &repeat.json["errors"]), (50, &json!([])));
        assert_eq!(created_ids(&repeat)[..30], created_ids(&first));
    }

    #[tokio::test]
    async fn every_batch_entry_counts_in_hourly_limit() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| {
            (tenant.tier, tenant.handoffs_per_day) = (Tier::Free, Some(1_000));
        })
        .await;
        for (name, created) in [("a", 30), ("b", 30), ("c", 30), ("d", 10)] {
            let response = create_batch(&app, WRITER, name, vec![packet_body(); 30]).await;
            assert_eq!((response.status.as_u16(), created_ids(&response).len()), (201, created), "{name}");
            app.advance(60);
        }
        assert_eq!(create_batch(&app, WRITER, "e", vec![packet_body()]).await.status.as_u16(), 429);
    }
}
