//! Names in the documents exist: files, tests, endpoints and decision documents.

use std::collections::{BTreeMap, BTreeSet};

use handrail_runner::endpoints;

use crate::project::{files, read, root};

#[test]
fn decision_documents_are_numbered_consecutively() {
    let files = files();
    let names: Vec<&str> = files.keys().filter_map(|path| path.strip_prefix("docs/decisions/")).collect();
    for (index, name) in names.iter().enumerate() {
        let number = format!("{:04}-", index + 1);
        let title = name.strip_prefix(&number).and_then(|rest| rest.strip_suffix(".md"));
        let title = title.unwrap_or_else(|| panic!("{name} should be {number}title.md"));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!title.is_empty() && title.chars().all(is_plain), "{name}");
        let text = &files[&format!("docs/decisions/{name}")];
        assert!(text.starts_with("# "), "{name} has no title");
    }
    assert!(!names.is_empty());
}

#[test]
fn cited_decision_documents_exist() {
    for (path, text) in files().iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".md")) {
        for rest in text.split("docs/decisions/").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
            let name = name.trim_end_matches('.');
            let is_document = name.ends_with(".md");
            assert!(!is_document || root().join("docs/decisions").join(name).exists(), "{path} cites {name}");
        }
    }
}

/// Documents about what holds, which cite the files and tests that show it.
const CITING_DOCUMENTS: [&str; 3] = ["ARCHITECTURE.md", "SECURITY.md", "docs/security.md"];

#[test]
fn cited_files_and_tests_exist() {
    let files = files();
    let functions: BTreeSet<&str> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .flat_map(|(_, text)| text.split("fn ").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .collect();
    for document in CITING_DOCUMENTS {
        let missing = missing_citations(&files, &functions, &files[document]);
        assert!(missing.is_empty(), "{document} names missing files or tests: {missing:?}");
    }
    let cited =
        in_backticks(&files["ARCHITECTURE.md"]).into_iter().filter(|(before, name)| looks_like_a_test(before, name));
    assert!(cited.count() > 50, "ARCHITECTURE.md was not read");
}

fn missing_citations<'a>(files: &BTreeMap<String, String>, functions: &BTreeSet<&str>, text: &'a str) -> Vec<&'a str> {
    let mut missing = Vec::new();
    for (before, name) in in_backticks(text) {
        let (path, function) = match name.rsplit_once("::") {
            Some((path, function)) => (path, Some(function)),
            None => (name, None),
        };
        let exists = if looks_like_a_path(path) {
            let has_function = |function| files.get(path).is_some_and(|text| text.contains(&format!("fn {function}(")));
            root().join(path).exists() && function.is_none_or(has_function)
        } else if looks_like_a_test(before, name) {
            functions.contains(name)
        } else {
            continue;
        };
        missing.extend((!exists).then_some(name));
    }
    missing
}

const API_DOCUMENTS: [&str; 4] = ["docs/decisions-api.md", "docs/packets-api.md", "docs/audit.md", "docs/receipts.md"];

/// Each row of a promise table names the tests that verify the promise, or the reason why there is none. The attacks in
/// docs/security.md are such promises.
#[test]
fn every_promise_names_its_tests() {
    let files = files();
    let mut text = API_DOCUMENTS.map(|name| files[name].as_str()).join("\n");
    text.push('\n');
    text.push_str(&files["docs/security.md"]);
    let tests = tests(&files);
    let (mut promises, mut missing) = (0, Vec::new());
    let mut is_promise_row = false;
    for line in text.lines() {
        let Some(cells) = line.strip_prefix('|') else {
            is_promise_row = false;
            continue;
        };
        let tests_cell = cells.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
        if tests_cell == "held by" {
            is_promise_row = true;
        } else if is_promise_row && !tests_cell.starts_with("---") {
            promises += 1;
            let names: Vec<&str> = tests_cell.split('`').skip(1).step_by(2).collect();
            let unknown = names.iter().filter(|name| !tests.contains(*name));
            missing.extend(unknown.map(|name| format!("the test {name} does not exist")));
            let has_reason = tests_cell.strip_prefix("not tested: ").is_some_and(|reason| reason.len() > 10);
            if names.is_empty() && !has_reason {
                missing.push(format!("no test is named for {line}"));
            }
        }
    }
    assert!(promises > 50, "the documents were not read: {promises} rows");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_endpoint_is_documented() {
    let text = API_DOCUMENTS.map(read).join("\n");
    let names: BTreeSet<&str> =
        text.split('`').skip(1).step_by(2).map(|name| name.split('?').next().unwrap()).collect();
    for endpoint in endpoints() {
        let endpoint_name = format!("{} {}", endpoint.method.to_http(), endpoint.path);
        assert!(names.contains(endpoint_name.as_str()), "no document names {endpoint_name}");
    }
}

/// Returns the names of all tests, in Rust and Python.
fn tests(files: &BTreeMap<String, String>) -> BTreeSet<&str> {
    let begins_with = |line: &str, with: &str| line.trim_start().starts_with(with);
    let mut found = BTreeSet::new();
    for (path, text) in files {
        let mut is_test = false;
        for line in text.lines() {
            if path.ends_with(".py") && (begins_with(line, "def test_") || begins_with(line, "async def test_"))
                || path.ends_with(".rs") && is_test
            {
                let rest = line.split_once("fn ").or_else(|| line.split_once("def "));
                if let Some((_, rest)) = rest {
                    found.extend(rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next());
                    is_test = false;
                }
            }
            is_test |= begins_with(line, "#[test]") || begins_with(line, "#[tokio::test");
        }
    }
    found
}

/// Returns each name in backticks with the text before it. Fenced blocks are left out.
fn in_backticks(text: &str) -> Vec<(&str, &str)> {
    let outside = text.split("```").step_by(2);
    let pairs = outside.flat_map(|part| {
        let pieces: Vec<&str> = part.split('`').collect();
        pieces.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Returns `true` for a path like `shared/domain/src/access.rs`, not for `application/json` or
/// `events/<function>.json`.
fn looks_like_a_path(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let first = name.split('/').next().unwrap_or_default();
    name.contains('/') && name.chars().all(is_plain) && !first.is_empty() && root().join(first).exists()
        || name.ends_with(".rs") && name.contains('/')
}

/// Returns `true` for a name after the word "test", or one of at least four words: other names have fewer.
fn looks_like_a_test(before: &str, name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let follows_test = before.trim_end().to_lowercase().ends_with("test");
    let words = name.matches('_').count() + 1;
    name.chars().all(is_plain) && (follows_test && words >= 2 || words >= 4)
}
