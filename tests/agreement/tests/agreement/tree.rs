//! Rules about the text of the repository itself: what no file may hold, and how long a file may be.

use crate::project::files;

const CODE: [&str; 4] = [".rs", ".js", ".py", ".sh"];
/// A file past this splits along the domain.
const LINES_MAX: usize = 500;

#[test]
fn no_test_waits_for_time_to_pass() {
    // Written in two parts, so that this file does not hold it.
    let word = concat!("sle", "ep(");
    forbid(word, |path| path.starts_with("tests/") && (path.ends_with(".rs") || path.ends_with(".js")));
}

#[test]
fn nothing_is_left_for_later() {
    for word in [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("FIX", "ME"), concat!("TO", "DO")] {
        forbid(word, |path| is_code(path) || path.ends_with(".md") || path.ends_with(".yaml"));
    }
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    for word in [concat!("#[al", "low("), concat!("#![al", "low("), concat!(", al", "low(")] {
        forbid(word, |path| path.ends_with(".rs"));
    }
}

#[test]
fn no_file_but_the_lock_names_the_host_of_a_registry() {
    let hosts =
        [concat!("crates", ".io"), concat!("npmjs", ".org"), concat!("pypi", ".org"), concat!("python", "hosted.org")];
    for host in hosts {
        forbid(host, |path| path != "Cargo.lock");
    }
}

#[test]
fn no_file_of_code_is_longer_than_a_reader_can_hold() {
    for (path, text) in files().into_iter().filter(|(path, _)| is_code(path)) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines");
    }
}

/// By its name, or by its first line.
fn is_code(path: &str) -> bool {
    CODE.iter().any(|ending| path.ends_with(ending)) || !path.rsplit('/').next().unwrap_or(path).contains('.')
}

#[track_caller]
fn forbid(word: &str, among: impl Fn(&str) -> bool) {
    let mut looked_at = 0;
    for (path, text) in files().into_iter().filter(|(path, _)| among(path)) {
        looked_at += 1;
        for (at, line) in text.lines().enumerate() {
            assert!(!line.contains(word), "{path}:{} holds {word}: {line}", at + 1);
        }
    }
    assert!(looked_at > 0, "no file was looked at");
}
