//! Worker loop of a local installation: dispatches changes and runs the workers of due messages.
//!
//! Changes are acknowledged only after their messages are stored, and a message is deleted only after its worker is
//! done. So a kill at any moment repeats work and never loses it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use handrail_domain::time::Timestamp;
use handrail_effects::{Change, DeliveryGroup, Handled, WorkerContext, dispatch, handle_message, sweep};
use handrail_platform::clock::Clock;
use handrail_platform::fault::Fault;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use crate::changes::ChangeSource;
use crate::clock::MovableClock;
use crate::delivery_slots::DeliverySlots;
use crate::local_store::{LocalStore, QueuedMessage};

/// Mails, timers and files that run concurrently, beside the deliveries, which have [slots](DeliverySlots) of their own.
const CONCURRENCY: usize = 16;
/// Attempts before a message becomes a dead letter, as on AWS.
const MAX_FAILURES: u32 = 8;
/// Interval of polls without a wake-up, because another process may have written.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const SWEEP_EVERY_MS: i64 = 5 * 60 * 1000;
/// Bounds a move of the clock, for example by a year over a timer that is due every second.
const MAX_CLOCK_STEPS: usize = 100_000;

#[derive(Clone)]
pub struct PumpHandle {
    wake_signal: Arc<Notify>,
    commands: mpsc::Sender<LoopCommand>,
}

enum LoopCommand {
    /// Respond when no work is due.
    RunUntilIdle(oneshot::Sender<()>),
    /// Move the clock there, running due work on the way at its time.
    Advance(Timestamp, oneshot::Sender<()>),
}

impl PumpHandle {
    /// Wakes the loop, because there may be new work.
    pub fn wake(&self) {
        self.wake_signal.notify_one();
    }

    pub async fn run_until_idle(&self) {
        self.send(LoopCommand::RunUntilIdle).await;
    }

    pub async fn advance_to(&self, at: Timestamp) {
        self.send(|done| LoopCommand::Advance(at, done)).await;
    }

    async fn send(&self, command: impl FnOnce(oneshot::Sender<()>) -> LoopCommand) {
        let (done, answered) = oneshot::channel();
        if self.commands.send(command(done)).await.is_ok() {
            // The loop ends only with the process.
            let _ = answered.await;
        }
    }
}

/// Message whose worker has ended.
struct Finished {
    id: String,
    /// Group in whose slot the delivery ran.
    group: Option<DeliveryGroup>,
    /// `None` if the worker failed.
    handled: Option<Handled>,
}

pub(crate) struct WorkerLoop {
    worker_context: WorkerContext,
    local_store: LocalStore,
    changes: ChangeSource,
    clock: Arc<MovableClock>,
    wake_signal: Arc<Notify>,
    commands: mpsc::Receiver<LoopCommand>,
    running: JoinSet<()>,
    /// Ids of the messages in work outside the groups of deliveries.
    in_work: HashSet<String>,
    /// Ids of the deliveries in work.
    deliveries_in_work: HashSet<String>,
    slots: DeliverySlots,
    /// `true` if the groups of all queued deliveries are in `due_groups`.
    are_groups_known: bool,
    finished: mpsc::UnboundedSender<Finished>,
    finishes: mpsc::UnboundedReceiver<Finished>,
    next_sweep: Timestamp,
}

impl WorkerLoop {
    pub(crate) fn new(
        worker_context: WorkerContext,
        local_store: LocalStore,
        changes: ChangeSource,
        clock: Arc<MovableClock>,
    ) -> (Self, PumpHandle) {
        let wake_signal = Arc::new(Notify::new());
        let (command_sender, commands) = mpsc::channel(16);
        let (finished, finishes) = mpsc::unbounded_channel();
        let next_sweep = clock.now();
        let handle = PumpHandle { wake_signal: Arc::clone(&wake_signal), commands: command_sender };
        (
            Self {
                worker_context,
                local_store,
                changes,
                clock,
                wake_signal,
                commands,
                running: JoinSet::new(),
                in_work: HashSet::new(),
                deliveries_in_work: HashSet::new(),
                slots: DeliverySlots::default(),
                are_groups_known: false,
                finished,
                finishes,
                next_sweep,
            },
            handle,
        )
    }

