//! `infra/` holds a nested stack for each binary in `functions/`, generated here from the registry: functions, roles,
//! routes and permissions. One more holds the secrets of the functions. After a change of the registry,
//! `HANDRAIL_UPDATE=1 cargo test --workspace --test consistency nested_stacks` rewrites the files.

mod parameters;
mod secrets_stack;
mod statements;
mod writer;

use std::collections::BTreeMap;

use handrail_effects::WORKERS;
use handrail_runner::BINARIES;

use crate::project::{assert_same, files, root};
use secrets_stack::secrets_stack;
use writer::{operations_stack, workers_stack};

const FOLDER: &str = "infra/";

#[test]
fn nested_stacks_are_current() {
    let files = files();
    let mut in_code: BTreeMap<String, String> = BINARIES
        .iter()
        .map(|(binary, endpoints)| (file_name(binary), operations_stack(binary, endpoints, &files)))
        .collect();
    in_code.insert(file_name("workers"), workers_stack(WORKERS));
    in_code.insert(file_name("secrets"), secrets_stack());
    if std::env::var_os("HANDRAIL_UPDATE").is_some() {
        for (name, text) in &in_code {
            std::fs::write(root().join(FOLDER).join(name), text).unwrap();
        }
    }
    let found = in_infra(crate::project::files());
    let stale: Vec<&String> =
        in_code.iter().filter(|(name, text)| found.get(*name) != Some(*text)).map(|(n, _)| n).collect();
    assert!(stale.is_empty(), "HANDRAIL_UPDATE=1 rewrites {stale:?} in {FOLDER}");
    let names = |files: &BTreeMap<String, String>| files.keys().map(|name| (name.clone(), ())).collect();
    assert_same("files in infra/", &names(&in_code), &names(&found));
}

fn file_name(binary: &str) -> String {
    format!("{binary}.yaml")
}

fn in_infra(files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    files.into_iter().filter_map(|(path, text)| Some((path.strip_prefix(FOLDER)?.to_owned(), text))).collect()
}
