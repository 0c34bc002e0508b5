//! Rules about source text: forbidden words and the longest file.

use crate::project::files;

const CODE: [&str; 4] = [".rs", ".js", ".py", ".sh"];
/// A longer file is split by domain.
const LINES_MAX: usize = 500;

#[test]
fn tests_do_not_wait_for_time() {
    // Built from two parts, so that this file does not contain the word.
    let word = concat!("sle", "ep(");
    forbid(word, |path| path.starts_with("tests/") && (path.ends_with(".rs") || path.ends_with(".js")));
}

#[test]
fn code_has_no_open_tasks() {
    for word in [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("FIX", "ME"), concat!("TO", "DO")] {
        forbid(word, |path| is_code(path) || path.ends_with(".md") || path.ends_with(".yaml"));
    }
}

#[test]
fn lints_are_expected_and_never_allowed() {
    for word in [concat!("#[al", "low("), concat!("#![al", "low("), concat!(", al", "low(")] {
        forbid(word, |path| path.ends_with(".rs"));
    }
}

#[test]
fn only_lock_file_names_registry_hosts() {
    let hosts =
        [concat!("crates", ".io"), concat!("npmjs", ".org"), concat!("pypi", ".org"), concat!("python", "hosted.org")];
    for host in hosts {
        forbid(host, |path| path != "Cargo.lock");
    }
}

#[test]
fn code_files_have_at_most_500_lines() {
    for (path, text) in files().into_iter().filter(|(path, _)| is_code(path)) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines");
    }
}

/// Returns `true` for files with a code extension or none, such as scripts.
fn is_code(path: &str) -> bool {
    CODE.iter().any(|ending| path.ends_with(ending)) || !path.rsplit('/').next().unwrap_or(path).contains('.')
}

#[track_caller]
fn forbid(word: &str, is_checked: impl Fn(&str) -> bool) {
    let mut checked = 0;
    for (path, text) in files().into_iter().filter(|(path, _)| is_checked(path)) {
        checked += 1;
        for (index, line) in text.lines().enumerate() {
            assert!(!line.contains(word), "{path}:{} contains {word}: {line}", index + 1);
        }
    }
    assert!(checked > 0, "no file was checked");
}
