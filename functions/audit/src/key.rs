//! `GET /audit/key`: the public key that checks the checkpoints of the account's journal, one line for each key.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_secrets::journal_checkpoint::{checkpoint_key, journal_origin};
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PublicOrigin;
use handrail_web::problem::Problem;

use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "audit-key",
    method: HttpMethod::Get,
    path: "/audit/key",
    auth: Auth::ApiKeyOrSession(Scope::AuditRead),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::JournalCheckpoints),
        RequiredSetting::Origin,
    ],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::AuthenticateSession, DataAccess::CheckRateLimit],
    summary: "Read the public key that checks the checkpoints of the account's journal",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, "text/plain")
}

async fn handler(
    State(cx): State<Cx>,
    admin: TenantAdmin<scopes::AuditRead>,
    PublicOrigin(origin): PublicOrigin,
) -> Result<Response, Problem> {
    admin.check_limit(&cx).await?;
    let key = checkpoint_key(cx.key(KeyPurpose::JournalCheckpoints)?, &journal_origin(&origin, admin.tenant()))?;
    Ok(format!("{key}\n").into_response())
}
