//! The program as a container runs it: open to other machines, checked by `handrail health`, and stopped by SIGTERM.
#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a failed precondition fails the test, also in helpers")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitStatus, Stdio};

fn handrail() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handrail"));
    command.env_clear().env("RUST_LOG", "off").stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn health(port: &str) -> ExitStatus {
    handrail().args(["health", "--listen", "0.0.0.0", "--port", port]).status().expect("the program starts")
}

#[test]
fn open_service_keeps_its_keys_reports_health_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut service = handrail()
        .args(["--listen", "0.0.0.0", "--port", "0", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut output = BufReader::new(service.stdout.take().expect("its output is piped"));
    let mut first_line = String::new();
    output.read_line(&mut first_line).expect("it prints its address");
    let port = first_line
        .trim()
        .strip_prefix("Handrail runs at http://127.0.0.1:")
        .expect("links lead to an address")
        .to_owned();
    assert!(health(&port).success());

    let stopped = Command::new("kill").args(["-TERM", &service.id().to_string()]).status();
    assert!(stopped.expect("kill runs").success());
    assert!(service.wait().expect("it ends").success(), "SIGTERM is no failure");
    let mut printed = String::new();
    output.read_to_string(&mut printed).expect("its output is text");
    for name in ["admin.key", "operator.key", "master.key"] {
        let secret = std::fs::read_to_string(data.join(name)).expect("the secret is stored");
        assert!(!printed.contains(secret.trim()), "{name} is printed");
    }
    assert!(printed.contains("admin.key"), "the file is named");
    let mode = std::fs::metadata(&data).expect("the folder exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "other users of the machine can't open the folder");
    assert!(!health(&port).success());
}
