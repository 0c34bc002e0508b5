//! Where the pump reads the table's changes from: the embedded engine, or the stream of a server that speaks DynamoDB.

use handrail_effects::Change;
use handrail_kernel::fault::Fault;

use crate::data::TABLE;
use crate::desk::Desk;
use crate::emulated::StreamReader;
use crate::engine::Engine;

/// Read at once.
const BATCH: usize = 100;
/// The engine keeps its stream for ever unless told otherwise; each forgetting costs a write.
const FORGET_EVERY: usize = 500;

pub(crate) enum Changes {
    Engine {
        engine: Engine,
        /// Behind the last change that is done with.
        position: Option<String>,
        /// Behind the last change that was read.
        read_to: Option<String>,
        read_since_forgotten: usize,
    },
    Stream(Box<StreamReader>),
}

const POSITION: &str = "position";

impl Changes {
    /// From where an earlier process stopped.
    pub(crate) async fn of_engine(engine: Engine, desk: &Desk) -> Result<Self, Fault> {
        let position = desk.state(POSITION).await?;
        Ok(Self::Engine { engine, position, read_to: None, read_since_forgotten: 0 })
    }

    /// The next changes, oldest first. Seen again until [`Self::passed`] is called.
    pub(crate) async fn next(&mut self) -> Result<Vec<Change>, Fault> {
        match self {
            Self::Engine { engine, position, read_to, .. } => {
                let (engine, after) = (engine.clone(), position.clone());
                let read = blocking(move || engine.changes_after(TABLE, after.as_deref(), BATCH)).await?;
                let Some(last) = read.last() else { return Ok(Vec::new()) };
                *read_to = Some(last.sequence.clone());
                Ok(read.into_iter().map(|change| Change { old: change.old, new: change.new }).collect())
            }
            Self::Stream(reader) => reader.next().await,
        }
    }

    /// What was read last is done with: a restart begins behind it.
    pub(crate) async fn passed(&mut self, desk: &Desk, count: usize) -> Result<(), Fault> {
        match self {
            Self::Engine { engine, position, read_to: Some(read_to), read_since_forgotten } => {
                desk.set_state(POSITION, read_to).await?;
                *position = Some(read_to.clone());
                *read_since_forgotten += count;
                if *read_since_forgotten >= FORGET_EVERY {
                    *read_since_forgotten = 0;
                    let (engine, read_to) = (engine.clone(), read_to.clone());
                    blocking(move || engine.forget_changes_before(TABLE, &read_to)).await?;
                }
                Ok(())
            }
            Self::Engine { read_to: None, .. } => Ok(()),
            Self::Stream(reader) => reader.passed(desk).await,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, handrail_engine::EngineFault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Fault::broken_by("a read of the stream died", error))?;
    done.map_err(|error| Fault::broken_by("the engine's stream can't be read", error))
}
