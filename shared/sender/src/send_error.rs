//! Error of a call without a response, and the deadline that ends a call.

use tokio::time::Instant;

/// Reason for a missing response.
pub(crate) enum SendError {
    Refused(String),
    Failed(String),
    TimedOut(String),
}

/// Runs one step of a call. The call fails if its deadline passes first.
pub(crate) async fn with_deadline<T>(
    deadline: Instant,
    step: &str,
    work: impl Future<Output = T>,
) -> Result<T, SendError> {
    tokio::time::timeout_at(deadline, work).await.map_err(|_| SendError::TimedOut(format!("ran out of time {step}")))
}
