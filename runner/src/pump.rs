//! The one loop of the laptop: changes to dispatch, messages to their workers, each when its time has come.
//!
//! What is read from the stream is passed only after its messages are kept; a message is forgotten only after its worker
//! is done with it. So a kill at any moment repeats work and never loses it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use handrail_domain::time::Timestamp;
use handrail_effects::{Change, Works, dispatch, handle, sweep};
use handrail_kernel::clock::Clock;
use handrail_kernel::fault::Fault;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use crate::changes::Changes;
use crate::clock::MovableClock;
use crate::desk::{Desk, Waiting};

/// A receiver that hangs holds one of these for ten seconds; the others go on.
const AT_ONCE_MAX: usize = 16;
/// As on AWS, where the queue counts them.
const FAILURES_MAX: u32 = 8;
/// Looks even when nobody woke it: another process may have written.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SWEEP_EVERY_MS: i64 = 5 * 60 * 1000;
/// Moving the clock by a year over a record that is due every second is a mistake.
const CLOCK_STEPS_MAX: usize = 100_000;

#[derive(Clone)]
pub struct PumpHandle {
    woken: Arc<Notify>,
    asks: mpsc::Sender<Ask>,
}

enum Ask {
    /// Answer when nothing is left to do at this time.
    Settle(oneshot::Sender<()>),
    /// Move the clock there, doing on the way everything at its time.
    Advance(Timestamp, oneshot::Sender<()>),
}

impl PumpHandle {
    /// There may be something to do.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    pub async fn settle(&self) {
        self.ask(Ask::Settle).await;
    }

    pub async fn advance_to(&self, at: Timestamp) {
        self.ask(|done| Ask::Advance(at, done)).await;
    }

    async fn ask(&self, ask: impl FnOnce(oneshot::Sender<()>) -> Ask) {
        let (done, answered) = oneshot::channel();
        if self.asks.send(ask(done)).await.is_ok() {
            // The pump ends only with the process.
            let _ = answered.await;
        }
    }
}

pub(crate) struct Pump {
    works: Works,
    desk: Desk,
    changes: Changes,
    clock: Arc<MovableClock>,
    woken: Arc<Notify>,
    asks: mpsc::Receiver<Ask>,
    running: JoinSet<()>,
    /// Messages that a worker has now.
    taken: HashSet<String>,
    finished: mpsc::UnboundedSender<String>,
    finishes: mpsc::UnboundedReceiver<String>,
    next_sweep: Timestamp,
}

impl Pump {
    pub(crate) fn new(works: Works, desk: Desk, changes: Changes, clock: Arc<MovableClock>) -> (Self, PumpHandle) {
        let woken = Arc::new(Notify::new());
        let (ask, asks) = mpsc::channel(16);
        let (finished, finishes) = mpsc::unbounded_channel();
        let next_sweep = clock.now();
        let handle = PumpHandle { woken: Arc::clone(&woken), asks: ask };
        let taken = HashSet::new();
        (
            Self {
                works,
                desk,
                changes,
                clock,
                woken,
                asks,
                running: JoinSet::new(),
                taken,
                finished,
                finishes,
                next_sweep,
            },
            handle,
        )
    }

    pub(crate) async fn run(mut self) {
        loop {
            let busy = self.round().await;
            if busy {
                continue;
            }
            let wait = self.wait_ms().await;
            tokio::select! {
                () = self.woken.notified() => {}
                Some(id) = self.finishes.recv() => { self.taken.remove(&id); }
                _ = tokio::time::timeout(wait, std::future::pending::<()>()) => {}
                ask = self.asks.recv() => match ask {
                    Some(Ask::Settle(done)) => {
                        self.settle().await;
                        let _ = done.send(());
                    }
                    Some(Ask::Advance(at, done)) => {
                        self.advance(at).await;
                        let _ = done.send(());
                    }
                    // Nobody can ask or wake any more: the process is ending.
                    None => return,
                },
            }
        }
    }

    /// One look at everything. `true`: there was something, so look again.
    async fn round(&mut self) -> bool {
        while let Ok(id) = self.finishes.try_recv() {
            self.taken.remove(&id);
        }
        while self.running.try_join_next().is_some() {}
        match self.try_round().await {
            Ok(busy) => busy,
            Err(fault) => {
                tracing::error!(fault = fault.chain(), "the pump failed and will try again");
                false
            }
        }
    }

    async fn try_round(&mut self) -> Result<bool, Fault> {
        let changes = self.changes.next().await?;
        let read = changes.len();
        self.dispatch_all(changes).await?;
        if read > 0 {
            self.changes.passed(&self.desk, read).await?;
        }
        let now = self.clock.now();
        if now >= self.next_sweep {
            self.next_sweep = now.plus_ms(SWEEP_EVERY_MS);
            sweep(&self.works).await?;
        }
        let started = self.start_due(now).await?;
        Ok(read > 0 || started > 0)
    }

