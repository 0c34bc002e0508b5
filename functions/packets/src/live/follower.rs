//! Who wants to follow the account's feed, and what of it.

use axum::extract::FromRequestParts;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use http::request::Parts;

use super::{Channel, Channels};
use crate::body::Asked;
use crate::caller::{admit, in_header};
use crate::dialect::{Part, flawed_at};

/// The key comes in the query, because a browser can send no header here; in `X-API-Key` it is taken too.
pub struct Follower {
    pub key: Key,
    pub credential: String,
    pub channels: Channels,
    /// The last event that it has seen.
    pub after: Option<u64>,
}

impl FromRequestParts<Cx> for Follower {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let Asked(pairs) = Asked::<Vec<(String, String)>>::from_request_parts(parts, cx).await?;
        let named =
            |wanted: &'static str| pairs.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.trim());
        let in_query = named("api_key").find(|key| !key.is_empty());
        let credential = match in_query {
            Some(key) => key.to_owned(),
            None => in_header(parts)?.ok_or(Problem::NoCredentials)?,
        };
        let key = admit::<right::PacketsRead>(cx, parts, &credential).await?;
        let mut channels = Channels::default();
        for text in named("subscribe").filter(|text| !text.is_empty()) {
            let added = Channel::read(text).and_then(|channel| channels.add(channel));
            added.map_err(|wrong| flawed_at(Part::Query, "subscribe", wrong, "value_error"))?;
        }
        // A browser that comes back sends the header with the address that it was once given.
        let header = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::trim);
        let after = header.filter(|text| !text.is_empty()).or_else(|| named("last_event_id").find(|id| !id.is_empty()));
        let after = after.map(|text| {
            let number = text.parse().map_err(|_| "Input should be the id of an event");
            number.map_err(|wrong| flawed_at(Part::Query, "last_event_id", wrong, "int_parsing"))
        });
        Ok(Self { credential, key, channels, after: after.transpose()? })
    }
}
