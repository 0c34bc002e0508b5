//! tools/release: the archive of a release has the same bytes each time.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::project::root;

/// A small program that every Linux has. The script looks only at the machine that it is for.
const PROGRAM: &str = "/bin/true";

#[test]
fn release_archive_has_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let copy = folder.path().join("program");
    fs::write(&copy, fs::read(PROGRAM).expect("it can be read")).expect("a copy with another time and mode");
    let archives = [(Path::new(PROGRAM), first), (&copy, second)].map(|(program, out)| {
        let made = Command::new(root().join("tools/release"))
            .args(["--target", std::env::consts::ARCH, "--binary"])
            .arg(program)
            .arg("--out")
            .arg(&out)
            .env("SOURCE_DATE_EPOCH", "1790000000")
            .output()
            .expect("the script runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let name = format!("handrail-{}-{}-linux.tar.gz", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
        let sums = fs::read_to_string(out.join("SHA256SUMS")).expect("the sums are written");
        assert!(sums.ends_with(&format!("  {name}\n")), "{sums}");
        fs::read(out.join(name)).expect("the archive is written")
    });
    assert!(archives[0].len() > 10_000 && archives[0] == archives[1]);
}
