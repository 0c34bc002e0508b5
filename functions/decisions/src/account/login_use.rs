//! `POST /auth/login/{token}`: signs in, once. A browser gets a cookie, a program a token.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::login::{Act, Login, Refusal};
use handrail_kernel::access::{Allowance, take};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{ClientAddress, Segment, wants_json};
use handrail_kernel::problem::Problem;
use handrail_kernel::session::{NewSession, cross_site, is_from_strange_page, set_cookie};
use handrail_kernel::settings::Need;
use handrail_kernel::transition::{Stop, transition_from};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{NO_SUCH_LINK, pages, requested, see};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-use",
    method: Verb::Post,
    path: "/auth/login/{token}",
    auth: Auth::Link,
    dialect: pages::DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::SignInsPerMinute],
    touches: &[Touch::Lease, Touch::Read, Touch::ReadAccount, Touch::BeginSession, Touch::Move],
    summary: "Sign in with the link from the mail",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    Segment(token): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let by_program = wants_json(&headers);
    match enter(&cx, &address, &token, &headers).await {
        Ok(Entered::In(new)) if by_program => {
            let body = json!({"session_token": new.token, "expires_at": new.session.expires_at});
            Ok((StatusCode::OK, axum::Json(body)).into_response())
        }
        Ok(Entered::In(new)) => {
            let mut response = see("../../account");
            response.headers_mut().insert(SET_COOKIE, set_cookie(&cx, Some(&new.token)));
            Ok(response)
        }
        Ok(Entered::Over { used }) if by_program => {
            let (code, message) = if used {
                ("LINK_USED", "This link was used already: ask for another one")
            } else {
                ("EXPIRED", "This link is too old: ask for another one")
            };
            Ok(in_json(&Problem::refused(StatusCode::GONE, code, message)))
        }
        Ok(Entered::Over { used }) => Ok(pages::link_over(used).into_response()),
        Err(problem) if by_program => Ok(in_json(&problem)),
        Err(problem) => Err(problem),
    }
}

/// A program reads the door's own words, at the address of a page too.
fn in_json(problem: &Problem) -> Response {
    let mut response = (crate::dialect::DIALECT.0)(problem, None);
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

enum Entered {
    In(NewSession),
    Over { used: bool },
}

/// The session is written first, and its secret is given away only when the link is known to be used for it. If that comes
/// to nothing, nobody has the secret, and the session drops out by itself.
async fn enter(cx: &Cx, address: &str, token: &str, headers: &HeaderMap) -> Result<Entered, Problem> {
    if is_from_strange_page(headers) {
        return Err(cross_site());
    }
    take(cx, Allowance::of_stranger("login-from", address, cx.settings.limits.sign_ins_per_minute)).await?;
    let login = requested(cx, token).await?;
    let account = cx.store.account_by_email(&login.ask.email).await?.ok_or(NO_SUCH_LINK)?;
    let email = account.email.ok_or(NO_SUCH_LINK)?;
    let new = NewSession::of(cx, account.tenant, email.clone());
    cx.store.put_session(&new.hash, &new.session).await?;
    let command = Command::<Login> {
        // This attempt and no other: a repeat of the request is another session, and too late.
        id: CommandId::new(&format!("sign in {}", new.hash), &[]),
        actor: Actor::Person { email, by: ProofOfPerson::MailedLink },
        act: Act::Use,
    };
    match transition_from(cx, login, &command).await {
        Ok(_) => Ok(Entered::In(new)),
        Err(Stop::Refused(Refusal::Used { .. })) => Ok(Entered::Over { used: true }),
        Err(Stop::Refused(Refusal::Expired { .. })) => Ok(Entered::Over { used: false }),
        Err(stop) => Err(stop.into_problem("Link", |_| Problem::Broken)),
    }
}
