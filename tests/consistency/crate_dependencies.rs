//! Allowed dependencies between the crates, direct and transitive.

use std::collections::{BTreeMap, BTreeSet};

use handrail_runner::endpoints;
use handrail_web::endpoint::{DataAccess, Endpoint};
use serde_json::Value;

use crate::project::cargo_metadata;

/// Transitive dependencies of each package of the workspace, without dev-dependencies.
struct DependencyGraph {
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

impl DependencyGraph {
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
        let dependencies = members.iter().map(|member| {
            let mut visited = BTreeSet::new();
            let mut pending = direct[&text(member)].clone();
            while let Some(id) = pending.pop() {
                if visited.insert(id.clone()) {
                    pending.extend(direct[&id].iter().cloned());
                }
            }
            (names[&text(member)].clone(), visited.iter().map(|id| names[id].clone()).collect())
        });
        Self { dependencies: dependencies.collect() }
    }

    #[track_caller]
    fn assert_excludes(&self, package: &str, forbidden: &[&str]) {
        let dependencies = &self.dependencies[package];
        let found: Vec<_> =
            dependencies.iter().filter(|name| forbidden.iter().any(|forbidden| matches(name, forbidden))).collect();
        assert!(found.is_empty(), "{package} is built from {found:?}");
    }
}