    pub(crate) async fn run(mut self) {
        loop {
            let had_work = self.run_once().await;
            if had_work {
                continue;
            }
            let wait = self.next_wait().await;
            tokio::select! {
                () = self.wake_signal.notified() => {}
                Some(finished) = self.finishes.recv() => self.finish(&finished),
                _ = tokio::time::timeout(wait, std::future::pending::<()>()) => {
                    // Another process may have queued deliveries.
                    self.are_groups_known &= wait < POLL_INTERVAL;
                }
                command = self.commands.recv() => match command {
                    Some(LoopCommand::RunUntilIdle(done)) => {
                        self.run_until_idle().await;
                        let _ = done.send(());
                    }
                    Some(LoopCommand::Advance(at, done)) => {
                        self.advance(at).await;
                        let _ = done.send(());
                    }
                    // All handles are dropped: the process is ending.
                    None => return,
                },
            }
        }
    }

    /// Does one round of work. Returns `true` if there was work, so there may be more.
    async fn run_once(&mut self) -> bool {
        while let Ok(finished) = self.finishes.try_recv() {
            self.finish(&finished);
        }
        while self.running.try_join_next().is_some() {}
        match self.try_round().await {
            Ok(had_work) => had_work,
            Err(fault) => {
                tracing::error!(fault = fault.with_causes(), "the worker loop failed and will retry");
                false
            }
        }
    }

    async fn try_round(&mut self) -> Result<bool, Fault> {
        let changes = self.changes.next().await?;
        let read = changes.len();
        self.dispatch_all(changes).await?;
        if read > 0 {
            self.changes.acknowledge(&self.local_store, read).await?;
        }
        let now = self.clock.now();
        if now >= self.next_sweep {
            self.next_sweep = now.plus_ms(SWEEP_EVERY_MS);
            sweep(&self.worker_context).await?;
        }
        if !self.are_groups_known {
            self.local_store.find_due_groups().await?;
            self.are_groups_known = true;
        }
        let started = self.start_due(now).await? + self.start_due_deliveries(now).await?;
        Ok(read > 0 || started > 0)
    }

    fn finish(&mut self, finished: &Finished) {
        match finished.group {
            None => {
                self.in_work.remove(&finished.id);
            }
            Some(group) => {
                self.deliveries_in_work.remove(&finished.id);
                self.slots.finish(group, finished.handled);
                // The message may still be queued, and others may wait behind it.
                self.local_store.due_groups.mark(group, self.clock.now());
            }
        }
    }

    /// Dispatches several records concurrently, because each waits for the disk. The changes of one record keep their
    /// order, as on AWS, because the journal lists events in the order of dispatch.
    async fn dispatch_all(&self, changes: Vec<Change>) -> Result<(), Fault> {
        let mut running = JoinSet::new();
        for changes in by_partition(changes) {
            if running.len() >= CONCURRENCY {
                dispatch_result(running.join_next().await)?;
            }
            let worker_context = self.worker_context.clone();
            running.spawn(async move {
                for change in &changes {
                    skip_poison(dispatch(&worker_context, change).await)?;
                }
                Ok(())
            });
        }
        while let done @ Some(_) = running.join_next().await {
            dispatch_result(done)?;
        }
        Ok(())
    }

    async fn start_due(&mut self, now: Timestamp) -> Result<usize, Fault> {
        let free_slots = CONCURRENCY.saturating_sub(self.in_work.len());
        if free_slots == 0 {
            return Ok(0);
        }
        let mut started = 0;
        for queued in self.local_store.queued_messages(free_slots + self.in_work.len()).await? {
            if queued.at > now || started == free_slots {
                break;
            }
            if self.in_work.insert(queued.sk()) {
                started += 1;
                self.start(queued, None, now);
            }
        }
        Ok(started)
    }

