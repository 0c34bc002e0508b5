//! The repository as the tests see it: its files, its packages, and what the code says there is.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// Made by tools, not by us.
const NOT_OURS: [&str; 5] = ["target", ".git", ".tools", ".handrail", "node_modules"];
/// Packages may need others on other platforms; those don't count.
const DEPLOYED_TO: &str = "aarch64-unknown-linux-gnu";
const FOLDERS_DEEP_MAX: usize = 12;

pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("this package lies two folders deep").to_owned()
}

#[track_caller]
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of the repository by its path, with its text; files that are not text are left out.
pub(crate) fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(&root(), "", FOLDERS_DEEP_MAX, &mut found);
    assert!(found.len() > 100, "the repository was not found");
    found
}

fn gather(folder: &Path, name: &str, depth_left: usize, found: &mut BTreeMap<String, String>) {
    assert!(depth_left > 0, "{name} lies too deep");
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read");
        let file_name = entry.file_name().into_string().expect("names are text");
        let path = if name.is_empty() { file_name.clone() } else { format!("{name}/{file_name}") };
        let kind = entry.file_type().expect("a file has a type");
        if kind.is_dir() && !NOT_OURS.contains(&file_name.as_str()) {
            gather(&entry.path(), &path, depth_left - 1, found);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(entry.path())
        {
            found.insert(path, text);
        }
    }
}

/// What `cargo metadata` says about the workspace and everything that it is built from, for the machine that runs it.
pub(crate) fn cargo_metadata() -> &'static Value {
    static METADATA: LazyLock<Value> = LazyLock::new(ask_cargo);
    &METADATA
}

fn ask_cargo() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", DEPLOYED_TO])
        .current_dir(root())
        .output();
    let run = run.expect("cargo can be run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).expect("cargo writes JSON")
}

/// Fails with the entries that differ, and with nothing else.
#[track_caller]
pub(crate) fn assert_same<T: PartialEq + Debug>(
    what: &str,
    in_code: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) {
    let mut wrong = Vec::new();
    for (name, expected) in in_code {
        match found.get(name) {
            None => wrong.push(format!("{name} is missing: {expected:?}")),
            Some(actual) if actual != expected => {
                wrong.push(format!("{name} differs:\n  the code says {expected:#?}\n  found         {actual:#?}"));
            }
            Some(_) => {}
        }
    }
    wrong.extend(
        found
            .iter()
            .filter(|(name, _)| !in_code.contains_key(*name))
            .map(|(name, extra)| format!("{name} is extra: {extra:?}")),
    );
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

/// `decisions-page-show` is `DecisionsPageShow` where names may hold letters only.
pub(crate) fn pascal_case(name: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    name.split('-').map(capitalised).collect()
}