/// Matches a package name. A trailing `*` matches any ending.
fn matches(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[test]
fn domain_depends_on_no_runtime_network_or_aws() {
    let forbidden =
        ["tokio", "tokio-*", "futures*", "axum*", "http", "http-*", "hyper*", "aws*", "lambda*", "tracing*"];
    DependencyGraph::read().assert_excludes("handrail-domain", &forbidden);
    DependencyGraph::read().assert_excludes("handrail-domain", &["handrail-*"]);
}

/// The crates that all doors share, lowest first. Each depends only on those before it.
const SHARED: [&str; 9] =
    ["domain", "platform", "store", "secrets", "context", "records", "access", "packet-records", "web"];

#[test]
fn shared_crates_depend_on_lower_crates_only() {
    let graph = DependencyGraph::read();
    let others = [
        "audit",
        "decisions",
        "docs",
        "files",
        "kinds",
        "packets",
        "routes",
        "slack",
        "workers",
        "approvals",
        "effects",
        "effects-aws",
        "engine",
        "runner",
    ];
    for (level, name) in SHARED.iter().enumerate() {
        let forbidden: Vec<String> =
            SHARED[level + 1..].iter().chain(&others).map(|above| format!("handrail-{above}")).collect();
        let forbidden: Vec<&str> = forbidden.iter().map(String::as_str).collect();
        graph.assert_excludes(&format!("handrail-{name}"), &forbidden);
    }
}

#[test]
fn crates_below_web_depend_on_no_http_framework() {
    let graph = DependencyGraph::read();
    for name in SHARED.iter().filter(|name| **name != "web") {
        graph.assert_excludes(&format!("handrail-{name}"), &["axum*", "lambda*"]);
    }
}

#[test]
fn shared_crates_depend_on_dynamodb_client_only() {
    let graph = DependencyGraph::read();
    let forbidden = ["aws-sdk-sqs", "aws-sdk-ses*", "aws-sdk-scheduler", "aws-sdk-s3", "dynoxide*", "reqwest"];
    for name in SHARED {
        graph.assert_excludes(&format!("handrail-{name}"), &forbidden);
    }
}

/// The doors share `handrail-approvals`, so it depends on none of them.
#[test]
fn approvals_depend_on_no_door() {
    let graph = DependencyGraph::read();
    graph.assert_excludes("handrail-approvals", &DOORS);
    graph.assert_excludes("handrail-approvals", &ABOVE_DOORS);
}

const DOORS: [&str; 6] =
    ["handrail-audit", "handrail-decisions", "handrail-docs", "handrail-packets", "handrail-routes", "handrail-slack"];
/// Crates that know several doors.
const ABOVE_DOORS: [&str; 4] = ["handrail-kinds", "handrail-workers", "handrail-files", "handrail-runner"];

/// What several doors need is in a shared crate, or is asked of the record's kind.
#[test]
fn no_door_depends_on_another() {
    let graph = DependencyGraph::read();
    for door in DOORS {
        let others: Vec<&str> = DOORS.into_iter().filter(|other| *other != door).chain(ABOVE_DOORS).collect();
        graph.assert_excludes(door, &others);
    }
}

#[test]
fn operations_depend_on_no_delivery_crate() {
    let forbidden =
        ["handrail-effects", "handrail-engine", "handrail-workers", "aws-sdk-sqs", "aws-sdk-ses*", "aws-sdk-scheduler"];
    let graph = DependencyGraph::read();
    for package in ["approvals", "audit", "decisions", "docs", "packets", "routes", "kinds", "files"] {
        graph.assert_excludes(&format!("handrail-{package}"), &forbidden);
    }
}

#[test]
fn only_slack_operations_call_slack() {
    let graph = DependencyGraph::read();
    for package in [
        "handrail-web",
        "handrail-records",
        "handrail-approvals",
        "handrail-audit",
        "handrail-decisions",
        "handrail-docs",
        "handrail-packets",
        "handrail-routes",
    ] {
        graph.assert_excludes(package, &["handrail-sender", "handrail-slack-api", "handrail-slack"]);
    }
    let forbidden =
        ["handrail-effects", "handrail-workers", "aws-sdk-sqs", "aws-sdk-ses*", "aws-sdk-scheduler", "aws-sdk-s3"];
    graph.assert_excludes("handrail-slack", &forbidden);
    // The API client takes all data as arguments: it reads no table and depends on no record type.
    graph.assert_excludes("handrail-slack-api", &["handrail-store", "handrail-context", "handrail-effects", "aws-*"]);
    let calls_slack = |endpoint: &Endpoint| endpoint.accesses.contains(&DataAccess::CallSlack);
    let called = endpoints().into_iter().filter(calls_slack).map(|endpoint| endpoint.function);
    assert_eq!(called.collect::<Vec<_>>(), ["slack-interactions", "slack-oauth-callback"]);
}

#[test]
fn only_file_functions_depend_on_s3() {
    let graph = DependencyGraph::read();
    for package in SHARED.into_iter().chain([
        "sender",
        "slack-api",
        "effects",
        "effects-aws",
        "audit",
        "decisions",
        "docs",
        "packets",
        "slack",
        "kinds",
    ]) {
        graph.assert_excludes(&format!("handrail-{package}"), &["handrail-s3", "handrail-files", "aws-sdk-s3"]);
    }
    graph.assert_excludes("handrail-s3", &["handrail-effects", "handrail-decisions", "handrail-workers"]);
}

#[test]
fn effects_depend_on_no_operation() {
    DependencyGraph::read().assert_excludes(
        "handrail-effects",
        &[
            "handrail-audit",
            "handrail-decisions",
            "handrail-docs",
            "handrail-docs",
            "handrail-packets",
            "handrail-routes",
            "handrail-slack",
            "handrail-kinds",
            "handrail-workers",
            "handrail-engine",
            "handrail-runner",
        ],
    );
}

#[test]
fn lambda_crates_exclude_embedded_engine() {
    let graph = DependencyGraph::read();
    let packages = SHARED.into_iter().chain([
        "sender",
        "slack-api",
        "approvals",
        "effects",
        "effects-aws",
        "audit",
        "decisions",
        "docs",
        "packets",
        "routes",
        "slack",
        "kinds",
        "files",
        "workers",
    ]);
    for package in packages.map(|name| format!("handrail-{name}")) {
        graph.assert_excludes(&package, &["handrail-engine", "handrail-runner", "handrail-testkit", "dynoxide*"]);
    }
}
