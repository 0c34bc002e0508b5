//! An operation as data: where it is served, who may call it, what it touches. The list of them is the registry from which
//! the router, the functions, the template's check and the tests are made.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use handrail_domain::access::Scope;
use http::Method;

use crate::aside::Aside;
use crate::cx::Cx;
use crate::problem::{Problem, RequestId, in_dialect, worded};
use crate::settings::Need;

#[derive(Clone, Copy)]
pub struct Endpoint {
    /// Also the name of the binary, and in PascalCase of the function in the template.
    pub function: &'static str,
    pub method: Verb,
    /// `/decisions/{id}`: the same text for axum and for API Gateway.
    pub path: &'static str,
    pub auth: Auth,
    pub dialect: Dialect,
    pub needs: &'static [Need],
    pub touches: &'static [Touch],
    /// One line for a reader who has never seen it.
    pub summary: &'static str,
    pub route: fn() -> MethodRouter<Cx>,
}

/// The methods that operations use: `http::Method` can't be matched on in a const.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// An API key whose role has this scope.
    Key(Scope),
    /// The same, or a person who signed in.
    KeyOrSession(Scope),
    /// A person who signed in, at a page; whoever did not is asked to.
    Session,
    /// A signed link in the path.
    Link,
    /// A state that was signed here and comes back from Slack.
    State,
    /// Slack's signature over the request.
    Slack,
    Public,
}

/// How a door words what went wrong.
#[derive(Clone, Copy)]
pub struct Dialect(pub fn(&Problem, Option<&RequestId>) -> Response);

/// What an operation does to the table. The template grants exactly the actions that follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Touch {
    /// Finds the caller's key, and the account that it belongs to.
    LookUpKey,
    /// Counts the request.
    Lease,
    ReadUsage,
    Create,
    /// Makes a record that nobody names, so that nobody repeats it.
    Open,
    Read,
    Move,
    ListByKind,
    ListByState,
    /// By facets in known states, or by words.
    FindByFacet,
    /// The same, and without any filter.
    Find,
    /// Asks only how many there are.
    CountByFacet,
    /// Writes a body beside a record that is there.
    PutBody,
    CreateKey,
    ListKeys,
    /// Finds one key by its id.
    ReadKey,
    ChangeKey,
    RevokeKey,
    /// Finds the person who signed in, and their account.
    LookUpSession,
    BeginSession,
    EndSession,
    /// The account alone.
    ReadAccount,
    /// Gives an account a name that no other has.
    NameAccount,
    ChangeAccount,
    ListAccounts,
    /// What each of the account's keys used.
    ReadUsages,
    ReadDeliveries,
    ReplayDelivery,
    ReadWorkspace,
    KeepWorkspace,
    ReadAgent,
    ListAgents,
    KeepAgent,
    RemoveAgent,
    /// What happened in the account, entry by entry.
    ReadFeed,
    /// Asks the table for an item that is never there, to learn whether it answers.
    ProbeTable,
    /// Finds a free place for a hook and takes it.
    KeepHook,
    ListHooks,
    ReadHook,
    CloseHook,
    /// What a hook was called about, all of it or in one state.
    ListCalls,
    /// What was given up, of all of the account's hooks.
    ListDeadCalls,
    ReadCall,
    ReplayCall,
    ReadSchema,
    ListSchemas,
    KeepSchema,
    /// Not the table: Slack, which wants its answer within seconds. See docs/decisions/0010-operations-that-call-slack.md.
    CallSlack,
    /// Puts a file, or signs an address where a client puts one.
    PutFile,
    /// Reads a file, also one that may not be there.
    ReadFile,
    /// Signs an address where a file is fetched.
    HandOutFile,
}

/// One permission: an action on the table, or on one of its indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    pub action: &'static str,
    pub index: Option<&'static str>,
    /// Only items whose partition key begins so.
    pub leading_key: Option<&'static str>,
}

impl Grant {
    pub const fn on_table(action: &'static str) -> Self {
        Self { action, index: None, leading_key: None }
    }

    pub const fn on_index(index: &'static str) -> Self {
        Self { action: "dynamodb:Query", index: Some(index), leading_key: None }
    }

    pub const fn on_keys_like(action: &'static str, leading_key: &'static str) -> Self {
        Self { action, index: None, leading_key: Some(leading_key) }
    }
}

const PUT: Grant = Grant::on_table("dynamodb:PutItem");
const UPDATE: Grant = Grant::on_table("dynamodb:UpdateItem");
const QUERY: Grant = Grant::on_table("dynamodb:Query");
const BATCH_GET: Grant = Grant::on_table("dynamodb:BatchGetItem");

