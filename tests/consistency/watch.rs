//! The routes of `cargo lambda watch` in the root `Cargo.toml` match the registry.

use std::collections::BTreeMap;

use handrail_runner::endpoints;

use crate::project::{assert_same, cargo_metadata};

#[test]
fn cargo_lambda_watch_routes_to_every_operation() {
    let in_code: BTreeMap<String, String> = endpoints()
        .into_iter()
        .map(|endpoint| (format!("{} {}", endpoint.method.to_http(), endpoint.path), endpoint.function.to_owned()))
        .collect();
    let metadata = cargo_metadata();
    let router =
        metadata["metadata"]["lambda"]["watch"]["router"].as_object().expect("the root Cargo.toml has a router");
    let mut found = BTreeMap::new();
    for (path, routes) in router {
        for route in routes.as_array().expect("a path lists its methods") {
            let (method, function) = (route["method"].as_str(), route["function"].as_str());
            let name = format!("{} {path}", method.expect("a route has a method"));
            assert_eq!(found.insert(name, function.expect("a route has a function").to_owned()), None);
        }
    }
    assert_same("routes of cargo lambda watch", &in_code, &found);
}
