//! One database call fails before or after it is executed, or is executed twice. The service and its clients go on.

use handrail_testkit::{CallFilter, FaultPlan};
use tokio::task::JoinSet;

use crate::each_call::{FaultPoint, break_each_call, check_broken_calls, run_isolated};
use crate::invariants;
use crate::journeys::{self, Journey};
use crate::scenario::Scenario;
use crate::snapshot::{LOCAL_TABLE, TABLE};
use crate::webhooks;

/// Plan for the k-th call, and whether only writes are counted.
type PlannedFault = (fn(usize) -> FaultPlan, bool);

/// Reads change nothing, so only `FailBefore` counts them.
const FAULTS: [PlannedFault; 3] =
    [(FaultPlan::FailBefore, false), (FaultPlan::FailAfter, true), (FaultPlan::Duplicate, true)];

async fn check_each_failed_call(journey: &'static Journey) {
    let mut sweeps = JoinSet::new();
    for (table, calls_min) in [(TABLE, journey.calls_min), (LOCAL_TABLE, journey.local_calls_min)] {
        for (fault, writes_only) in FAULTS {
            let filter = CallFilter { table: Some(table.to_owned()), writes_only };
            let least = if writes_only { calls_min.writes } else { calls_min.total };
            sweeps.spawn(async move {
                let results = break_each_call(journey, fault, |plan| run_point(journey, filter.clone(), plan)).await;
                (table, fault(0), least, results)
            });
        }
    }
    let mut failures = Vec::new();
    for (table, fault, least, results) in sweeps.join_all().await {
        let what = format!("{}, {fault:?}, {table}", journey.name);
        println!("{what}: {} calls were broken", results.points);
        failures.extend(check_broken_calls(&what, results.points, least));
        failures.extend(results.failures);
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

async fn run_point(journey: &'static Journey, filter: CallFilter, plan: FaultPlan) -> FaultPoint {
    let mut scenario = Scenario::new(journey.backup, Some((filter, plan))).await;
    let fault_injector = scenario.server.fault_injector.clone();
    let run = run_isolated(async move {
        (journey.run)(&mut scenario).await;
        scenario
    });
    let run = run.await;
    let failed_call = fault_injector.broken();
    fault_injector.plan(TABLE, FaultPlan::LetPass);
    let checked = match run {
        Ok(scenario) => run_isolated(check_after_idle(scenario)).await,
        Err(failure) => Err(failure),
    };
    FaultPoint { failed_call, failure: checked.err() }
}

async fn check_after_idle(mut scenario: Scenario) {
    scenario.run_until_idle().await;
    invariants::check_all(&mut scenario).await;
    invariants::check_next_decision_is_mailed(&mut scenario).await;
    scenario.server.kill().await;
}

#[tokio::test]
async fn create_without_idempotency_key_sends_mail() {
    check_each_failed_call(&journeys::CREATE_WITHOUT_IDEMPOTENCY_KEY).await;
}

#[tokio::test]
async fn repeated_create_makes_one_decision() {
    check_each_failed_call(&journeys::REPEATED_CREATE).await;
}

#[tokio::test]
async fn large_decision_is_stored_and_answered() {
    check_each_failed_call(&journeys::LARGE_DECISION).await;
}

#[tokio::test]
async fn page_answer_is_recorded_once() {
    check_each_failed_call(&journeys::ANSWER_BY_PAGE).await;
}

#[tokio::test]
async fn approval_is_used_once() {
    check_each_failed_call(&journeys::CONSUMPTION).await;
}

#[tokio::test]
async fn checkpoint_is_requested_and_answered_once() {
    check_each_failed_call(&journeys::CHECKPOINT_ANSWER).await;
}

#[tokio::test]
async fn api_answer_is_recorded_once() {
    check_each_failed_call(&journeys::ANSWER_BY_API).await;
}

#[tokio::test]
async fn unanswered_decision_expires_once() {
    check_each_failed_call(&journeys::EXPIRY).await;
}

#[tokio::test]
async fn decision_escalates_once() {
    check_each_failed_call(&journeys::ESCALATION).await;
}

#[tokio::test]
async fn failed_callback_is_retried() {
    check_each_failed_call(&journeys::CALLBACK_RETRY).await;
}

#[tokio::test]
async fn revoked_key_stays_revoked() {
    check_each_failed_call(&journeys::KEY_REVOCATION).await;
}

#[tokio::test]
async fn login_link_works_once() {
    check_each_failed_call(&journeys::LOGIN).await;
}

#[tokio::test]
async fn attachments_are_stored_once() {
    check_each_failed_call(&journeys::ATTACHMENTS).await;
}

#[tokio::test]
async fn handoff_makes_each_journal_entry_once() {
    check_each_failed_call(&journeys::HANDOFF).await;
}

#[tokio::test]
async fn every_webhook_gets_each_event() {
    check_each_failed_call(&webhooks::WEBHOOK_DELIVERIES).await;
}
