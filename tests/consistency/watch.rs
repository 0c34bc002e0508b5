//! The routes of `cargo lambda watch` in the root `Cargo.toml` lead to the binary that serves the operation.

use std::collections::{BTreeMap, BTreeSet};

use handrail_runner::BINARIES;
use serde_json::Value;

use crate::project::{assert_same, cargo_metadata};

#[test]
fn cargo_lambda_watch_routes_to_every_operation() {
    let metadata = cargo_metadata();
    let router =
        metadata["metadata"]["lambda"]["watch"]["router"].as_object().expect("the root Cargo.toml has a router");
    let (mut in_code, mut found, mut used) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for (binary, endpoints) in BINARIES {
        for endpoint in endpoints {
            let name = format!("{} {}", endpoint.method.name(), endpoint.path);
            in_code.insert(name.clone(), format!("handrail-{binary}"));
            let matching = router.keys().filter_map(|route| Some((specificity(route, endpoint.path)?, route)));
            let Some((_, route)) = matching.max() else { continue };
            let target = match &router[route] {
                Value::Array(methods) => {
                    let of_method = methods.iter().find(|target| target["method"] == endpoint.method.name());
                    used.insert(format!("{} {route}", endpoint.method.name()));
                    of_method.and_then(|target| target["function"].as_str())
                }
                target => {
                    used.insert(route.clone());
                    target.as_str()
                }
            };
            found.insert(name, target.unwrap_or_default().to_owned());
        }
    }
    assert_same("routes of cargo lambda watch", &in_code, &found);
    let all = router.iter().flat_map(|(route, target)| match target {
        Value::Array(methods) => {
            methods.iter().map(|target| format!("{} {route}", target["method"].as_str().unwrap_or_default())).collect()
        }
        _ => vec![route.clone()],
    });
    assert_eq!(used, all.collect(), "a route serves no operation");
}

/// How a segment of a route matches. A router prefers the greater.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Rest,
    Parameter,
    Literal,
}

/// Returns how each segment of the route matches the path, or `None` if the route does not match.
fn specificity(route: &str, path: &str) -> Option<Vec<Match>> {
    let mut path = path.split('/').skip(1);
    let mut matches = Vec::new();
    for segment in route.split('/').skip(1) {
        let literal = path.next()?;
        if segment.starts_with("{*") {
            matches.push(Match::Rest);
            return Some(matches);
        }
        match (segment.starts_with('{'), segment == literal) {
            (true, _) => matches.push(Match::Parameter),
            (false, true) => matches.push(Match::Literal),
            (false, false) => return None,
        }
    }
    path.next().is_none().then_some(matches)
}
