//! Operations as data: path, authentication and data access of each. The registry lists them; the router, the Lambda
//! functions, the check of the template and the tests are made from it.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use handrail_domain::access::Scope;
use http::Method;

use crate::deferred_headers::DeferredHeaders;
use crate::door::Door;
use crate::problem::{ErrorRenderer, Problem, RequestId, render_error, render_errors};
use crate::request_counts::count_request;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;

#[derive(Clone, Copy)]
pub struct Endpoint {
    /// Value of `HANDRAIL_FUNCTION` in its Lambda function, and in PascalCase the function's name in the template.
    pub function: &'static str,
    pub method: HttpMethod,
    /// Path such as `/decisions/{id}`, in the syntax that axum and API Gateway share.
    pub path: &'static str,
    pub auth: Auth,
    pub door: Door,
    pub required_settings: &'static [RequiredSetting],
    pub accesses: &'static [DataAccess],
    /// One line for a reader who does not know the operation.
    pub summary: &'static str,
    pub route: fn() -> MethodRouter<Cx>,
}

/// HTTP methods that operations use. `http::Method` can't be matched on in a const.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// An API key whose role has this scope.
    ApiKey(Scope),
    /// An API key whose role has this scope, or a signed-in person.
    ApiKeyOrSession(Scope),
    /// A signed-in person, on a page. Other visitors are sent to the sign-in page.
    Session,
    /// A signed link in the path.
    Link,
    /// The signed OAuth state that Slack hands back.
    OAuthState,
    /// Slack's signature over the request.
    SlackSignature,
    Public,
}

/// Data access that an operation declares. The template grants exactly the actions that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataAccess {
    /// Finds the caller's API key and its tenant.
    AuthenticateKey,
    /// Counts the request.
    CheckRateLimit,
    ReadUsage,
    Create,
    /// Creates a record under a random id, so no repeat can find it.
    CreateUnnamed,
    Read,
    Transition,
    ListByKind,
    ListByState,
    /// Lists records by filter fields in known states, or by search terms.
    FindByFilter,
    /// Lists records with or without filters.
    Find,
    /// Finds the records whose deadline has passed, for a list by state.
    FindOverdue,
    /// Counts the records that match a filter.
    CountByFilter,
    /// Reads how many records match a filter, where this number is kept.
    ReadCounts,
    /// Writes a body of an existing record.
    PutBody,
    CreateKey,
    ListKeys,
    /// Finds an API key by its id.
    ReadKey,
    UpdateKey,
    RevokeKey,
    /// Finds the signed-in person and their tenant.
    AuthenticateSession,
    CreateSession,
    DeleteSession,
    /// Reads a tenant.
    ReadTenant,
    /// Reserves a tenant name, which no other tenant may have.
    ClaimTenantName,
    UpdateTenant,
    ListTenants,
    /// Reads the usage of each API key of the tenant.
    ReadUsageOfEach,
    ReadDeliveries,
    ReplayDelivery,
    ReadWorkspace,
    PutWorkspace,
    ReadAgent,
    ListAgents,
    PutAgent,
    DeleteAgent,
    /// Reads the entries of the tenant's journal.
    ReadJournal,
    /// Stores the public key of the key that signs, before it signs.
    StorePublicKey,
    /// Lists the public keys that may have signed.
    ListPublicKeys,
    /// Reads an item that never exists, to learn whether the table responds.
    ProbeTable,
    /// Finds a free webhook slot and puts the webhook into it.
    PutWebhook,
    ListWebhooks,
    ReadWebhook,
    CloseWebhook,
    /// Lists the deliveries of a webhook, all or in one state.
    ListWebhookDeliveries,
    /// Counts the deliveries of a webhook, all or in one state.
    CountWebhookDeliveries,
    /// Counts the dead letters of all webhooks of the tenant.
    CountDeadLetters,
    /// Lists the dead letters of all webhooks of the tenant.
    ListDeadLetters,
    ReadWebhookDelivery,
    ReplayWebhookDelivery,
    ReadSchema,
    ListSchemas,
    PutSchema,
    /// Looks for the API key that an interrupted run created.
    FindCreatedKey,
    /// Stores the run and the response of a request with an idempotency key, for operations that create no record.
    RunOnce,
    /// Reads the record again and again, until it changes or the wait is over.
    WaitForChange,
    /// Calls Slack and not the table. See docs/decisions/0010-operations-that-call-slack.md.
    CallSlack,
    /// Puts a file, or presigns an upload.
    PutFile,
    /// Reads a file that may be absent.
    ReadFile,
    /// Presigns a download of a file.
    PresignDownload,
}

