//! Load generator: a fixed number of concurrent tasks make all calls, each starting its next call after a response.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::numbers::{ms, per_second};

pub(crate) struct Load {
    pub(crate) latencies_ms: Vec<f64>,
    took: Duration,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        per_second(self.latencies_ms.len(), self.took)
    }
}

/// Makes all calls and returns their results in order. Fails with the first call that fails.
pub(crate) async fn load<T, F>(
    count: usize,
    at_once: usize,
    call: impl Fn(usize) -> F,
) -> anyhow::Result<(Load, Vec<T>)>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let calls: Vec<F> = (0..count).map(call).collect();
    let calls = Arc::new(Mutex::new(calls.into_iter().enumerate()));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let calls = Arc::clone(&calls);
        tasks.spawn(async move {
            let mut done = Vec::new();
            loop {
                let next = calls.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, call)) = next else { return anyhow::Ok(done) };
                let begun = Instant::now();
                let result = call.await?;
                done.push((at, ms(begun.elapsed()), result));
            }
        });
    }
    let mut done = Vec::with_capacity(count);
    while let Some(task) = tasks.join_next().await {
        done.extend(task??);
    }
    let took = begun.elapsed();
    done.sort_by_key(|(at, ..)| *at);
    let (latencies_ms, results) = done.into_iter().map(|(_, latency, result)| (latency, result)).unzip();
    Ok((Load { latencies_ms, took }, results))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn load_returns_every_result_in_order() {
        let (load, results) = load(50, 8, |at| async move { Ok(at * 2) }).await.unwrap();
        assert_eq!(results, (0..50).map(|at| at * 2).collect::<Vec<_>>());
        assert_eq!(load.latencies_ms.len(), 50);
    }

    #[tokio::test]
    async fn failed_call_fails_the_load() {
        let failing = load(9, 2, |at| async move { if at == 4 { anyhow::bail!("no") } else { Ok(()) } }).await;
        assert!(failing.is_err());
    }
}
