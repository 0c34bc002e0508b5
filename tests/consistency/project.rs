//! Access to the repository's files and packages.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// Directories of tools and of their output.
const IGNORED_FOLDERS: [&str; 6] = ["target", ".aws-sam", ".git", ".tools", ".handrail", "node_modules"];
/// Target platform of the dependency check; dependencies of other platforms are left out.
const TARGET_PLATFORM: &str = "aarch64-unknown-linux-gnu";
const MAX_FOLDER_DEPTH: usize = 12;

pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("this package is in a folder of the project").to_owned()
}

#[track_caller]
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the text of every file by path. Files that are not UTF-8 are left out.
pub(crate) fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(&root(), "", MAX_FOLDER_DEPTH, &mut found);
    assert!(found.len() > 100, "the repository was not found");
    found
}

fn gather(folder: &Path, name: &str, depth_left: usize, found: &mut BTreeMap<String, String>) {
    assert!(depth_left > 0, "{name} is nested too deep");
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read");
        let file_name = entry.file_name().into_string().expect("names are text");
        let path = if name.is_empty() { file_name.clone() } else { format!("{name}/{file_name}") };
        let kind = entry.file_type().expect("a file has a type");
        if kind.is_dir() && !IGNORED_FOLDERS.contains(&file_name.as_str()) {
            gather(&entry.path(), &path, depth_left - 1, found);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(entry.path())
        {
            found.insert(path, text);
        }
    }
}

/// Returns the output of `cargo metadata` for the workspace and its dependencies, on the target platform.
pub(crate) fn cargo_metadata() -> &'static Value {
    static METADATA: LazyLock<Value> = LazyLock::new(read_cargo_metadata);
    &METADATA
}

fn read_cargo_metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", TARGET_PLATFORM])
        .current_dir(root())
        .output();
    let output = output.expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// Asserts that both maps are equal. The panic message lists only the differences.
#[track_caller]
pub(crate) fn assert_same<T: PartialEq + Debug>(
    what: &str,
    in_code: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) {
    let mut differences = Vec::new();
    for (name, expected) in in_code {
        match found.get(name) {
            None => differences.push(format!("{name} is missing: {expected:?}")),
            Some(actual) if actual != expected => {
                differences
                    .push(format!("{name} differs:\n  the code says {expected:#?}\n  found         {actual:#?}"));
            }
            Some(_) => {}
        }
    }
    differences.extend(
        found
            .iter()
            .filter(|(name, _)| !in_code.contains_key(*name))
            .map(|(name, extra)| format!("{name} is extra: {extra:?}")),
    );
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

/// Converts `decisions-page-show` to `DecisionsPageShow`, for names that allow letters only.
pub(crate) fn pascal_case(name: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    name.split('-').map(capitalised).collect()
}