/// Permission for an action on the table or on one of its indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    pub action: &'static str,
    pub index: Option<&'static str>,
    /// Restricts the permission to items whose partition key begins with this text.
    pub leading_key: Option<&'static str>,
}

impl Grant {
    /// Permission for records of every kind. The partition key of a record begins with its tenant's id; that of keys,
    /// sessions, tenants and settings does not.
    pub const fn on_records(action: &'static str) -> Self {
        Self::on_leading_key(action, "ten_*")
    }

    pub const fn on_index(index: &'static str) -> Self {
        Self { action: "dynamodb:Query", index: Some(index), leading_key: None }
    }

    pub const fn on_leading_key(action: &'static str, leading_key: &'static str) -> Self {
        Self { action, index: None, leading_key: Some(leading_key) }
    }
}

const PUT: Grant = Grant::on_records("dynamodb:PutItem");
const UPDATE: Grant = Grant::on_records("dynamodb:UpdateItem");
const QUERY: Grant = Grant::on_records("dynamodb:Query");
const BATCH_GET: Grant = Grant::on_records("dynamodb:BatchGetItem");

/// Time of an operation that reads and writes a few items, in seconds.
const TIMEOUT_SECONDS: u32 = 10;
/// Time of an operation that may wait, read many items or move a file. API Gateway gives up after 30 seconds.
const LONG_TIMEOUT_SECONDS: u32 = 29;

/// Memory of a Lambda function. The template has a parameter for each. Processing power goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Standard,
    /// For operations that hold the bytes of a file.
    Large,
}

impl DataAccess {
    /// Returns `true` if this access may take longer than a few calls to the table.
    fn is_slow(self) -> bool {
        matches!(self, Self::WaitForChange | Self::ReadJournal | Self::PutFile | Self::ReadFile)
    }

    /// Returns `true` if the bytes of a file pass through the function.
    fn moves_file(self) -> bool {
        matches!(self, Self::PutFile | Self::ReadFile)
    }

