//! Every operation and every worker has its binary, which serves it and nothing else, and there are no other binaries.

use std::collections::{BTreeMap, BTreeSet};

use handrail_effects::Trigger;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::settings::Need;
use handrail_runner::endpoints;
use handrail_workers::WORKERS;

use crate::project::{cargo_metadata, read, root};

/// Binaries of the packages in `functions/`, by name: where their source lies.
fn binaries() -> BTreeMap<String, String> {
    let functions = root().join("functions");
    let mut found = BTreeMap::new();
    for package in cargo_metadata()["packages"].as_array().into_iter().flatten() {
        let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let targets = package["targets"].as_array().into_iter().flatten();
        for target in targets.filter(|target| manifest.starts_with(&functions) && target["kind"][0] == "bin") {
            let source = std::path::Path::new(target["src_path"].as_str().unwrap_or_default());
            let source = source.strip_prefix(root()).expect("sources lie in the repository").display().to_string();
            let name = target["name"].as_str().unwrap_or_default().to_owned();
            assert!(source.ends_with(&format!("/src/bin/{name}.rs")), "{source}");
            assert_eq!(found.insert(name, source), None, "two binaries share a name");
        }
    }
    found
}

#[test]
fn there_is_one_binary_for_each_function_and_no_other() {
    let in_code: BTreeSet<String> = endpoints()
        .iter()
        .map(|endpoint| endpoint.function)
        .chain(WORKERS.iter().map(|worker| worker.function))
        .map(str::to_owned)
        .collect();
    assert_eq!(binaries().into_keys().collect::<BTreeSet<_>>(), in_code);
}

#[test]
fn the_binary_of_an_operation_serves_that_operation() {
    let binaries = binaries();
    for endpoint in endpoints() {
        let source = &binaries[endpoint.function];
        let text = read(source);
        let files = endpoint.needs.contains(&Need::FilesBucket);
        let (before, after) = match files {
            true => ("handrail_kernel::aws::serve_with(", "::ENDPOINT, handrail_s3::open)"),
            false => ("handrail_kernel::aws::serve(", "::ENDPOINT)"),
        };
        let operation = between(&text, before, after).expect(source);
        let (package, path) = operation.split_once("::").expect(source);
        let folder = format!("functions/{}/src", package.trim_start_matches("handrail_"));
        let own = source.starts_with(&folder);
        assert_eq!(own, !files, "{source}: a function that touches files lies in functions/files, and no other");
        let file = format!("{folder}/{}.rs", path.replace("::", "/"));
        assert!(read(&file).contains(&format!("function: \"{}\",", endpoint.function)), "{source} serves {file}");
        let route = format!("`{}`", route_of(&endpoint));
        assert!(text.contains(&route), "{source} does not say that it is behind {route}");
        assert!(read(&file).starts_with(&format!("//! {route}")), "{file} does not begin with {route}");
    }
}

fn route_of(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.method.http(), endpoint.path)
}

#[test]
fn the_binary_of_a_worker_serves_that_worker() {
    let binaries = binaries();
    for worker in WORKERS {
        let source = &binaries[worker.function];
        let entry = match worker.trigger {
            Trigger::Stream => "on_stream",
            Trigger::Queue(_) => "on_messages",
            Trigger::Schedule => "on_schedule",
        };
        let name = worker.function.to_uppercase();
        let arguments = format!("handrail_workers::{name}, handrail_workers::DOORS");
        let call = match worker.needs.contains(&Need::FilesBucket) {
            true => format!("handrail_effects::aws::{entry}_with({arguments}, handrail_s3::open)"),
            false => format!("handrail_effects::aws::{entry}({arguments})"),
        };
        assert!(read(source).contains(&call), "{source} does not call {call}");
        let entry = format!("pub const {name}: Worker = Worker {{\n    function: \"{}\",", worker.function);
        assert!(read("functions/workers/src/lib.rs").contains(&entry), "{name} is another worker");
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