    /// Starts due deliveries in free slots, one of each group in turn.
    async fn start_due_deliveries(&mut self, now: Timestamp) -> Result<usize, Fault> {
        let mut started = 0;
        for group in self.slots.in_order(self.local_store.due_groups.all(), now) {
            started += usize::from(self.start_delivery_of(group, now).await?);
        }
        Ok(started)
    }

    /// Starts the group's next due delivery. Returns `false` if there is none, or no free slot.
    async fn start_delivery_of(&mut self, group: DeliveryGroup, now: Timestamp) -> Result<bool, Fault> {
        if self.slots.free_for(group) == 0 {
            return Ok(false);
        }
        let limit = self.slots.occupied_by(group) + 2;
        self.local_store.due_groups.clear(group);
        let queued = match self.local_store.queued_deliveries(group, limit).await {
            Ok(queued) => queued,
            Err(fault) => {
                self.local_store.due_groups.mark(group, now);
                return Err(fault);
            }
        };
        // At most the next delivery and the one after it are not in work.
        let mut waiting = queued.into_iter().filter(|queued| !self.deliveries_in_work.contains(&queued.sk()));
        let (next, after_next) = (waiting.next(), waiting.next());
        let is_due = next.as_ref().is_some_and(|next| next.at <= now);
        let earliest_left = if is_due { after_next.as_ref() } else { next.as_ref() };
        if let Some(earliest_left) = earliest_left {
            self.local_store.due_groups.mark(group, earliest_left.at);
        }
        let Some(next) = next.filter(|_| is_due) else { return Ok(false) };
        self.deliveries_in_work.insert(next.sk());
        self.slots.start(group);
        self.start(next, Some(group), now);
        Ok(true)
    }

    /// Starts the worker of a message. The message's id is in the set of those in work.
    fn start(&mut self, queued: QueuedMessage, group: Option<DeliveryGroup>, now: Timestamp) {
        let (worker_context, local_store, finished) =
            (self.worker_context.clone(), self.local_store.clone(), self.finished.clone());
        self.running.spawn(async move {
            let id = queued.sk();
            let handled = process_message(&worker_context, &local_store, queued, group.is_some(), now).await;
            // Fails only when the loop has ended.
            let _ = finished.send(Finished { id, group, handled });
        });
    }

    /// Returns the wait until the next message is due, at most the poll interval.
    async fn next_wait(&self) -> Duration {
        if self.clock.is_fixed() {
            return POLL_INTERVAL;
        }
        let wait_ms = self.next_due().await.map_or(i64::MAX, |next| next.ms_since(self.clock.now()).max(1));
        POLL_INTERVAL.min(Duration::from_millis(wait_ms.unsigned_abs()))
    }

    /// Returns the time when the next message can be started, of those that are not in work.
    async fn next_due(&self) -> Option<Timestamp> {
        let is_waiting = |queued: &QueuedMessage| !self.in_work.contains(&queued.sk());
        let queued = self.local_store.queued_messages(self.in_work.len() + 1).await.unwrap_or_default();
        let has_free_slot = self.in_work.len() < CONCURRENCY;
        let next_message = queued.into_iter().find(is_waiting).map(|next| next.at).filter(|_| has_free_slot);
        let has_slot = |(group, at): (DeliveryGroup, Timestamp)| {
            self.slots.due_at(group, at).filter(|_| self.slots.free_for(group) > 0)
        };
        next_message.into_iter().chain(self.local_store.due_groups.all().into_iter().filter_map(has_slot)).min()
    }

    /// Runs all work that is due now, and the work that it causes.
    async fn run_until_idle(&mut self) {
        loop {
            if self.run_once().await {
                continue;
            }
            if self.in_work.is_empty() && self.deliveries_in_work.is_empty() {
                return;
            }
            tokio::select! {
                // New work does not wait for a call that hangs.
                () = self.wake_signal.notified() => {}
                Some(finished) = self.finishes.recv() => self.finish(&finished),
            }
        }
    }