    /// Returns the actions on the file bucket that this access needs.
    pub fn file_actions(self) -> &'static [&'static str] {
        match self {
            Self::PutFile => &["s3:PutObject", "s3:PutObjectTagging"],
            // Without `ListBucket`, S3 reports an absent file as forbidden.
            Self::ReadFile => &["s3:GetObject", "s3:ListBucket"],
            Self::PresignDownload => &["s3:GetObject"],
            _ => &[],
        }
    }

    /// Returns the permissions on the table that this access needs.
    pub fn grants(self) -> &'static [Grant] {
        match self {
            Self::AuthenticateKey => &[
                const { Grant::on_leading_key("dynamodb:GetItem", "key#*") },
                const { Grant::on_leading_key("dynamodb:GetItem", "account#*") },
            ],
            Self::CheckRateLimit => &[const { Grant::on_leading_key("dynamodb:UpdateItem", "limit#*") }],
            Self::ReadUsage => &[const { Grant::on_leading_key("dynamodb:GetItem", "limit#*") }],
            // The query is for a repeat, which finds the record that exists already.
            Self::Create => &[PUT, QUERY],
            Self::Read | Self::ReadDeliveries => &[QUERY],
            Self::ListAgents => &[const { Grant::on_leading_key("dynamodb:Query", "agents#*") }],
            Self::ListWebhooks => &[const { Grant::on_leading_key("dynamodb:Query", "hooks#*") }],
            Self::ListSchemas => &[const { Grant::on_leading_key("dynamodb:Query", "schemas#*") }],
            Self::ReadCounts => &[const { Grant::on_leading_key("dynamodb:BatchGetItem", "counts#*") }],
            Self::Transition | Self::ReplayDelivery => &[UPDATE],
            Self::ListByKind => &[const { Grant::on_index("by_kind") }, BATCH_GET],
            Self::ListByState => &[const { Grant::on_index("by_state") }, BATCH_GET],
            Self::FindByFilter => &[const { Grant::on_index("by_facet") }, BATCH_GET],
            Self::CountWebhookDeliveries => {
                &[const { Grant::on_index("by_kind") }, const { Grant::on_index("by_state") }]
            }
            Self::CountByFilter | Self::CountDeadLetters => &[const { Grant::on_index("by_facet") }],
            Self::Find => &[
                const { Grant::on_index("by_facet") },
                const { Grant::on_index("by_kind") },
                const { Grant::on_index("by_state") },
                BATCH_GET,
            ],
            Self::FindOverdue => &[const { Grant::on_index("by_due") }],
            Self::CreateUnnamed | Self::PutBody => &[PUT],
            Self::AuthenticateSession => &[
                const { Grant::on_leading_key("dynamodb:GetItem", "session#*") },
                const { Grant::on_leading_key("dynamodb:GetItem", "account#*") },
            ],
            Self::CreateSession => &[const { Grant::on_leading_key("dynamodb:PutItem", "session#*") }],
            Self::DeleteSession => &[const { Grant::on_leading_key("dynamodb:DeleteItem", "session#*") }],
            Self::ReadTenant => &[const { Grant::on_leading_key("dynamodb:GetItem", "account#*") }],
            Self::ReadUsageOfEach => &[const { Grant::on_leading_key("dynamodb:BatchGetItem", "limit#*") }],
            Self::ReadKey => {
                &[const { Grant::on_index("by_state") }, const { Grant::on_leading_key("dynamodb:GetItem", "key#*") }]
            }
            Self::UpdateKey => &[const { Grant::on_leading_key("dynamodb:UpdateItem", "key#*") }],
            Self::FindCreatedKey => &[const { Grant::on_leading_key("dynamodb:GetItem", "key#*") }],
            // Updates the key slots of the tenant as well; the first time they are filled from the existing keys.
            Self::CreateKey => &[
                const { Grant::on_leading_key("dynamodb:PutItem", "key#*") },
                const { Grant::on_leading_key("dynamodb:UpdateItem", "key#*") },
                const { Grant::on_index("by_kind") },
                const { Grant::on_leading_key("dynamodb:BatchGetItem", "key#*") },
            ],
            Self::ClaimTenantName => &[
                const { Grant::on_leading_key("dynamodb:GetItem", "account#*") },
                const { Grant::on_leading_key("dynamodb:PutItem", "account#*") },
                const { Grant::on_leading_key("dynamodb:UpdateItem", "account#*") },
            ],
            Self::UpdateTenant => &[const { Grant::on_leading_key("dynamodb:UpdateItem", "account#*") }],
            Self::ListTenants => &[
                const { Grant::on_index("by_kind") },
                const { Grant::on_leading_key("dynamodb:BatchGetItem", "account#*") },
            ],
            Self::ListKeys => &[
                const { Grant::on_index("by_kind") },
                const { Grant::on_leading_key("dynamodb:BatchGetItem", "key#*") },
            ],
            Self::ReadWorkspace => &[const { Grant::on_leading_key("dynamodb:GetItem", "slack#*") }],
            Self::PutWorkspace => &[const { Grant::on_leading_key("dynamodb:PutItem", "slack#*") }],
            Self::ReadAgent => &[const { Grant::on_leading_key("dynamodb:GetItem", "agents#*") }],
            Self::PutAgent => &[const { Grant::on_leading_key("dynamodb:UpdateItem", "agents#*") }],
            Self::DeleteAgent => &[const { Grant::on_leading_key("dynamodb:DeleteItem", "agents#*") }],
            Self::ReadJournal => &[const { Grant::on_leading_key("dynamodb:Query", "feed#*") }],
            Self::StorePublicKey => &[const { Grant::on_leading_key("dynamodb:PutItem", "signing-keys#*") }],
            Self::ListPublicKeys => &[const { Grant::on_leading_key("dynamodb:Query", "signing-keys#*") }],
            Self::ProbeTable => &[const { Grant::on_leading_key("dynamodb:GetItem", "probe#*") }],
            Self::PutWebhook => &[
                const { Grant::on_leading_key("dynamodb:Query", "hooks#*") },
                const { Grant::on_leading_key("dynamodb:PutItem", "hooks#*") },
            ],
            Self::ReadWebhook => &[const { Grant::on_leading_key("dynamodb:GetItem", "hooks#*") }],
            Self::CloseWebhook => &[const { Grant::on_leading_key("dynamodb:UpdateItem", "hooks#*") }],
            Self::ListWebhookDeliveries => &[
                const { Grant::on_index("by_kind") },
                const { Grant::on_index("by_state") },
                const { Grant::on_leading_key("dynamodb:BatchGetItem", "call#*") },
            ],
            Self::ListDeadLetters => &[
                const { Grant::on_index("by_facet") },
                const { Grant::on_leading_key("dynamodb:BatchGetItem", "call#*") },
            ],
            Self::ReadWebhookDelivery => &[const { Grant::on_leading_key("dynamodb:GetItem", "call#*") }],
            Self::ReplayWebhookDelivery => &[const { Grant::on_leading_key("dynamodb:UpdateItem", "call#*") }],
            Self::ReadSchema => &[const { Grant::on_leading_key("dynamodb:GetItem", "schemas#*") }],
            Self::PutSchema => &[
                const { Grant::on_leading_key("dynamodb:UpdateItem", "schemas#*") },
                const { Grant::on_leading_key("dynamodb:PutItem", "schemas#*") },
            ],
            Self::RunOnce => &[
                const { Grant::on_leading_key("dynamodb:PutItem", "once#*") },
                const { Grant::on_leading_key("dynamodb:UpdateItem", "once#*") },
            ],
            Self::WaitForChange | Self::CallSlack | Self::PutFile | Self::ReadFile | Self::PresignDownload => &[],
            Self::RevokeKey => &[
                const { Grant::on_index("by_state") },
                const { Grant::on_leading_key("dynamodb:GetItem", "key#*") },
                const { Grant::on_leading_key("dynamodb:UpdateItem", "key#*") },
            ],
        }
    }
}

