//! `GET /d/{token}`: shows the page of an approver's link. Never answers, because mail scanners open links too.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimit, check_limit};
use handrail_approvals::pages::{FormButton, FormValues};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{ClientAddress, PathParam};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::door::DOOR;
use crate::link_pages::{self, HTML_ERROR_RENDERER};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-page-show",
    method: HttpMethod::Get,
    path: "/d/{token}",
    auth: Auth::Link,
    door: DOOR.with_error_renderer(HTML_ERROR_RENDERER),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApprovalLinks),
        RequiredSetting::Key(KeyPurpose::Files),
        RequiredSetting::PagesPerMinute,
    ],
    accesses: &[DataAccess::CheckRateLimit, DataAccess::Read],
    summary: "Show the page of an approver's link",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).page(200).page(410).problems(&[429]).problem_format(ProblemFormat::Page)
}

#[derive(Default, Deserialize, JsonSchema)]
struct QueryParams {
    #[serde(rename = "a")]
    choice: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    PathParam(token): PathParam,
    query: Result<Query<QueryParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    check_limit(&cx, RateLimit::per_client("pages", &address, cx.settings.public_rate_limits.pages_per_minute)).await?;
    let access = link_pages::open_link(&cx, &token).await?;
    let form_button = query.ok().and_then(|Query(query)| query.choice).and_then(|name| FormButton::from_name(&name));
    let form_values = FormValues { form_button, ..FormValues::default() };
    Ok(link_pages::current_page(&cx, &access, &form_values).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{APP, TestApp};

    #[tokio::test]
    async fn get_requests_show_decision_without_answering() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let before = app.record(id).await;
        // Links as a mail scanner and as the buttons of the mail open them.
        for query in ["", "?a=approve", "?a=burn", "?a=%FF"] {
            let page = app.submit_form(ENDPOINT, &format!("{}{query}", app.approver_link(id)), "").await;
            assert_eq!(page.status, 200, "{query}");
            assert!(page.text.contains("Refund order 1234") && page.text.contains("the agent"), "{}", page.text);
        }
        assert_eq!(app.record(id).await, before);
    }

    #[tokio::test]
    async fn page_views_are_limited_per_client() {
        let app = TestApp::new().await;
        let link = app.approver_link(app.create_decision().await);
        for _ in 0..30 {
            assert_eq!(app.submit_form(ENDPOINT, &link, "").await.status, 200);
        }
        let refused = app.submit_form(ENDPOINT, &link, "").await;
        assert_eq!(refused.status, 429);
        let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        app.advance(1);
        assert_eq!(app.submit_form(ENDPOINT, &link, "").await.status, 200);
    }

    #[tokio::test]
    async fn link_shows_outcome_of_closed_decision() {
        let app = TestApp::new().await;
        let (answered, unanswered) = (app.create_decision().await, app.create_decision().await);
        let body = serde_json::json!({"action": "deny", "notes": "too late", "resolved_by": "Bob"});
        app.call(crate::resolve::ENDPOINT, &format!("/decisions/{answered}/resolve"), APP, body).await;
        let page = app.submit_form(ENDPOINT, &app.approver_link(answered), "").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("Bob") && page.text.contains("too late"), "{}", page.text);
        app.advance(60);
        let page = app.submit_form(ENDPOINT, &app.approver_link(unanswered), "").await;
        assert_eq!(page.status, 410);
        assert!(!page.text.contains("<form"), "{}", page.text);
    }
}
