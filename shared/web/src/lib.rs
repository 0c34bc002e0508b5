//! How an operation is served: the endpoint registry, the extractors, problems, pages, live event streams, and the Lambda
//! runtime.

pub mod aws;
pub mod caller;
pub mod deferred_headers;
pub mod descriptions;
pub mod door;
pub mod endpoint;
pub mod event_stream;
pub mod extract;
pub mod headers;
pub mod json_body;
pub mod json_response;
pub mod live_connections;
pub mod multipart;
pub mod once;
pub mod pages;
pub mod problem;
pub mod record_reads;
pub mod request_counts;
pub mod session_cookie;
pub mod sign_in_page;
pub mod subscription;
