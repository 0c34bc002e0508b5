//! How an operation is served: the endpoint registry, the extractors, problems, pages, and the Lambda runtime.

pub mod aws;
pub mod deferred_headers;
pub mod endpoint;
pub mod extract;
pub mod headers;
pub mod multipart;
pub mod pages;
pub mod problem;
pub mod record_reads;
pub mod request_counts;
pub mod session_cookie;