impl Touch {
    /// What it does to the bucket of files, and everything else to the table.
    pub fn file_actions(self) -> &'static [&'static str] {
        match self {
            Self::PutFile => &["s3:PutObject", "s3:PutObjectTagging"],
            // Without the right to list, what is absent looks like what is forbidden.
            Self::ReadFile => &["s3:GetObject", "s3:ListBucket"],
            Self::HandOutFile => &["s3:GetObject"],
            _ => &[],
        }
    }

    pub fn grants(self) -> &'static [Grant] {
        match self {
            Self::LookUpKey => &[
                const { Grant::on_keys_like("dynamodb:GetItem", "key#*") },
                const { Grant::on_keys_like("dynamodb:GetItem", "account#*") },
            ],
            Self::Lease => &[const { Grant::on_keys_like("dynamodb:UpdateItem", "limit#*") }],
            Self::ReadUsage => &[const { Grant::on_keys_like("dynamodb:GetItem", "limit#*") }],
            // Reads when a repeat finds the record made before.
            Self::Create => &[PUT, QUERY],
            Self::Read | Self::ReadDeliveries | Self::ListAgents | Self::ListHooks | Self::ListSchemas => &[QUERY],
            Self::Move | Self::ReplayDelivery => &[UPDATE],
            Self::ListByKind => &[const { Grant::on_index("by_kind") }, BATCH_GET],
            Self::ListByState => &[const { Grant::on_index("by_state") }, BATCH_GET],
            Self::FindByFacet => &[const { Grant::on_index("by_facet") }, BATCH_GET],
            Self::CountByFacet => &[const { Grant::on_index("by_facet") }],
            Self::Find => &[const { Grant::on_index("by_facet") }, const { Grant::on_index("by_kind") }, BATCH_GET],
            Self::Open | Self::PutBody => &[PUT],
            Self::LookUpSession => &[
                const { Grant::on_keys_like("dynamodb:GetItem", "session#*") },
                const { Grant::on_keys_like("dynamodb:GetItem", "account#*") },
            ],
            Self::BeginSession => &[const { Grant::on_keys_like("dynamodb:PutItem", "session#*") }],
            Self::EndSession => &[const { Grant::on_keys_like("dynamodb:DeleteItem", "session#*") }],
            Self::ReadAccount => &[const { Grant::on_keys_like("dynamodb:GetItem", "account#*") }],
            Self::ReadUsages => &[const { Grant::on_keys_like("dynamodb:BatchGetItem", "limit#*") }],
            Self::ReadKey => {
                &[const { Grant::on_index("by_state") }, const { Grant::on_keys_like("dynamodb:GetItem", "key#*") }]
            }
            Self::ChangeKey => &[const { Grant::on_keys_like("dynamodb:UpdateItem", "key#*") }],
            // The place among the account's keys too, and at the first time those that are there already.
            Self::CreateKey => &[
                const { Grant::on_keys_like("dynamodb:PutItem", "key#*") },
                const { Grant::on_keys_like("dynamodb:UpdateItem", "key#*") },
                const { Grant::on_index("by_kind") },
                const { Grant::on_keys_like("dynamodb:BatchGetItem", "key#*") },
            ],
            Self::NameAccount => &[
                const { Grant::on_keys_like("dynamodb:GetItem", "account#*") },
                const { Grant::on_keys_like("dynamodb:PutItem", "account#*") },
                const { Grant::on_keys_like("dynamodb:UpdateItem", "account#*") },
            ],
            Self::ChangeAccount => &[const { Grant::on_keys_like("dynamodb:UpdateItem", "account#*") }],
            Self::ListAccounts => &[
                const { Grant::on_index("by_kind") },
                const { Grant::on_keys_like("dynamodb:BatchGetItem", "account#*") },
            ],
            Self::ListKeys => {
                &[const { Grant::on_index("by_kind") }, const { Grant::on_keys_like("dynamodb:BatchGetItem", "key#*") }]
            }
            Self::ReadWorkspace => &[const { Grant::on_keys_like("dynamodb:GetItem", "slack#*") }],
            Self::KeepWorkspace => &[const { Grant::on_keys_like("dynamodb:PutItem", "slack#*") }],
            Self::ReadAgent => &[const { Grant::on_keys_like("dynamodb:GetItem", "agents#*") }],
            Self::KeepAgent => &[const { Grant::on_keys_like("dynamodb:UpdateItem", "agents#*") }],
            Self::RemoveAgent => &[const { Grant::on_keys_like("dynamodb:DeleteItem", "agents#*") }],
            Self::ReadFeed => &[const { Grant::on_keys_like("dynamodb:Query", "feed#*") }],
            Self::ProbeTable => &[const { Grant::on_keys_like("dynamodb:GetItem", "probe#*") }],
            Self::KeepHook => &[QUERY, const { Grant::on_keys_like("dynamodb:PutItem", "hooks#*") }],
            Self::ReadHook => &[const { Grant::on_keys_like("dynamodb:GetItem", "hooks#*") }],
            Self::CloseHook => &[const { Grant::on_keys_like("dynamodb:UpdateItem", "hooks#*") }],
            Self::ListCalls => &[
                const { Grant::on_index("by_kind") },
                const { Grant::on_index("by_state") },
                const { Grant::on_keys_like("dynamodb:BatchGetItem", "call#*") },
            ],
            Self::ListDeadCalls => &[
                const { Grant::on_index("by_facet") },
                const { Grant::on_keys_like("dynamodb:BatchGetItem", "call#*") },
            ],
            Self::ReadCall => &[const { Grant::on_keys_like("dynamodb:GetItem", "call#*") }],
            Self::ReplayCall => &[const { Grant::on_keys_like("dynamodb:UpdateItem", "call#*") }],
            Self::ReadSchema => &[const { Grant::on_keys_like("dynamodb:GetItem", "schemas#*") }],
            Self::KeepSchema => &[
                const { Grant::on_keys_like("dynamodb:UpdateItem", "schemas#*") },
                const { Grant::on_keys_like("dynamodb:PutItem", "schemas#*") },
            ],
            Self::CallSlack | Self::PutFile | Self::ReadFile | Self::HandOutFile => &[],
            Self::RevokeKey => &[
                const { Grant::on_index("by_state") },
                const { Grant::on_keys_like("dynamodb:GetItem", "key#*") },
                const { Grant::on_keys_like("dynamodb:UpdateItem", "key#*") },
            ],
        }
    }
}

