//! Every operation and every worker has one binary that serves only it, and there are no other binaries.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::RequiredSetting;
use handrail_effects::EventSource;
use handrail_runner::endpoints;
use handrail_web::endpoint::Endpoint;
use handrail_workers::WORKERS;

use crate::project::{cargo_metadata, read, root};

/// Returns the source paths of the binaries in `functions/`, by name.
fn binaries() -> BTreeMap<String, String> {
    let functions = root().join("functions");
    let mut found = BTreeMap::new();
    for package in cargo_metadata()["packages"].as_array().into_iter().flatten() {
        let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let targets = package["targets"].as_array().into_iter().flatten();
        for target in targets.filter(|target| manifest.starts_with(&functions) && target["kind"][0] == "bin") {
            let source = std::path::Path::new(target["src_path"].as_str().unwrap_or_default());
            let source = source.strip_prefix(root()).expect("sources are in the repository").display().to_string();
            let name = target["name"].as_str().unwrap_or_default().to_owned();
            assert!(source.ends_with(&format!("/src/bin/{name}.rs")), "{source}");
            assert_eq!(found.insert(name, source), None, "two binaries share a name");
        }
    }
    found
}

#[test]
fn every_function_has_one_binary() {
    let in_code: BTreeSet<String> = endpoints()
        .iter()
        .map(|endpoint| endpoint.function)
        .chain(WORKERS.iter().map(|worker| worker.function))
        .map(str::to_owned)
        .collect();
    assert_eq!(binaries().into_keys().collect::<BTreeSet<_>>(), in_code);
}

/// Operations on records of every kind: the page of a link, and the buttons in Slack.
const ON_EVERY_KIND: [&str; 3] = ["decisions-page-show", "decisions-page-answer", "slack-interactions"];

#[test]
fn operation_binary_serves_its_endpoint() {
    let binaries = binaries();
    for endpoint in endpoints() {
        let source = &binaries[endpoint.function];
        let text = read(source);
        let uses_files = endpoint.required_settings.contains(&RequiredSetting::FilesBucket);
        let serves_kinds = ON_EVERY_KIND.contains(&endpoint.function);
        let (before, after) = match (serves_kinds, uses_files) {
            (false, false) => ("handrail_web::aws::serve(", "::ENDPOINT)"),
            (false, true) => ("handrail_web::aws::serve_with(", "::ENDPOINT,handrail_s3::open)"),
            (true, false) => ("handrail_web::aws::serve_kinds(", "::ENDPOINT,handrail_kinds::KIND_LIST)"),
            (true, true) => {
                ("handrail_web::aws::serve_kinds_with(", "::ENDPOINT,handrail_kinds::KIND_LIST,handrail_s3::open")
            }
        };
        let code: String = text.split_whitespace().collect();
        let operation = between(&code, before, after).expect(source);
        let (package, path) = operation.split_once("::").expect(source);
        let own_crate = package.trim_start_matches("handrail_");
        assert_eq!(endpoint.door.name, own_crate, "{source}");
        let folder = format!("functions/{own_crate}/src");
        let is_own_package = source.starts_with(&folder);
        assert_eq!(
            is_own_package,
            !uses_files && !serves_kinds,
            "{source}: functions with file access are in functions/files, those on every kind in functions/kinds"
        );
        let file = format!("{folder}/{}.rs", path.replace("::", "/"));
        assert!(read(&file).contains(&format!("function: \"{}\",", endpoint.function)), "{source} serves {file}");
        let route = format!("`{}`", route_of(&endpoint));
        assert!(text.contains(&route), "{source} does not name its route {route}");
        assert!(read(&file).starts_with(&format!("//! {route}")), "{file} does not begin with {route}");
    }
}

fn route_of(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.method.to_http(), endpoint.path)
}

#[test]
fn worker_binary_serves_its_worker() {
    let binaries = binaries();
    for worker in WORKERS {
        let source = &binaries[worker.function];
        let entry = match worker.event_source {
            EventSource::Stream => "on_stream",
            EventSource::Queue(_) => "on_messages",
            EventSource::Schedule => "on_schedule",
        };
        let name = worker.function.to_uppercase();
        let arguments = format!("handrail_workers::{name}, handrail_workers::KINDS");
        let call = match worker.required_settings.contains(&RequiredSetting::FilesBucket) {
            true => format!("handrail_effects_aws::{entry}_with({arguments}, handrail_s3::open)"),
            false => format!("handrail_effects_aws::{entry}({arguments})"),
        };
        assert!(read(source).contains(&call), "{source} does not call {call}");
        let entry = format!("pub const {name}: Worker = Worker {{\n    function: \"{}\",", worker.function);
        assert!(read("functions/workers/src/lib.rs").contains(&entry), "the constant {name} is another worker");
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
