//! `PATCH /api/v1/packets/{id}`: moves a packet on, or changes what it carries, or both in one write.

use axum::extract::State;
use axum::routing::{MethodRouter, patch};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Patch, State as PacketState};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::quota::{self, Counted};
use handrail_kernel::settings::Need;
use serde_json::Value;

use crate::body::{Body, PacketId};
use crate::caller::Caller;
use crate::checkpoint;
use crate::dialect::{DIALECT, Part, flawed};
use crate::shelf;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-patch",
    method: Verb::Patch,
    path: "/api/v1/packets/{id}",
    auth: Auth::Key(Scope::PacketsWork),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move, Touch::PutBody],
    summary: "Move a packet on, or change what it carries",
    route,
};

fn route() -> MethodRouter<Cx> {
    patch(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWork>,
    PacketId(id): PacketId,
    body: Body,
) -> Result<axum::Json<Value>, Problem> {
    let wanted = body.read(&caller.key, Patch::read)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let key = &caller.key;
    // Before it is known whether anybody will be asked: afterwards it would be too late to refuse.
    let count = cx.new_record_id();
    let counted = match wanted.may_ask() {
        true => checkpoint::count(&cx, key, count, false).await?,
        false => Counted::default(),
    };
    let patched = shelf::edit(&cx, key, id, |seen, content, now| {
        let (act, next) = wanted.plan(seen.state(), content, now).map_err(|flaws| flawed(Part::Body, &flaws))?;
        // Who waits with this very question already is not asked again.
        let waits = seen.state() == PacketState::AwaitingHuman && next.hitl == content.hitl;
        let asked = if wanted.may_ask() && !waits { checkpoint::asked(key, &next)? } else { None };
        Ok((act.asking(asked), next))
    });
    let patched = patched.await;
    let asked_nobody = match &patched {
        Ok(held) => !held.asked_just_now(),
        Err(Problem::Busy { .. } | Problem::Broken) => false,
        Err(_) => true,
    };
    if asked_nobody {
        quota::give_back(&cx, &counted, count).await;
    }
    Ok(axum::Json(patched?.view(&cx)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, checkpoint, packet};

    async fn change(desk: &Desk, id: handrail_domain::ids::RecordId, body: Value) -> Answer {
        desk.call(ENDPOINT, &format!("/api/v1/packets/{id}"), AGENT, body).await
    }

    #[tokio::test]
    async fn lists_that_are_not_named_stay() {
        let desk = Desk::new().await;
        let mut full = packet();
        full["actions"] = json!({"pending": [{"id": "p", "description": "d", "assignee": "b-1"}]});
        full["decisions"] = json!([{"id": "d1", "decision": "yes", "rationale": "r"}]);
        full["dependencies"] = json!([{"id": "x", "type": "api", "description": "d"}]);
        let id = desk.made_of(full).await;
        let done = json!([{"id": "c", "description": "d", "result": "r"}]);
        let patched = change(&desk, id, json!({"actions": {"completed": done}, "dependencies": null})).await;
        assert_eq!(patched.status.as_u16(), 200, "{}", patched.json);
        assert_eq!(patched.json["actions"]["pending"][0]["id"], "p");
        assert_eq!(patched.json["actions"]["completed"][0]["id"], "c");
        assert_eq!(patched.json["dependencies"][0]["id"], "x");
        let more =
            json!([{"id": "d2", "decision": "b", "rationale": ""}, {"id": "d1", "decision": "no", "rationale": ""}]);
        let patched = change(&desk, id, json!({"decisions": more})).await;
        let decisions = patched.json["decisions"].as_array().unwrap();
        let told: Vec<_> = decisions.iter().map(|one| (one["id"].as_str(), one["decision"].as_str())).collect();
        assert_eq!(told, [(Some("d1"), Some("no")), (Some("d2"), Some("b"))]);
    }

    #[tokio::test]
    async fn a_refused_move_changes_nothing_at_all() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let before = desk.record(id).await;
        let refused = change(&desk, id, json!({"status": "completed", "context": {"summary": "done"}})).await;
        let (status, detail) = refused.refusal();
        let told = "Cannot transition from 'created' to 'completed'. Allowed transitions from 'created': \
                    ['claimed', 'awaiting_human', 'failed', 'expired']";
        assert_eq!((status, detail), (400, told));
        assert_eq!(desk.record(id).await, before);
    }

    #[tokio::test]
    async fn the_status_it_has_is_no_move() {
        let desk = Desk::new().await;
        let id = desk.claimed().await;
        let done = change(&desk, id, json!({"status": "completed"})).await;
        desk.advance(5);
        let again = change(&desk, id, json!({"status": "completed"})).await;
        assert_eq!((again.status.as_u16(), &again.json["metadata"]), (200, &done.json["metadata"]));
        assert_ne!(again.json["updated_at"], done.json["updated_at"]);
    }

    #[tokio::test]
    async fn no_patch_goes_past_the_person_or_answers_for_them() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        for status in ["claimed", "in_progress", "completed"] {
            assert_eq!(change(&desk, id, json!({"status": status})).await.status.as_u16(), 400, "{status}");
        }
        let forged = json!({"hitl": {"reason": "Large sum", "response": "yes", "responded_by": "ann"}});
        let refused = change(&desk, id, forged).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("hitl.response")));
        assert_eq!(desk.record(id).await.seq, 1);
    }

    #[tokio::test]
    async fn of_many_edits_at_once_none_is_lost() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let edits = (0..8).map(|number| {
            let decision = json!([{"id": format!("d{number}"), "decision": "x", "rationale": ""}]);
            change(&desk, id, json!({"decisions": decision}))
        });
        for edit in futures_util::future::join_all(edits).await {
            assert_eq!(edit.status.as_u16(), 200, "{}", edit.json);
        }
        let seen = desk.call(crate::get::ENDPOINT, &format!("/api/v1/packets/{id}"), AGENT, Value::Null).await;
        assert_eq!(seen.json["decisions"].as_array().unwrap().len(), 8);
    }
}
