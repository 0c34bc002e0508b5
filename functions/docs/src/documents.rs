//! The OpenAPI documents, as the files in `openapi/`.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// Document of all doors.
pub const ALL_DOORS: &str = include_str!("../../../openapi/openapi.json");

/// Document of each door, by the name of its file.
pub const DOORS: [(&str, &str); 6] = [
    ("audit.json", include_str!("../../../openapi/audit.json")),
    ("decisions.json", include_str!("../../../openapi/decisions.json")),
    ("docs.json", include_str!("../../../openapi/docs.json")),
    ("packets.json", include_str!("../../../openapi/packets.json")),
    ("routes.json", include_str!("../../../openapi/routes.json")),
    ("slack.json", include_str!("../../../openapi/slack.json")),
];

/// Returns the response with a document. It changes only with the service, so clients may keep it for some minutes.
pub(crate) fn document_response(document: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, document).into_response()
}
