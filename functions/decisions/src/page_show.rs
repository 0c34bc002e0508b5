//! `GET /d/{token}`: what an approver sees behind the link in the mail. Looking never decides: scanners open links too.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_kernel::access::{Allowance, take};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{ClientAddress, Segment};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde::Deserialize;

use crate::pages::{Tap, Typed};
use crate::visit::{PAGE_DIALECT, Visit};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-page-show",
    method: Verb::Get,
    path: "/d/{token}",
    auth: Auth::Link,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::PagesPerMinute],
    touches: &[Touch::Lease, Touch::Read],
    summary: "The page behind the link in an approver's mail",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

#[derive(Default, Deserialize)]
struct Preselected {
    a: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    Segment(token): Segment,
    preselected: Result<Query<Preselected>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    take(&cx, Allowance::of_stranger("pages", &address, cx.settings.limits.pages_per_minute)).await?;
    let visit = Visit::by(&cx, &token).await?;
    let tap = preselected.ok().and_then(|Query(query)| query.a).and_then(|name| Tap::from_name(&name));
    Ok(visit.page(&cx, &Typed { tap, ..Typed::default() }).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{APP, Desk};

    #[tokio::test]
    async fn looking_shows_the_question_and_decides_nothing() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let before = desk.record(id).await;
        // What a mail scanner opens, and what a tap in the mail opens.
        for query in ["", "?a=approve", "?a=burn", "?a=%FF"] {
            let page = desk.browse(ENDPOINT, &format!("{}{query}", desk.link(id)), "").await;
            assert_eq!(page.status, 200, "{query}");
            assert!(page.text.contains("Refund order 1234") && page.text.contains("the agent"), "{}", page.text);
        }
        assert_eq!(desk.record(id).await, before);
    }

    #[tokio::test]
    async fn one_address_looks_so_often_in_a_minute() {
        let desk = Desk::new().await;
        let link = desk.link(desk.asked().await);
        for _ in 0..30 {
            assert_eq!(desk.browse(ENDPOINT, &link, "").await.status, 200);
        }
        let refused = desk.browse(ENDPOINT, &link, "").await;
        assert_eq!(refused.status, 429);
        let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        desk.advance(1);
        assert_eq!(desk.browse(ENDPOINT, &link, "").await.status, 200);
    }

    #[tokio::test]
    async fn afterwards_the_link_shows_what_became_of_it() {
        let desk = Desk::new().await;
        let (answered, forgotten) = (desk.asked().await, desk.asked().await);
        let body = serde_json::json!({"action": "deny", "notes": "too late", "resolved_by": "Bob"});
        desk.call(crate::resolve::ENDPOINT, &format!("/decisions/{answered}/resolve"), APP, body).await;
        let page = desk.browse(ENDPOINT, &desk.link(answered), "").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("Bob") && page.text.contains("too late"), "{}", page.text);
        desk.advance(60);
        let page = desk.browse(ENDPOINT, &desk.link(forgotten), "").await;
        assert_eq!(page.status, 410);
        assert!(!page.text.contains("<form"), "{}", page.text);
    }
}
