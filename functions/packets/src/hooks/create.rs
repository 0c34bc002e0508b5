//! `POST /api/v1/hooks`: an address is called from now on.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{HookProposal, Packet};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::hook::{Wanted, subscribe};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::slack::Secret;
use handrail_kernel::store::HOOKS_MAX;
use http::StatusCode;
use serde_json::Value;

use super::hook_shown;
use crate::body::Body;
use crate::caller::Caller;
use crate::dialect::{DIALECT, refuse};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-create",
    method: Verb::Post,
    path: "/api/v1/hooks",
    auth: Auth::Key(Scope::HooksWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::KeepHook],
    summary: "Have an address called when something happens to packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::HooksWrite>,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let proposal = body.read(&caller.key, |body| HookProposal::read(body, cx.settings.reach))?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let events = proposal.events.iter().map(|event| event.name().to_owned()).collect();
    let wanted = Wanted { url: proposal.url, events, secret: Secret::new(proposal.secret) };
    let Some(hook) = subscribe(&cx, caller.key.tenant, Packet::KIND, &wanted).await? else {
        return Err(refuse(StatusCode::CONFLICT, format!("There are {HOOKS_MAX} active webhooks: delete one first")));
    };
    Ok((StatusCode::CREATED, axum::Json(hook_shown(&hook))))
}

#[cfg(test)]
mod tests {
    use handrail_kernel::hook::secret_of;
    use serde_json::json;

    use super::*;
    use crate::hooks::testing::{SECRET, hook, hooks_of, made};
    use crate::testing::{AGENT, Desk, NOON, READER, WRITER, tenant};

    #[tokio::test]
    async fn a_hook_shows_everything_but_its_secret() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, "/api/v1/hooks", WRITER, hook()).await;
        let expected = json!({
            "id": made.json["id"],
            "url": "https://example.com/hook",
            "events": ["packet.created", "packet.claimed", "packet.completed", "packet.failed"],
            "tenant_id": tenant(),
            "active": true,
            "created_at": NOON,
        });
        assert_eq!((made.status.as_u16(), &made.json), (201, &expected));
        let kept = hooks_of(&desk).await;
        assert_eq!(secret_of(&desk.cx, &kept[0]).unwrap().unwrap().expose(), SECRET);
        assert!(!format!("{kept:?}").contains(SECRET));
    }

    #[tokio::test]
    async fn what_is_no_hook_is_refused_by_name_and_kept_nowhere() {
        let desk = Desk::new().await;
        for (member, value, field) in [
            ("url", json!("http://169.254.169.254/latest/meta-data"), "url"),
            ("url", json!("http://localhost:8787/"), "url"),
            ("url", json!(7), "url"),
            ("secret", json!("short"), "secret"),
            ("secret", Value::Null, "secret"),
            ("events", json!(["packet.updated"]), "events.0"),
            ("events", json!("packet.created"), "events"),
        ] {
            let mut body = hook();
            body[member] = value;
            let refused = desk.call(ENDPOINT, "/api/v1/hooks", WRITER, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
            assert!(refused.json["errors"].is_array());
        }
        assert!(hooks_of(&desk).await.is_empty());
    }

    #[tokio::test]
    async fn hooks_are_the_writers_business() {
        let desk = Desk::new().await;
        for key in [READER, AGENT] {
            assert_eq!(desk.call(ENDPOINT, "/api/v1/hooks", key, hook()).await.status.as_u16(), 403);
        }
        assert!(hooks_of(&desk).await.is_empty());
    }

    #[tokio::test]
    async fn there_are_never_more_than_may_be() {
        let desk = Desk::new().await;
        for _ in 0..HOOKS_MAX - 3 {
            made(&desk).await;
        }
        let at_once = (0..10).map(|_| desk.call(ENDPOINT, "/api/v1/hooks", WRITER, hook()));
        let statuses: Vec<u16> =
            futures_util::future::join_all(at_once).await.iter().map(|answer| answer.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{statuses:?}");
        assert_eq!(hooks_of(&desk).await.len(), usize::from(HOOKS_MAX));
        let full = desk.call(ENDPOINT, "/api/v1/hooks", WRITER, hook()).await;
        assert_eq!(full.refusal(), (409, "There are 50 active webhooks: delete one first"));
    }

    #[tokio::test]
    async fn one_that_was_taken_away_makes_room() {
        let desk = Desk::new().await;
        let mut ids = Vec::new();
        for _ in 0..HOOKS_MAX {
            ids.push(made(&desk).await);
        }
        for id in [ids[7], ids[3]] {
            desk.advance(1);
            desk.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{id}"), WRITER, Value::Null).await;
        }
        let newest = made(&desk).await;
        let kept: Vec<_> = hooks_of(&desk).await.iter().map(|hook| hook.id).collect();
        assert_eq!(kept.len(), usize::from(HOOKS_MAX));
        assert!(kept[0] == newest && kept.contains(&ids[3]) && !kept.contains(&ids[7]), "the one that went first");
    }
}
