//! Child processes of a test: their output line by line, and their end with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Longest wait for a child process; far longer than a busy machine needs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) struct Program {
    child: Child,
    lines: UnboundedReceiver<String>,
    printed: Arc<Mutex<String>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(
                |error| {
                    panic!("{command:?}: {error}");
                },
            );
        let printed = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = unbounded_channel();
        read(child.stdout.take().unwrap(), sender.clone(), Arc::clone(&printed));
        read(child.stderr.take().unwrap(), sender, Arc::clone(&printed));
        Self { child, lines, printed }
    }

    /// Reads lines until `find` returns a value, and returns it.
    pub(crate) async fn expect<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        let found = tokio::time::timeout(TIMEOUT, async {
            while let Some(line) = self.lines.recv().await {
                if let Some(found) = find(&line) {
                    return Some(found);
                }
            }
            None
        });
        match found.await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("the program ended without the expected line:\n{}", self.printed()),
            Err(_) => panic!("the expected line did not come:\n{}", self.printed()),
        }
    }

    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGTERM instead of a kill, so that the program can stop its own children.
        let _ = Command::new("kill").arg(self.child.id().to_string()).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

fn read(from: impl Read + Send + 'static, lines: UnboundedSender<String>, printed: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
            printed.push_str(&line);
            printed.push('\n');
            drop(printed);
            // The test may have stopped listening.
            let _ = lines.send(line);
        }
    });
}
