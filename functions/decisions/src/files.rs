//! `GET /files/{token}`: a file behind its signed link, for whoever holds the link. Always a download, never a page of ours.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_domain::decision::Decision;
use handrail_kernel::blobs::{HandedOut, Shown, disposition};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::file_link::FileLink;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::visit::PAGE_DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "files-get",
    method: Verb::Get,
    path: "/files/{token}",
    auth: Auth::Link,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::FilesBucket],
    touches: &[Touch::Read, Touch::HandOutFile],
    summary: "Download a file behind its signed link",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

const NO_FILE: Problem = Problem::NotFound { what: "File" };

/// Whatever the bytes are: they are saved and not opened, not guessed at, and run nothing where they are opened after all.
const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    (CACHE_CONTROL, HeaderValue::from_static("private, max-age=60")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

async fn handler(State(cx): State<Cx>, Segment(token): Segment) -> Result<Response, Problem> {
    let now = cx.clock.now();
    let link = FileLink::parse(&token).ok_or(NO_FILE)?;
    if !link.opens(cx.master()?, now) {
        return Err(NO_FILE);
    }
    let record = cx.store.record::<Decision>(link.key.tenant, link.key.record).await?.ok_or(NO_FILE)?;
    let id = link.key.id.to_string();
    let file = record.standing.files().find(|file| file.id == id).ok_or(NO_FILE)?;
    let shown = Shown { name: &file.name, content_type: &file.content_type };
    match cx.blobs()?.hand_out(&link.key, shown, now).await? {
        HandedOut::At(url) => {
            let place = HeaderValue::from_str(&url).map_err(|_| Problem::Broken)?;
            Ok((StatusCode::FOUND, GUARDS, [(LOCATION, place)]).into_response())
        }
        HandedOut::Bytes(bytes) => {
            let header = |text: &str| HeaderValue::from_str(text).map_err(|_| Problem::Broken);
            let own =
                [(CONTENT_TYPE, header(&file.content_type)?), (CONTENT_DISPOSITION, header(&disposition(&file.name))?)];
            Ok((GUARDS, own, bytes).into_response())
        }
        HandedOut::Gone => {
            tracing::error!(record = %record.id, blob = id, "a file that the record names is not there");
            Err(NO_FILE)
        }
    }
}