impl Verb {
    pub fn http(self) -> Method {
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
    /// This operation alone, as its function serves it.
    pub fn router(&self, cx: Cx) -> Router {
        service(std::slice::from_ref(self), *self, cx)
    }
}

/// Operations under one origin, as the runner serves them. What no operation takes is worded as its neighbours are, and by
/// `otherwise` where it has none.
pub fn service(endpoints: &[Endpoint], otherwise: Endpoint, cx: Cx) -> Router {
    let doors: Arc<[(&'static str, Dialect)]> = endpoints.iter().map(|one| (one.path, one.dialect)).collect();
    let mut router = Router::new();
    for endpoint in endpoints {
        let dialect = endpoint.dialect;
        let route = (endpoint.route)()
            .layer(middleware::from_fn(move |request: Request, next: Next| in_dialect(dialect, request, next)));
        router = router.route(endpoint.path, route);
    }
    router
        .fallback(|| async { Problem::NoRoute })
        .layer(middleware::from_fn_with_state(cx.clone(), move |state, request: Request, next| {
            let fallback = neighbour(&doors, request.uri().path()).unwrap_or(otherwise.dialect);
            named(state, fallback, request, next)
        }))
        .with_state(cx)
}

/// How the operations speak whose address has most in common with this one from its beginning: the name of a door at least.
fn neighbour(doors: &[(&'static str, Dialect)], path: &str) -> Option<Dialect> {
    let shared = |one: &str| one.split('/').skip(1).zip(path.split('/').skip(1)).take_while(|(a, b)| a == b).count();
    let nearest = doors.iter().map(|(one, dialect)| (shared(one), *dialect)).filter(|(shared, _)| *shared > 1);
    nearest.max_by_key(|(shared, _)| *shared).map(|(_, dialect)| dialect)
}

/// Gives each request a name, which the answer and the log lines carry.
async fn named(
    axum::extract::State(cx): axum::extract::State<Cx>,
    fallback: Dialect,
    mut request: Request,
    next: Next,
) -> Response {
    use tracing::Instrument;
    let id = RequestId(handrail_domain::ids::hex(&cx.entropy.bytes::<8>()));
    request.extensions_mut().insert(id.clone());
    let aside = Aside::default();
    request.extensions_mut().insert(aside.clone());
    let span = tracing::info_span!("request", request_id = %id.0, method = %request.method());
    let response = next.run(request).instrument(span).await;
    let mut response = worded(fallback, Some(&id), response).into_response();
    aside.write(response.headers_mut());
    if let Ok(value) = http::HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
