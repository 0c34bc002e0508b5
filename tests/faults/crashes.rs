//! The process crashes before or right after each database call and restarts on the same data. The invariants must hold
//! before the clients come back, and after they have repeated the journey.

use handrail_testkit::{CallFilter, FaultPlan};
use tokio::task::JoinSet;

use crate::each_call::{FaultPoint, break_each_call, check_broken_calls, run_isolated};
use crate::invariants;
use crate::journeys::{self, CallCount, Journey};
use crate::scenario::Scenario;
use crate::webhooks;

/// Plan for the k-th call, and whether only writes are counted.
type PlannedCrash = (fn(usize) -> FaultPlan, bool);

/// A crash after a read equals a crash before it, so only writes are counted there.
const CRASHES: [PlannedCrash; 2] = [(FaultPlan::CrashBefore, false), (FaultPlan::CrashAfter, true)];

async fn check_each_crash(journey: &'static Journey) {
    let mut sweeps = JoinSet::new();
    for (crash, writes_only) in CRASHES {
        let filter = CallFilter { table: None, writes_only };
        sweeps.spawn(async move {
            let results = break_each_call(journey, crash, |plan| run_point(journey, filter.clone(), plan)).await;
            let count = |calls: CallCount| if writes_only { calls.writes } else { calls.total };
            let least = count(journey.calls_min) + count(journey.local_calls_min);
            (crash(0), least, results)
        });
    }
    let mut failures = Vec::new();
    for (crash, least, results) in sweeps.join_all().await {
        let what = format!("{}, {crash:?}, both tables", journey.name);
        println!("{what}: {} calls were broken", results.points);
        failures.extend(check_broken_calls(&what, results.points, least));
        failures.extend(results.failures);
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

async fn run_point(journey: &'static Journey, filter: CallFilter, plan: FaultPlan) -> FaultPoint {
    let mut scenario = Scenario::new(journey.backup, Some((filter, plan))).await;
    let fault_injector = scenario.server.fault_injector.clone();
    let crash_injector = fault_injector.clone();
    let run = run_isolated(async move {
        tokio::select! {
            () = (journey.run)(&mut scenario) => {}
            () = crash_injector.crashed() => {}
        }
        scenario
    });
    let checked = match run.await {
        Ok(scenario) if fault_injector.fired() => run_isolated(check_after_restart(journey, scenario)).await,
        // No crash happened: the module `failed_calls` covers that.
        Ok(_) => Ok(()),
        Err(failure) => Err(failure),
    };
    FaultPoint { failed_call: fault_injector.broken(), failure: checked.err() }
}

async fn check_after_restart(journey: &Journey, scenario: Scenario) {
    let mut scenario = scenario.restart().await;
    scenario.run_until_idle().await;
    invariants::check_all(&mut scenario).await;
    (journey.run)(&mut scenario).await;
    scenario.run_until_idle().await;
    invariants::check_all(&mut scenario).await;
    scenario.server.kill().await;
}

#[tokio::test]
async fn decision_and_answer_survive_crash() {
    check_each_crash(&journeys::LARGE_DECISION).await;
}

#[tokio::test]
async fn used_approval_survives_crash() {
    check_each_crash(&journeys::CONSUMPTION).await;
}

#[tokio::test]
async fn checkpoint_and_answer_survive_crash() {
    check_each_crash(&journeys::CHECKPOINT_ANSWER).await;
}

#[tokio::test]
async fn timers_and_escalation_survive_crash() {
    check_each_crash(&journeys::ESCALATION).await;
}

#[tokio::test]
async fn callback_retries_survive_crash() {
    check_each_crash(&journeys::CALLBACK_RETRY).await;
}

#[tokio::test]
async fn login_survives_crash() {
    check_each_crash(&journeys::LOGIN).await;
}

#[tokio::test]
async fn attachments_survive_crash() {
    check_each_crash(&journeys::ATTACHMENTS).await;
}

#[tokio::test]
async fn journal_survives_crash() {
    check_each_crash(&journeys::HANDOFF).await;
}

#[tokio::test]
async fn webhook_deliveries_survive_crash() {
    check_each_crash(&webhooks::WEBHOOK_DELIVERIES).await;
}