    /// Several records at once: each waits for the disk, and what follows from one does not wait for another. The changes of one
    /// record go in their order, as on AWS: its events stand in the account's feed as they are dispatched.
    async fn dispatch_all(&self, changes: Vec<Change>) -> Result<(), Fault> {
        let mut running = JoinSet::new();
        for changes in by_partition(changes) {
            if running.len() >= AT_ONCE_MAX {
                dispatched(running.join_next().await)?;
            }
            let works = self.works.clone();
            running.spawn(async move {
                for change in &changes {
                    understood(dispatch(&works, change).await)?;
                }
                Ok(())
            });
        }
        while let done @ Some(_) = running.join_next().await {
            dispatched(done)?;
        }
        Ok(())
    }

    async fn start_due(&mut self, now: Timestamp) -> Result<usize, Fault> {
        let room = AT_ONCE_MAX.saturating_sub(self.taken.len());
        if room == 0 {
            return Ok(0);
        }
        let mut started = 0;
        for waiting in self.desk.waiting(room + self.taken.len()).await? {
            let id = format!("{}#{}", waiting.at.as_unix_ms(), waiting.message.id());
            if waiting.at > now || started == room {
                break;
            }
            if !self.taken.insert(id.clone()) {
                continue;
            }
            started += 1;
            let (works, desk, finished) = (self.works.clone(), self.desk.clone(), self.finished.clone());
            self.running.spawn(async move {
                work_on(&works, &desk, waiting, now).await;
                // Fails only when the pump is gone.
                let _ = finished.send(id);
            });
        }
        Ok(started)
    }

    /// Until the next message's time, and no longer than a look takes.
    async fn wait_ms(&self) -> Duration {
        if self.clock.stands_still() {
            return LOOK_EVERY;
        }
        let next = self.desk.waiting(1).await.ok().and_then(|waiting| waiting.first().map(|first| first.at));
        let until = next.map_or(i64::MAX, |next| next.ms_since(self.clock.now()).max(1));
        LOOK_EVERY.min(Duration::from_millis(until.unsigned_abs()))
    }

    /// Everything that is due now is done, and what follows from it too.
    async fn settle(&mut self) {
        loop {
            if self.round().await {
                continue;
            }
            if self.taken.is_empty() {
                return;
            }
            if let Some(id) = self.finishes.recv().await {
                self.taken.remove(&id);
            }
        }
    }

    /// Step by step: each message at its own time, as if the time had really passed.
    async fn advance(&mut self, target: Timestamp) {
        for _ in 0..CLOCK_STEPS_MAX {
            self.settle().await;
            let next = self.desk.waiting(1).await.ok().and_then(|waiting| waiting.first().map(|first| first.at));
            match next.filter(|next| *next <= target) {
                Some(next) => self.clock.move_to(next),
                None => break,
            }
        }
        self.clock.move_to(target);
        self.settle().await;
        if !self.clock.stands_still()
            && let Err(fault) = self.desk.set_state(AHEAD, &self.clock.ahead_ms()).await
        {
            tracing::error!(fault = fault.chain(), "the clock's position could not be kept");
        }
    }
}

/// Together what is of one partition, in its order.
fn by_partition(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    let mut parts: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        let item = change.new.as_ref().or(change.old.as_ref());
        let partition = item.and_then(|item| item.get("pk")).and_then(|pk| pk.as_s().ok()).cloned();
        let place = *places.entry(partition).or_insert(parts.len());
        match parts.get_mut(place) {
            Some(part) => part.push(change),
            None => parts.push(vec![change]),
        }
    }
    parts
}

/// What can't be understood is left out, as by the stream's function on AWS: it must not block what comes behind it.
fn understood(done: Result<(), Fault>) -> Result<(), Fault> {
    match done {
        Err(fault) if !fault.may_pass() => {
            tracing::error!(fault = fault.chain(), "poison: a change was left out");
            Ok(())
        }
        done => done,
    }
}

fn dispatched(done: Option<Result<Result<(), Fault>, JoinError>>) -> Result<(), Fault> {
    match done {
        None => Ok(()),
        Some(Ok(done)) => done,
        Some(Err(error)) => Err(Fault::broken_by("a dispatch died", error)),
    }
}

/// Under which name the clock's lead is kept.
pub(crate) const AHEAD: &str = "ahead_ms";

async fn work_on(works: &Works, desk: &Desk, waiting: Waiting, now: Timestamp) {
    let done = match handle(works, &waiting.message).await {
        Ok(()) => desk.done(&waiting).await,
        Err(fault) => {
            let failures = waiting.failures + 1;
            tracing::warn!(fault = fault.chain(), failures, "a message failed");
            let failed = Waiting { failures, ..waiting.clone() };
            if failures >= FAILURES_MAX || !fault.may_pass() {
                desk.bury(&failed).await
            } else {
                put_back(desk, &waiting, failed, now).await
            }
        }
    };
    if let Err(fault) = done {
        // It stays where it is and comes again.
        tracing::error!(fault = fault.chain(), "a message could not be put away");
    }
}

/// First the later one, then away with this one: a kill in between leaves two, never none.
async fn put_back(desk: &Desk, waiting: &Waiting, failed: Waiting, now: Timestamp) -> Result<(), Fault> {
    let wait_ms = 1000 << failed.failures.min(6);
    let later = Waiting { at: now.plus_ms(wait_ms), ..failed };
    desk.keep(&later).await?;
    if later.at != waiting.at { desk.done(waiting).await } else { Ok(()) }
}
