//! One call to the database fails before it is done, after it is done, or is done twice; everybody goes on.

use handrail_testkit::{Counted, Plan};
use tokio::task::JoinSet;

use crate::evidence::{LOCAL_TABLE, TABLE};
use crate::hooks;
use crate::journeys::{self, Journey};
use crate::laws;
use crate::scene::Scene;
use crate::sweep::{Point, apart, sweep};

/// A plan for the k-th call, and whether only writes count for it.
type Fault = (fn(usize) -> Plan, bool);

/// Reading twice is reading, and a read that is lost after it was done is a read that was not done.
const FAULTS: [Fault; 3] = [(Plan::FailBefore, false), (Plan::FailAfter, true), (Plan::Twice, true)];

async fn holds_whatever_call_breaks(journey: &'static Journey) {
    let mut sweeps = JoinSet::new();
    for (table, calls_min) in [TABLE, LOCAL_TABLE].into_iter().zip(journey.calls_min) {
        for (fault, writes_only) in FAULTS {
            let counted = Counted { table: Some(table.to_owned()), writes_only };
            sweeps.spawn(async move {
                let swept = sweep(journey, fault, |plan| point(journey, counted.clone(), plan)).await;
                let least = if writes_only { calls_min.writes } else { calls_min.all };
                (table, fault(0), least, swept)
            });
        }
    }
    let mut failures = Vec::new();
    for (table, fault, least, swept) in sweeps.join_all().await {
        println!("{}: {fault:?} at {} calls to {table}", journey.name, swept.points);
        assert!(swept.points >= least, "{}: only {} calls to {table} were broken", journey.name, swept.points);
        failures.extend(swept.failures);
    }
    assert!(failures.is_empty(), "{} laws did not hold:\n{}", failures.len(), failures.join("\n"));
}

async fn point(journey: &'static Journey, counted: Counted, plan: Plan) -> Point {
    let mut scene = Scene::new(journey.backup, Some((counted, plan))).await;
    let meter = scene.world.meter.clone();
    let walked = apart(async move {
        (journey.walk)(&mut scene).await;
        scene
    });
    let walked = walked.await;
    let broken = meter.broken();
    meter.plan(TABLE, Plan::LetPass);
    let checked = match walked {
        Ok(scene) => apart(rest_and_check(scene)).await,
        Err(failure) => Err(failure),
    };
    Point { broken, failure: checked.err() }
}

async fn rest_and_check(mut scene: Scene) {
    scene.come_to_rest().await;
    laws::check(&mut scene).await;
    laws::another_decision_is_mailed(&mut scene).await;
    scene.world.kill().await;
}

#[tokio::test]
async fn an_unnamed_ask_is_mailed() {
    holds_whatever_call_breaks(&journeys::UNNAMED).await;
}

#[tokio::test]
async fn a_repeated_ask_is_one_decision() {
    holds_whatever_call_breaks(&journeys::REPEATED).await;
}

#[tokio::test]
async fn a_large_ask_is_kept_and_answered() {
    holds_whatever_call_breaks(&journeys::LARGE).await;
}

#[tokio::test]
async fn an_answer_from_the_page_counts_once() {
    holds_whatever_call_breaks(&journeys::BY_PAGE).await;
}

#[tokio::test]
async fn a_packets_person_is_asked_and_answers_once() {
    holds_whatever_call_breaks(&journeys::CHECKPOINT).await;
}

#[tokio::test]
async fn an_answer_by_api_counts_once() {
    holds_whatever_call_breaks(&journeys::BY_API).await;
}

#[tokio::test]
async fn a_decision_that_nobody_answers_expires_once() {
    holds_whatever_call_breaks(&journeys::EXPIRES).await;
}

#[tokio::test]
async fn a_decision_goes_on_to_the_backup_once() {
    holds_whatever_call_breaks(&journeys::ESCALATES).await;
}

#[tokio::test]
async fn a_callback_that_failed_is_made_again() {
    holds_whatever_call_breaks(&journeys::CALLED_TWICE).await;
}

#[tokio::test]
async fn a_revoked_key_stays_revoked() {
    holds_whatever_call_breaks(&journeys::REVOKED).await;
}

#[tokio::test]
async fn a_link_signs_in_once_whatever_call_breaks() {
    holds_whatever_call_breaks(&journeys::SIGNS_IN).await;
}

#[tokio::test]
async fn files_come_once_and_stay() {
    holds_whatever_call_breaks(&journeys::ATTACHED).await;
}

#[tokio::test]
async fn what_is_handed_over_is_told_once() {
    holds_whatever_call_breaks(&journeys::HANDED_OVER).await;
}

#[tokio::test]
async fn every_hook_is_told_whatever_call_breaks() {
    holds_whatever_call_breaks(&hooks::TOLD).await;
}