impl HttpMethod {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    pub fn to_http(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

impl Endpoint {
    /// Returns the time that its Lambda function has for a request.
    pub fn timeout_seconds(&self) -> u32 {
        if self.accesses.iter().any(|access| access.is_slow()) { LONG_TIMEOUT_SECONDS } else { TIMEOUT_SECONDS }
    }

    /// Returns the memory of its Lambda function.
    pub fn memory(&self) -> Memory {
        if self.accesses.iter().any(|access| access.moves_file()) { Memory::Large } else { Memory::Standard }
    }

    /// Builds the router for this operation alone, as its Lambda function serves it.
    pub fn router(&self, cx: Cx) -> Router {
        service(std::slice::from_ref(self), self.door, cx)
    }
}

/// Builds the router for several operations under one origin, as the runner serves them. An unknown path gets the error
/// renderer of the nearest operation, or that of `otherwise` if none is near.
pub fn service(endpoints: &[Endpoint], otherwise: Door, cx: Cx) -> Router {
    let renderers: Arc<[(&'static str, ErrorRenderer)]> =
        endpoints.iter().map(|endpoint| (endpoint.path, endpoint.door.error_renderer)).collect();
    let mut router = Router::new();
    for endpoint in endpoints {
        let (renderer, name, cx) = (endpoint.door.error_renderer, (endpoint.method.name(), endpoint.path), cx.clone());
        let route = (endpoint.route)()
            .layer(Extension(endpoint.door))
            .layer(middleware::from_fn(move |request: Request, next: Next| render_errors(renderer, request, next)))
            .layer(middleware::from_fn(move |request: Request, next: Next| {
                count_request(cx.clone(), name, request, next)
            }));
        router = router.route(endpoint.path, route);
    }
    router
        .fallback(|| async { Problem::NoRoute })
        .layer(middleware::from_fn_with_state(cx.clone(), move |state, request: Request, next| {
            let fallback = nearest_renderer(&renderers, request.uri().path()).unwrap_or(otherwise.error_renderer);
            with_request_id(state, fallback, request, next)
        }))
        .with_state(cx)
}

/// Returns the renderer of the operation with the longest common path prefix. The prefix must have two segments, so it
/// contains at least the name of a door.
fn nearest_renderer(renderers: &[(&'static str, ErrorRenderer)], path: &str) -> Option<ErrorRenderer> {
    let common =
        |other: &str| other.split('/').skip(1).zip(path.split('/').skip(1)).take_while(|(a, b)| a == b).count();
    let near =
        renderers.iter().map(|(other, renderer)| (common(other), *renderer)).filter(|(segments, _)| *segments > 1);
    near.max_by_key(|(segments, _)| *segments).map(|(_, renderer)| renderer)
}

/// Gives each request an id that its response and its log lines carry.
async fn with_request_id(
    axum::extract::State(cx): axum::extract::State<Cx>,
    fallback: ErrorRenderer,
    mut request: Request,
    next: Next,
) -> Response {
    use tracing::Instrument;
    let id = RequestId(handrail_domain::ids::hex(&cx.entropy.bytes::<8>()));
    request.extensions_mut().insert(id.clone());
    let deferred_headers = DeferredHeaders::default();
    request.extensions_mut().insert(deferred_headers.clone());
    let span = tracing::info_span!("request", request_id = %id.0, method = %request.method());
    let response = next.run(request).instrument(span).await;
    let mut response = render_error(fallback, Some(&id), response).into_response();
    deferred_headers.write(response.headers_mut());
    if let Ok(value) = http::HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
