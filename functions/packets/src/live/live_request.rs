//! Extractor of a request for live events.

use axum::extract::FromRequestParts;
use handrail_context::cx::Cx;
use handrail_domain::field_error::RequestPart;
use handrail_web::caller::{RequiredScope, authenticate, scopes};
use handrail_web::descriptions::{Argument, Description, Header, schema_of};
use handrail_web::door::Credential;
use handrail_web::problem::Problem;
use handrail_web::subscription::Subscriber;
use http::request::Parts;
use schemars::JsonSchema;

use super::channel::{Channel, Channels};
use crate::body::QueryString;
use crate::errors::field_error;

/// Request for live events. The API key may be in the query, as browsers cannot send headers with an `EventSource` or
/// WebSocket, or in `X-API-Key`.
pub struct LiveRequest {
    pub subscriber: Subscriber,
    pub channels: Channels,
    /// Number of the last event that the client received.
    pub last_event_id: Option<u64>,
}

/// Query parameters of the request.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the query is read pair by pair")]
struct QueryParams {
    /// API key, for clients that can't send headers.
    api_key: Option<String>,
    /// Channel, such as `status:created`, `packet:<id>` or `agent:<id>`. It may be sent several times.
    subscribe: Option<String>,
    /// Id of the last event that the client received.
    last_event_id: Option<String>,
}

impl Argument for LiveRequest {
    fn describe(description: &mut Description) {
        description.queries.push(schema_of::<QueryParams>());
        description
            .headers
            .push(Header { name: "Last-Event-ID", description: "Id of the last event that the client received" });
        description.problems.extend([400, 401, 403, 429]);
    }
}

impl FromRequestParts<Cx> for LiveRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let QueryString(pairs) = QueryString::<Vec<(String, String)>>::from_request_parts(parts, cx).await?;
        let values_of = |parameter: &'static str| {
            pairs.iter().filter(move |(name, _)| name == parameter).map(|(_, value)| value.trim())
        };
        let in_query = values_of("api_key").find(|key| !key.is_empty());
        let secret = match in_query {
            Some(key) => key.to_owned(),
            None => Credential::ApiKeyHeader.find(&parts.headers)?.ok_or(Problem::NoCredentials)?.to_owned(),
        };
        let key = authenticate::<scopes::PacketsRead>(cx, parts, &secret).await?;
        let mut channels = Channels::default();
        for text in values_of("subscribe").filter(|text| !text.is_empty()) {
            let added = Channel::parse(text).and_then(|channel| channels.add(channel));
            added.map_err(|message| field_error(RequestPart::Query, "subscribe", message, "value_error"))?;
        }
        // A reconnecting browser repeats its original URL and adds this header, so the header takes precedence.
        let header = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::trim);
        let last_event_id =
            header.filter(|text| !text.is_empty()).or_else(|| values_of("last_event_id").find(|id| !id.is_empty()));
        let last_event_id = last_event_id.map(|text| {
            let number = text.parse().map_err(|_| "Input should be an event id");
            number.map_err(|message| field_error(RequestPart::Query, "last_event_id", message, "int_parsing"))
        });
        let subscriber = Subscriber { key, secret, scope: scopes::PacketsRead::SCOPE };
        Ok(Self { subscriber, channels, last_event_id: last_event_id.transpose()? })
    }
}
