//! Members of the request bodies of the packets API, for its OpenAPI document. The readers in `shared/domain` and beside
//! the operations parse them. A test sends each member in a wrong type and expects an error that names it.

use handrail_domain::ids::RecordId;
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::packet::{Actions, CompletedAction, Context, Dependency, FailedAction, Hitl, PendingAction};
use handrail_domain::packet::{PriorDecision, Priority, State};
use schemars::JsonSchema;
use serde_json::{Map, Value};

/// A packet to create.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewPacket {
    /// Packet that this one continues.
    parent_packet_id: Option<RecordId>,
    #[schemars(flatten)]
    packet: NextPacket,
}

/// A packet that continues the one in the path.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NextPacket {
    metadata: NewMetadata,
    context: Context,
    decisions: Option<Vec<PriorDecision>>,
    actions: Option<Actions>,
    dependencies: Option<Vec<Dependency>>,
    /// Checkpoint for a person. Its answer can't be set.
    hitl: Option<Hitl>,
    /// Schema that the context must match.
    schema_id: Option<String>,
}

/// Agents and times of a new packet.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NewMetadata {
    source_agent: NewSourceAgent,
    target_agent: NewTargetAgent,
    created_at: Option<String>,
    claimed_at: Option<String>,
    completed_at: Option<String>,
    priority: Option<Priority>,
    tags: Option<Vec<String>>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NewSourceAgent {
    id: String,
    name: String,
    framework: Option<String>,
    version: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NewTargetAgent {
    id: String,
    name: String,
    framework: Option<String>,
}

/// Agent that claims a packet.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Claim {
    agent_id: String,
    agent_name: String,
    framework: Option<String>,
    /// Seconds until the claim lapses without a heartbeat. Without it the claim does not lapse.
    #[schemars(range(min = 1))]
    lease_seconds: Option<u32>,
}

/// Answer to a checkpoint.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct CheckpointResponse {
    response: String,
    responded_by: String,
    notes: Option<String>,
}

/// Changes of a packet. An absent member changes nothing.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PacketChanges {
    status: Option<State>,
    context: Option<Context>,
    /// Replace those with the same id, and are added otherwise.
    decisions: Option<Vec<PriorDecision>>,
    actions: Option<ActionChanges>,
    dependencies: Option<Vec<Dependency>>,
    hitl: Option<Hitl>,
}

/// Lists of actions. An absent list stays as it is.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ActionChanges {
    pending: Option<Vec<PendingAction>>,
    completed: Option<Vec<CompletedAction>>,
    failed: Option<Vec<FailedAction>>,
}

/// Packets to create: 1 to 50.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewBatch {
    #[schemars(length(min = 1, max = 50))]
    packets: Vec<NewPacket>,
}

/// Packets to complete: 1 to 50.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PacketIds {
    #[schemars(length(min = 1, max = 50))]
    packet_ids: Vec<RecordId>,
}

/// Packets to claim, and the agent that claims them.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct ClaimBatch {
    #[schemars(length(min = 1, max = 50))]
    packet_ids: Vec<RecordId>,
    #[schemars(flatten)]
    claim: Claim,
}

/// A schema to register.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewSchema {
    name: String,
    /// JSON Schema of a context. It must name its `type`.
    json_schema: Map<String, Value>,
    /// By default 1.
    #[schemars(range(min = 1))]
    version: Option<u32>,
}

/// An API key to create.
#[derive(JsonSchema)]
#[schemars(rename = "NewPacketsApiKey")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewKey {
    name: String,
    /// Tenant of the key. By default that of the caller; only an operator names another.
    tenant_id: Option<String>,
    /// People whom the key may ask: addresses, `*@example.com` for a domain, or `*` for anyone.
    approvers: Option<Vec<String>>,
    /// `admin`, `writer`, `agent` or `reader`. By default `writer`.
    role: Option<String>,
    scopes: Option<Vec<String>>,
    expires_at: Option<String>,
    rate_limit: Option<KeyRateLimit>,
}

/// A tenant to create.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewTenant {
    name: String,
    #[schemars(flatten)]
    limits: TenantLimits,
}

/// Changes of a tenant. An absent member changes nothing.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct TenantChanges {
    name: Option<String>,
    #[schemars(flatten)]
    limits: TenantLimits,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct TenantLimits {
    /// `free`, `pro`, `business` or `enterprise`.
    tier: Option<String>,
    handoffs_per_day: Option<u32>,
    max_api_keys: Option<u32>,
    /// Whether a key may answer requests that it created itself.
    askers_may_answer: Option<bool>,
}

/// A webhook to create.
#[derive(JsonSchema)]
#[schemars(rename = "NewWebhook")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewHook {
    url: String,
    /// Secret that signs the deliveries.
    secret: String,
    /// Names of events. Without it the most common ones.
    events: Option<Vec<String>>,
}
