//! `GET /files/{token}`: downloads a file by its signed link. Everybody with the link may open it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::decision::Decision;
use handrail_platform::blob_store::{Download, DownloadHeaders, content_disposition};
use handrail_secrets::file_link::FileLink;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::door::DOOR;
use crate::link_pages::HTML_ERROR_RENDERER;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "files-get",
    method: HttpMethod::Get,
    path: "/files/{token}",
    auth: Auth::Link,
    door: DOOR.with_error_renderer(HTML_ERROR_RENDERER),
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::FilesBucket],
    accesses: &[DataAccess::Read, DataAccess::PresignDownload],
    summary: "Download a file by its signed link",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, "*/*").empty(302).problem_format(ProblemFormat::Page)
}

const FILE_NOT_FOUND: Problem = Problem::NotFound { resource: "File" };

/// Headers that stop browsers from guessing the type of a file and from running scripts in it.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    (CACHE_CONTROL, HeaderValue::from_static("private, max-age=60")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

async fn handler(State(cx): State<Cx>, PathParam(token): PathParam) -> Result<Response, Problem> {
    let now = cx.clock.now();
    let link = FileLink::parse(&token).ok_or(FILE_NOT_FOUND)?;
    if !link.is_valid(cx.key(KeyPurpose::Files)?, now) {
        return Err(FILE_NOT_FOUND);
    }
    let record = cx.store.record::<Decision>(link.key.tenant, link.key.record).await?.ok_or(FILE_NOT_FOUND)?;
    let id = link.key.id.to_string();
    let file = record.state_data.files().find(|file| file.id == id).ok_or(FILE_NOT_FOUND)?;
    let download_headers = DownloadHeaders { file_name: &file.name, content_type: &file.content_type };
    match cx.blob_store()?.download(&link.key, download_headers, now).await? {
        Download::Url(url) => {
            let location = HeaderValue::from_str(&url).map_err(|_| Problem::Internal)?;
            Ok((StatusCode::FOUND, SECURITY_HEADERS, [(LOCATION, location)]).into_response())
        }
        Download::Bytes(bytes) => {
            let header = |text: &str| HeaderValue::from_str(text).map_err(|_| Problem::Internal);
            let file_headers = [
                (CONTENT_TYPE, header(&file.content_type)?),
                (CONTENT_DISPOSITION, header(&content_disposition(&file.name))?),
            ];
            Ok((SECURITY_HEADERS, file_headers, bytes).into_response())
        }
        Download::NotFound => {
            tracing::error!(record = %record.id, blob = id, "a file of the record does not exist in the store");
            Err(FILE_NOT_FOUND)
        }
    }
}
