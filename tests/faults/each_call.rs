//! Runs a journey once for each of its database calls, with that call broken, and collects the failures.

use std::time::Duration;

use handrail_testkit::{Call, FaultPlan};
use tokio::task::JoinError;

use crate::journeys::Journey;

/// More calls than any journey makes; bounds the loop.
pub(crate) const MAX_CALLS: usize = 400;
/// A run takes a fraction of a second; this ends one that hangs.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Result of one run.
pub(crate) struct FaultPoint {
    /// Call that was broken. `None` if the journey has fewer calls.
    pub failed_call: Option<Call>,
    /// Invariant that did not hold.
    pub failure: Option<String>,
}

#[derive(Default)]
pub(crate) struct FaultResults {
    pub points: usize,
    pub failures: Vec<String>,
}

/// Breaks each call of the journey in turn. `try_point` runs the journey on a fresh server with the given plan.
pub(crate) async fn break_each_call<F>(
    journey: &Journey,
    plan: fn(usize) -> FaultPlan,
    try_point: impl Fn(FaultPlan) -> F,
) -> FaultResults
where
    F: Future<Output = FaultPoint>,
{
    let mut results = FaultResults::default();
    for k in 1..=MAX_CALLS {
        let point = try_point(plan(k)).await;
        let call = point
            .failed_call
            .as_ref()
            .map_or_else(|| "no call".to_owned(), |call| format!("{} on {}", call.operation, call.table));
        if let Some(failure) = point.failure {
            results.failures.push(format!("{}, {:?}, {call}: {failure}", journey.name, plan(k)));
        }
        if point.failed_call.is_none() {
            return results;
        }
        results.points += 1;
    }
    panic!("{} makes more than {MAX_CALLS} calls", journey.name);
}

/// Returns a failure if fewer calls were broken than are written down: a call that is no longer made is no longer tested.
/// More calls can be those of an attempt that met another writer.
pub(crate) fn check_broken_calls(what: &str, broken: usize, least: usize) -> Option<String> {
    let message = || {
        format!(
            "{what}: {broken} calls were broken, and {least} are written down. If the service is meant to make fewer \
             calls now, write down the new number. Otherwise a part of the journey no longer runs"
        )
    };
    (broken < least).then(message)
}

/// Runs `work` in its own task, so that a panic fails this run and not the remaining ones.
pub(crate) async fn run_isolated<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, tokio::spawn(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => Err(panic_message(panic)),
        Err(_) => Err("hangs".to_owned()),
    }
}

fn panic_message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().map_or_else(|| "panicked".to_owned(), ToString::to_string),
        },
        Err(error) => error.to_string(),
    }
}
