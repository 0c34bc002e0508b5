//! Counts up the calls of a journey until the plan no longer fires, and collects what went wrong at which call.

use std::time::Duration;

use handrail_testkit::{Call, Plan};
use tokio::task::JoinError;

use crate::journeys::Journey;

/// No journey makes this many calls: a sweep that gets here does not end.
const CALLS_MAX: usize = 400;
/// A world takes a fraction of a second. This ends one that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of one world.
pub(crate) struct Point {
    /// The call that was broken. `None`: the journey has fewer calls.
    pub broken: Option<Call>,
    /// The law that did not hold.
    pub failure: Option<String>,
}

#[derive(Default)]
pub(crate) struct Swept {
    pub points: usize,
    pub failures: Vec<String>,
}

/// `try_point` walks the journey in a fresh world with the plan for the k-th call.
pub(crate) async fn sweep<F>(journey: &Journey, plan: fn(usize) -> Plan, try_point: impl Fn(Plan) -> F) -> Swept
where
    F: Future<Output = Point>,
{
    let mut swept = Swept::default();
    for k in 1..=CALLS_MAX {
        let point = try_point(plan(k)).await;
        let call = point
            .broken
            .as_ref()
            .map_or_else(|| "no call".to_owned(), |call| format!("{} on {}", call.operation, call.table));
        if let Some(failure) = point.failure {
            swept.failures.push(format!("{}, {:?}, {call}: {failure}", journey.name, plan(k)));
        }
        if point.broken.is_none() {
            return swept;
        }
        swept.points += 1;
    }
    panic!("{} makes more than {CALLS_MAX} calls", journey.name);
}

/// Does it apart, so that a law that does not hold ends this point and not the sweep.
pub(crate) async fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, tokio::spawn(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => Err(words_of(panic)),
        Err(_) => Err("hangs".to_owned()),
    }
}

fn words_of(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().map_or_else(|| "panicked".to_owned(), ToString::to_string),
        },
        Err(error) => error.to_string(),
    }
}
