//! The documents name things that exist: a reader who follows a name finds what it says.

use std::collections::{BTreeMap, BTreeSet};

use handrail_runner::endpoints;

use crate::project::{files, read, root};

#[test]
fn decisions_are_numbered_in_a_row_and_named_by_their_title() {
    let files = files();
    let names: Vec<&str> = files.keys().filter_map(|path| path.strip_prefix("docs/decisions/")).collect();
    for (at, name) in names.iter().enumerate() {
        let number = format!("{:04}-", at + 1);
        let title = name.strip_prefix(&number).and_then(|rest| rest.strip_suffix(".md"));
        let title = title.unwrap_or_else(|| panic!("{name} should be {number}title.md"));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!title.is_empty() && title.chars().all(plain), "{name}");
        let text = &files[&format!("docs/decisions/{name}")];
        assert!(text.starts_with("# "), "{name} has no title");
    }
    assert!(!names.is_empty());
}

#[test]
fn decisions_that_are_cited_exist() {
    for (path, text) in files().iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".md")) {
        for rest in text.split("docs/decisions/").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
            let name = name.trim_end_matches('.');
            let cited = name.ends_with(".md");
            assert!(!cited || root().join("docs/decisions").join(name).exists(), "{path} cites {name}");
        }
    }
}

#[test]
fn the_architecture_names_files_and_tests_that_exist() {
    let files = files();
    let Some(text) = files.get("ARCHITECTURE.md") else { return };
    let functions: BTreeSet<&str> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .flat_map(|(_, text)| text.split("fn ").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .collect();
    let (mut followed, mut missing) = (0, Vec::new());
    for (before, name) in in_backticks(text) {
        let (place, function) = match name.rsplit_once("::") {
            Some((place, function)) => (place, Some(function)),
            None => (name, None),
        };
        let exists = if looks_like_a_path(place) {
            let holds = |function| files.get(place).is_some_and(|text| text.contains(&format!("fn {function}(")));
            root().join(place).exists() && function.is_none_or(holds)
        } else if looks_like_a_test(before, name) {
            functions.contains(name)
        } else {
            continue;
        };
        followed += 1;
        missing.extend((!exists).then_some(name));
    }
    assert!(followed > 0, "ARCHITECTURE.md names no file and no test");
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
}

const API_DOCUMENTS: [&str; 2] = ["docs/decisions-api.md", "docs/packets-api.md"];

/// What users are promised: each row of a table names the tests that hold it, or says in words why none does.
#[test]
fn every_promise_of_the_api_names_its_tests_or_says_why_there_is_none() {
    let files = files();
    let text = API_DOCUMENTS.map(|name| files[name].as_str()).join("\n");
    let tests = tests(&files);
    let (mut promises, mut missing) = (0, Vec::new());
    let mut holds = false;
    for line in text.lines() {
        let Some(cells) = line.strip_prefix('|') else {
            holds = false;
            continue;
        };
        let held_by = cells.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
        if held_by == "held by" {
            holds = true;
        } else if holds && !held_by.starts_with("---") {
            promises += 1;
            let named: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
            let unknown = named.iter().filter(|name| !tests.contains(*name));
            missing.extend(unknown.map(|name| format!("no test is called {name}")));
            let says_why = held_by.strip_prefix("not tested: ").is_some_and(|why| why.len() > 10);
            if named.is_empty() && !says_why {
                missing.push(format!("nothing holds {line}"));
            }
        }
    }
    assert!(promises > 50, "the documents were not read: {promises} rows");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_address_is_one_of_the_documents() {
    let text = API_DOCUMENTS.map(read).join("\n");
    let named: BTreeSet<&str> =
        text.split('`').skip(1).step_by(2).map(|name| name.split('?').next().unwrap()).collect();
    for endpoint in endpoints() {
        let address = format!("{} {}", endpoint.method.http(), endpoint.path);
        assert!(named.contains(address.as_str()), "no document tells of {address}");
    }
}

/// Every test by its name, in Rust and in Python.
fn tests(files: &BTreeMap<String, String>) -> BTreeSet<&str> {
    let begins = |line: &str, with: &str| line.trim_start().starts_with(with);
    let mut found = BTreeSet::new();
    for (path, text) in files {
        let mut marked = false;
        for line in text.lines() {
            if path.ends_with(".py") && (begins(line, "def test_") || begins(line, "async def test_"))
                || path.ends_with(".rs") && marked
            {
                let rest = line.split_once("fn ").or_else(|| line.split_once("def "));
                if let Some((_, rest)) = rest {
                    found.extend(rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next());
                    marked = false;
                }
            }
            marked |= begins(line, "#[test]") || begins(line, "#[tokio::test");
        }
    }
    found
}

/// Each name with the text before it. Code blocks between fences are drawings, not names.
fn in_backticks(text: &str) -> Vec<(&str, &str)> {
    let outside = text.split("```").step_by(2);
    let pairs = outside.flat_map(|part| {
        let pieces: Vec<&str> = part.split('`').collect();
        pieces.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// `shared/domain/src/access.rs`, and not `application/json` or `infra/events/<function>.json`.
fn looks_like_a_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let first = name.split('/').next().unwrap_or_default();
    name.contains('/') && name.chars().all(plain) && !first.is_empty() && root().join(first).exists()
        || name.ends_with(".rs") && name.contains('/')
}

/// It is called one, or it tells a behaviour: names of other things have fewer words.
fn looks_like_a_test(before: &str, name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let called_one = before.trim_end().to_lowercase().ends_with("test");
    let words = name.matches('_').count() + 1;
    name.chars().all(plain) && (called_one && words >= 2 || words >= 4)
}
