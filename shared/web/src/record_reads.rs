//! Limits of reading single records: how often a key reads one record, and how many unknown ids it asks for.

use handrail_access::{check_miss, check_read};
use handrail_context::cx::Cx;
use handrail_domain::ids::RecordId;
use handrail_store::ApiKey;
use http::StatusCode;

use crate::problem::Problem;

/// Runs the read of a record within the limits of the key. A read that finds something costs no extra call; one that
/// finds nothing counts as a miss.
pub async fn limited_read<T>(
    cx: &Cx,
    key: &ApiKey,
    record: RecordId,
    read: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    check_read(cx, key, record).await?;
    let result = read.await;
    if result.as_ref().is_err_and(|problem| problem.status() == StatusCode::NOT_FOUND) {
        check_miss(cx, key, record).await?;
    }
    result
}
