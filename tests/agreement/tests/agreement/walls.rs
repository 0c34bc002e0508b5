//! The walls between the crates: who may be built from whom, however many steps away.

use std::collections::{BTreeMap, BTreeSet};

use handrail_kernel::endpoint::{Endpoint, Touch};
use handrail_runner::endpoints;
use serde_json::Value;

use crate::project::cargo_metadata;

/// What each package of the workspace is built from, all the way down. Tools of a package's tests don't count.
struct Walls {
    built_from: BTreeMap<String, BTreeSet<String>>,
}

impl Walls {
    fn read() -> Self {
        let metadata = cargo_metadata();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names: BTreeMap<String, String> =
            list(&metadata["packages"]).iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
        let direct: BTreeMap<String, Vec<String>> = list(&metadata["resolve"]["nodes"])
            .iter()
            .map(|node| {
                let deps = list(&node["deps"]);
                let built_in = |dep: &&Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
                (text(&node["id"]), deps.iter().filter(built_in).map(|dep| text(&dep["pkg"])).collect())
            })
            .collect();
        let members = list(&metadata["workspace_members"]);
        let built_from = members.iter().map(|member| {
            let mut reached = BTreeSet::new();
            let mut open = direct[&text(member)].clone();
            while let Some(id) = open.pop() {
                if reached.insert(id.clone()) {
                    open.extend(direct[&id].iter().cloned());
                }
            }
            (names[&text(member)].clone(), reached.iter().map(|id| names[id].clone()).collect())
        });
        Self { built_from: built_from.collect() }
    }

    #[track_caller]
    fn keep(&self, package: &str, out: &[&str]) {
        let built_from = &self.built_from[package];
        let inside: Vec<_> = built_from.iter().filter(|name| out.iter().any(|out| matches(name, out))).collect();
        assert!(inside.is_empty(), "{package} is built from {inside:?}");
    }
}

/// `aws-*` is every name that begins so.
fn matches(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[test]
fn the_domain_knows_no_runtime_no_network_and_no_aws() {
    let out = ["tokio", "tokio-*", "futures*", "axum*", "http", "http-*", "hyper*", "aws*", "lambda*", "tracing*"];
    Walls::read().keep("handrail-domain", &out);
    Walls::read().keep("handrail-domain", &["handrail-*"]);
}

#[test]
fn the_kernel_talks_to_dynamodb_and_nothing_else() {
    let out = ["aws-sdk-sqs", "aws-sdk-ses*", "aws-sdk-scheduler", "aws-sdk-s3", "dynoxide*", "reqwest"];
    Walls::read().keep("handrail-kernel", &out);
    Walls::read()
        .keep("handrail-kernel", &["handrail-effects", "handrail-engine", "handrail-decisions", "handrail-workers"]);
}

/// Doors that ask people share it, so it knows none of them.
#[test]
fn what_asks_people_knows_no_door() {
    let doors = ["handrail-decisions", "handrail-packets", "handrail-routes", "handrail-slack", "handrail-workers"];
    Walls::read().keep("handrail-asking", &doors);
    // An agent's packet is handed over without any of the decisions' door.
    Walls::read().keep("handrail-packets", &["handrail-decisions", "handrail-slack"]);
}

#[test]
fn an_operation_sends_nothing() {
    let out =
        ["handrail-effects", "handrail-engine", "handrail-workers", "aws-sdk-sqs", "aws-sdk-ses*", "aws-sdk-scheduler"];
    Walls::read().keep("handrail-asking", &out);
    Walls::read().keep("handrail-decisions", &out);
    Walls::read().keep("handrail-packets", &out);
    Walls::read().keep("handrail-routes", &out);
}

#[test]
fn only_slacks_operations_can_call_slack_and_they_send_nothing_else() {
    let walls = Walls::read();
    for package in ["handrail-kernel", "handrail-asking", "handrail-decisions", "handrail-packets", "handrail-routes"] {
        walls.keep(package, &["handrail-sender", "handrail-slack-api", "handrail-slack"]);
    }
    let out =
        ["handrail-effects", "handrail-workers", "aws-sdk-sqs", "aws-sdk-ses*", "aws-sdk-scheduler", "aws-sdk-s3"];
    walls.keep("handrail-slack", &out);
    // The client is told everything; it reads no table and knows no record.
    walls.keep("handrail-slack-api", &["handrail-kernel", "handrail-effects", "aws-*"]);
    let named = |endpoint: &Endpoint| endpoint.touches.contains(&Touch::CallSlack);
    let called = endpoints().into_iter().filter(named).map(|endpoint| endpoint.function);
    assert_eq!(called.collect::<Vec<_>>(), ["slack-oauth-callback", "slack-interactions"]);
}

#[test]
fn only_the_functions_that_touch_files_are_built_from_s3s_client() {
    let walls = Walls::read();
    for package in ["domain", "kernel", "sender", "slack-api", "effects", "decisions", "slack", "workers"] {
        walls.keep(&format!("handrail-{package}"), &["handrail-s3", "handrail-files", "aws-sdk-s3"]);
    }
    walls.keep("handrail-s3", &["handrail-effects", "handrail-decisions", "handrail-workers"]);
}

#[test]
fn effects_know_no_operation() {
    Walls::read().keep(
        "handrail-effects",
        &[
            "handrail-decisions",
            "handrail-packets",
            "handrail-routes",
            "handrail-slack",
            "handrail-workers",
            "handrail-engine",
            "handrail-runner",
        ],
    );
}

#[test]
fn what_runs_on_aws_is_built_without_the_embedded_engine() {
    let walls = Walls::read();
    let packages = [
        "domain",
        "kernel",
        "sender",
        "slack-api",
        "asking",
        "effects",
        "decisions",
        "packets",
        "routes",
        "slack",
        "workers",
    ];
    for package in packages.map(|name| format!("handrail-{name}")) {
        walls.keep(&package, &["handrail-engine", "handrail-runner", "handrail-testkit", "dynoxide*"]);
    }
}