    /// Moves the clock step by step, so that each message is processed at its own time.
    async fn advance(&mut self, target: Timestamp) {
        for _ in 0..MAX_CLOCK_STEPS {
            self.run_until_idle().await;
            match self.next_due().await.filter(|next| *next <= target) {
                Some(next) => self.clock.move_to(next),
                None => break,
            }
        }
        self.clock.move_to(target);
        self.run_until_idle().await;
        if !self.clock.is_fixed()
            && let Err(fault) = self.local_store.set_state(AHEAD, &self.clock.offset_ms()).await
        {
            tracing::error!(fault = fault.with_causes(), "the clock's offset could not be stored");
        }
    }
}

/// Groups changes by partition, in order.
fn by_partition(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut indexes: HashMap<Option<String>, usize> = HashMap::new();
    let mut groups: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        let item = change.new.as_ref().or(change.old.as_ref());
        let partition = item.and_then(|item| item.get("pk")).and_then(|pk| pk.as_s().ok()).cloned();
        let index = *indexes.entry(partition).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

/// Skips a change that can never be dispatched, as on AWS, so that it does not block later changes.
fn skip_poison(done: Result<(), Fault>) -> Result<(), Fault> {
    match done {
        Err(fault) if !fault.is_retryable() => {
            tracing::error!(fault = fault.with_causes(), "poison: a change was skipped");
            Ok(())
        }
        done => done,
    }
}

fn dispatch_result(done: Option<Result<Result<(), Fault>, JoinError>>) -> Result<(), Fault> {
    match done {
        None => Ok(()),
        Some(Ok(done)) => done,
        Some(Err(error)) => Err(Fault::internal_with_source("a dispatch panicked", error)),
    }
}

/// Name of the stored clock offset.
pub(crate) const AHEAD: &str = "ahead_ms";

/// Runs the worker of a message and completes the message. Returns `None` if the worker failed.
///
/// A delivery that waits for a paused webhook stays queued `in_place` if its group can be held back; otherwise it is
/// queued for the end of the pause.
async fn process_message(
    worker_context: &WorkerContext,
    local_store: &LocalStore,
    queued: QueuedMessage,
    in_place: bool,
    now: Timestamp,
) -> Option<Handled> {
    let result = handle_message(worker_context, &queued.message).await;
    let handled = result.as_ref().ok().copied();
    let done = match result {
        Ok(Handled::Done) => local_store.complete(&queued).await,
        Ok(Handled::WaitsUntil(_)) if in_place => Ok(()),
        Ok(Handled::WaitsUntil(until)) => {
            move_to(local_store, &queued, QueuedMessage { at: until, ..queued.clone() }).await
        }
        Err(fault) => {
            let failures = queued.failures + 1;
            tracing::warn!(fault = fault.with_causes(), failures, "a message failed");
            let failed = QueuedMessage { failures, ..queued.clone() };
            if failures >= MAX_FAILURES || !fault.is_retryable() {
                local_store.dead_letter(&failed).await
            } else {
                let at = now.plus_ms(1000 << failures.min(6));
                move_to(local_store, &queued, QueuedMessage { at, ..failed }).await
            }
        }
    };
    if let Err(fault) = done {
        // The message stays queued and is processed again.
        tracing::error!(fault = fault.with_causes(), "a message could not be completed");
    }
    handled
}

/// Enqueues the message anew before it deletes the old one: a kill in between leaves two messages, never none.
async fn move_to(local_store: &LocalStore, queued: &QueuedMessage, moved: QueuedMessage) -> Result<(), Fault> {
    let moved = QueuedMessage { stored_key: None, ..moved };
    local_store.enqueue(&moved).await?;
    if moved.sk() != queued.sk() { local_store.complete(queued).await } else { Ok(()) }
}
