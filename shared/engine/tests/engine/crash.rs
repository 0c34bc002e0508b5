//! Durability: acknowledged writes survive `kill -9`.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use handrail_engine::Engine;

use crate::table::{TABLE, create_table, get, item, text};

const FILE_VARIABLE: &str = "HANDRAIL_ENGINE_TEST_FILE";
const ACKNOWLEDGED_PREFIX: &str = "acknowledged ";

#[tokio::test]
async fn killed_process_loses_no_acknowledged_write() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.db");
    let acknowledged = write_until_killed(&file);
    assert!(acknowledged.len() >= 200);

    let engine = Engine::open(&file).unwrap();
    let client = engine.client();
    let streamed: HashSet<String> = engine
        .changes_after(TABLE, None, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|change| change.new.unwrap()["pk"].as_s().unwrap().clone())
        .collect();
    for key in &acknowledged {
        assert!(get(&client, key, "1").await.is_some(), "{key} is lost");
        assert!(streamed.contains(key), "{key} has no stream record");
    }
    for key in &streamed {
        assert!(get(&client, key, "1").await.is_some(), "{key} is streamed but not stored");
    }
}

/// Starts the child process, kills it after 200 writes, and returns the keys of its acknowledged writes.
fn write_until_killed(file: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child_process_writes_until_killed", "--exact", "--ignored", "--nocapture"])
        .env(FILE_VARIABLE, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // The last line may be cut off by the kill.
        if let Some(key) = line.strip_prefix(ACKNOWLEDGED_PREFIX).and_then(|key| key.strip_suffix('\n')) {
            acknowledged.push(key.to_owned());
            if acknowledged.len() == 200 {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    acknowledged
}

/// Child process of the test above, which sets the variable.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "killed_process_loses_no_acknowledged_write starts it in a process of its own"]
async fn child_process_writes_until_killed() {
    let file = std::env::var_os(FILE_VARIABLE).expect("the test that starts this process names the file");
    let engine = Engine::open(Path::new(&file)).unwrap();
    create_table(&engine.client()).await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let client = engine.client();
            tokio::spawn(async move {
                for number in 0..100_000 {
                    let key = format!("{writer}-{number}");
                    let mut item = item([("pk", &key), ("sk", "1"), ("onepk", "shared")]);
                    item.insert("onesk".to_owned(), text(key.clone()));
                    let put = client.put_item().table_name(TABLE).set_item(Some(item));
                    put.send().await.unwrap();
                    println!("{ACKNOWLEDGED_PREFIX}{key}");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}
