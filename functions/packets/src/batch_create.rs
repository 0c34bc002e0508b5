//! `POST /api/v1/packets/batch`: many packets at once, each for itself.

use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, post};
use futures_util::StreamExt;
use handrail_domain::access::Scope;
use handrail_domain::packet::CREATE_FORMAT;
use handrail_domain::packet::read_batch;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{IdempotencyKey, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::{Value, json};

use crate::body::Body;
use crate::caller::Caller;
use crate::daily::{Counted, says_that_nothing_was_made};
use crate::dialect::DIALECT;
use crate::given_name::GivenName;
use crate::schemas::fit::{Holding, Remembered};
use crate::shelf::{self, AT_ONCE};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-batch-create",
    method: Verb::Post,
    path: "/api/v1/packets/batch",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadSchema, Touch::Create],
    summary: "Hand many packets over",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler).layer(Extension(Remembered::default()))
}

async fn handler(
    State(cx): State<Cx>,
    Extension(schemas): Extension<Remembered>,
    caller: Caller<right::PacketsWrite>,
    IdempotencyKey(name): IdempotencyKey,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = &caller.key;
    let proposals = body.read(key, read_batch)?;
    spend(&cx, key, Budget::Creates).await?;
    let holding = Holding::new(schemas);
    // The whole batch is one, and a repeat of it is known by its first packet.
    let first = name.as_ref().map(|name| format!("{name} 0"));
    let counted = Counted::handoff(&cx, key, first.as_deref()).await?;
    let made = futures_util::stream::iter(proposals).enumerate().map(|(index, proposal)| {
        // Each under a name of its own, so that a repeat of the batch makes what is missing.
        let name = name.as_ref().map(|name| format!("{name} {index}"));
        let (cx, key, holding) = (&cx, key, &holding);
        async move {
            holding.hold(cx, key.tenant, &proposal).await?;
            let named = name.as_deref().map(|name| GivenName::new(name, CREATE_FORMAT, proposal.to_json()));
            shelf::create(cx, key, proposal, named.as_ref()).await
        }
    });
    let made: Vec<_> = made.buffered(AT_ONCE).collect().await;
    let nothing_made = made.iter().all(|made| made.as_ref().is_err_and(says_that_nothing_was_made));
    if nothing_made {
        counted.give_back(&cx).await;
    }
    let (mut created, mut errors) = (Vec::new(), Vec::new());
    for (index, made) in made.into_iter().enumerate() {
        match made {
            Ok(made) => created.push(made.view(&cx)),
            Err(problem) => errors.push(json!({"index": index, "error": problem.message()})),
        }
    }
    Ok((StatusCode::CREATED, axum::Json(json!({"created": created, "errors": errors}))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, Desk, packet};

    #[tokio::test]
    async fn as_many_as_are_taken_at_once() {
        let desk = Desk::new().await;
        let ask = |count: usize| {
            desk.call(ENDPOINT, "/api/v1/packets/batch", AGENT, json!({"packets": vec![packet(); count]}))
        };
        let made = ask(50).await;
        assert_eq!((made.status.as_u16(), made.json["created"].as_array().unwrap().len()), (201, 50));
        assert_eq!(made.json["errors"], json!([]));
        for count in [0, 51] {
            let refused = ask(count).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("packets")), "{}", refused.json);
        }
    }
}
