//! The process ends at some call to the database, before that call is done or right after it. It is started again on the
//! same data: at first nobody comes back to it, then everybody does and repeats what they were at.

use handrail_testkit::{Counted, Plan};
use tokio::task::JoinSet;

use crate::hooks;
use crate::journeys::{self, Journey};
use crate::laws;
use crate::scene::Scene;
use crate::sweep::{Point, apart, sweep};

/// A plan for the k-th call, and whether only writes count for it.
type Fault = (fn(usize) -> Plan, bool);

/// After a call that only reads nothing is other than before it.
const DEATHS: [Fault; 2] = [(Plan::DieBefore, false), (Plan::DieAfter, true)];

async fn holds_wherever_the_process_dies(journey: &'static Journey) {
    let mut sweeps = JoinSet::new();
    for (death, writes_only) in DEATHS {
        let counted = Counted { table: None, writes_only };
        sweeps.spawn(async move {
            let swept = sweep(journey, death, |plan| point(journey, counted.clone(), plan)).await;
            let least = journey.calls_min.map(|min| if writes_only { min.writes } else { min.all });
            (death(0), least.into_iter().sum::<usize>(), swept)
        });
    }
    let mut failures = Vec::new();
    for (death, least, swept) in sweeps.join_all().await {
        println!("{}: {death:?} at {} calls", journey.name, swept.points);
        assert!(swept.points >= least, "{}: the process died only {} times", journey.name, swept.points);
        failures.extend(swept.failures);
    }
    assert!(failures.is_empty(), "{} laws did not hold:\n{}", failures.len(), failures.join("\n"));
}

async fn point(journey: &'static Journey, counted: Counted, plan: Plan) -> Point {
    let mut scene = Scene::new(journey.backup, Some((counted, plan))).await;
    let meter = scene.world.meter.clone();
    let died = meter.clone();
    let walked = apart(async move {
        tokio::select! {
            () = (journey.walk)(&mut scene) => {}
            () = died.died() => {}
        }
        scene
    });
    let lived_on = match walked.await {
        Ok(scene) if meter.fired() => apart(live_on(journey, scene)).await,
        // It never died: `broken_calls` is about that.
        Ok(_) => Ok(()),
        Err(failure) => Err(failure),
    };
    Point { broken: meter.broken(), failure: lived_on.err() }
}

async fn live_on(journey: &Journey, scene: Scene) {
    let mut scene = scene.restarted().await;
    scene.come_to_rest().await;
    laws::check(&mut scene).await;
    (journey.walk)(&mut scene).await;
    scene.come_to_rest().await;
    laws::check(&mut scene).await;
    scene.world.kill().await;
}

#[tokio::test]
async fn an_ask_with_its_answer_survives() {
    holds_wherever_the_process_dies(&journeys::LARGE).await;
}

#[tokio::test]
async fn a_packets_question_with_its_answer_survives() {
    holds_wherever_the_process_dies(&journeys::CHECKPOINT).await;
}

#[tokio::test]
async fn timers_and_the_backup_survive() {
    holds_wherever_the_process_dies(&journeys::ESCALATES).await;
}

#[tokio::test]
async fn retries_survive() {
    holds_wherever_the_process_dies(&journeys::CALLED_TWICE).await;
}

#[tokio::test]
async fn signing_in_survives() {
    holds_wherever_the_process_dies(&journeys::SIGNS_IN).await;
}

#[tokio::test]
async fn files_survive() {
    holds_wherever_the_process_dies(&journeys::ATTACHED).await;
}

#[tokio::test]
async fn the_feed_survives() {
    holds_wherever_the_process_dies(&journeys::HANDED_OVER).await;
}

#[tokio::test]
async fn what_hooks_are_told_survives() {
    holds_wherever_the_process_dies(&hooks::TOLD).await;
}
