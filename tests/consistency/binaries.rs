//! Every crate in `functions/` has one binary, which serves the operations that the registry lists for it.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::RequiredSetting;
use handrail_runner::BINARIES;

use crate::project::{cargo_metadata, files, read, root};

#[test]
fn every_crate_of_functions_has_one_binary() {
    let functions = root().join("functions");
    let mut found = BTreeMap::new();
    for package in cargo_metadata()["packages"].as_array().into_iter().flatten() {
        let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let targets = package["targets"].as_array().into_iter().flatten();
        for target in targets.filter(|target| manifest.starts_with(&functions) && target["kind"][0] == "bin") {
            let source = std::path::Path::new(target["src_path"].as_str().unwrap_or_default());
            let source = source.strip_prefix(root()).expect("sources are in the repository").display().to_string();
            assert_eq!(found.insert(source, target["name"].as_str().unwrap_or_default()), None, "two binaries in one");
        }
    }
    let binaries = BINARIES.map(|(binary, _)| binary).into_iter().chain(["workers"]);
    let names: Vec<(String, String)> =
        binaries.map(|binary| (format!("functions/{binary}/src/main.rs"), format!("handrail-{binary}"))).collect();
    let in_code: BTreeMap<String, &str> = names.iter().map(|(source, name)| (source.clone(), name.as_str())).collect();
    assert_eq!(found, in_code);
}

/// Operations on records of every kind: the page of a link, and the buttons in Slack.
const ON_EVERY_KIND: [&str; 3] = ["decisions-page-show", "decisions-page-answer", "slack-interactions"];

#[test]
fn binary_serves_the_operations_of_its_crate() {
    let registry = read("runner/src/endpoints.rs");
    for (binary, endpoints) in BINARIES {
        let source = format!("functions/{binary}/src/main.rs");
        let text = read(&source);
        let list = between(&registry, &format!("    (\"{binary}\", "), "),\n").expect(&source);
        assert!(text.contains(&format!("Binary::new({list})")), "{source} does not serve {list}");
        let is = |needed: bool, call: &str| assert_eq!(text.contains(call), needed, "{source}: {call}");
        for endpoint in endpoints {
            let uses_files = endpoint.required_settings.contains(&RequiredSetting::FilesBucket);
            is(uses_files, ".with_blob_store(handrail_s3::open)");
            assert!(!ON_EVERY_KIND.contains(&endpoint.function) || text.contains(".with_kinds("), "{source}");
        }
        is(endpoints.iter().any(|endpoint| ON_EVERY_KIND.contains(&endpoint.function)), ".with_kinds(");
    }
}

#[test]
fn every_operation_has_a_file_in_the_crate_of_its_door() {
    let files = files();
    let mut seen = BTreeSet::new();
    for endpoint in BINARIES.into_iter().flat_map(|(_, endpoints)| endpoints) {
        let row = format!("function: \"{}\",", endpoint.function);
        let folder = format!("functions/{}/src/", endpoint.door.name);
        let of_door = files.iter().find(|(path, text)| path.starts_with(&folder) && text.contains(&row));
        let (path, text) = of_door.unwrap_or_else(|| panic!("{folder} has no {}", endpoint.function));
        assert!(seen.insert(path), "{path} has two operations");
        let route = format!("//! `{} {}`", endpoint.method.name(), endpoint.path);
        assert!(text.starts_with(&route), "{path} does not begin with {route}");
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
