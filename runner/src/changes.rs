//! Source of the table's changes for the worker loop: the embedded engine or a DynamoDB stream.

use handrail_effects::Change;
use handrail_engine::{Engine, EngineFault};
use handrail_platform::fault::Fault;

use crate::data::TABLE;
use crate::local_store::LocalStore;
#[cfg(feature = "external-table")]
use crate::stream_reader::StreamReader;

/// Changes read per call.
const BATCH: usize = 100;
/// The engine keeps changes until they are deleted, and each deletion costs a write.
const DELETE_EVERY: usize = 500;

pub(crate) enum ChangeSource {
    Engine {
        engine: Engine,
        /// Sequence of the last acknowledged change.
        position: Option<String>,
        /// Sequence of the last change read.
        read_to: Option<String>,
        read_since_deletion: usize,
    },
    #[cfg(feature = "external-table")]
    Stream(Box<StreamReader>),
}

const POSITION: &str = "position";

impl ChangeSource {
    /// Continues where the previous process stopped.
    pub(crate) async fn of_engine(engine: Engine, local_store: &LocalStore) -> Result<Self, Fault> {
        let position = local_store.state(POSITION).await?;
        Ok(Self::Engine { engine, position, read_to: None, read_since_deletion: 0 })
    }

    /// Returns the next changes, oldest first. Repeats them until [`Self::acknowledge`] is called.
    pub(crate) async fn next(&mut self) -> Result<Vec<Change>, Fault> {
        match self {
            Self::Engine { engine, position, read_to, .. } => {
                let (engine, after) = (engine.clone(), position.clone());
                let read = blocking(move || engine.changes_after(TABLE, after.as_deref(), BATCH)).await?;
                let Some(last) = read.last() else { return Ok(Vec::new()) };
                *read_to = Some(last.sequence.clone());
                Ok(read.into_iter().map(|change| Change { old: change.old, new: change.new }).collect())
            }
            #[cfg(feature = "external-table")]
            Self::Stream(reader) => reader.next().await,
        }
    }

    /// Marks the changes read last as processed, so that a restart continues after them.
    pub(crate) async fn acknowledge(&mut self, local_store: &LocalStore, count: usize) -> Result<(), Fault> {
        match self {
            Self::Engine { engine, position, read_to: Some(read_to), read_since_deletion } => {
                local_store.set_state(POSITION, read_to).await?;
                *position = Some(read_to.clone());
                *read_since_deletion += count;
                if *read_since_deletion >= DELETE_EVERY {
                    *read_since_deletion = 0;
                    let (engine, read_to) = (engine.clone(), read_to.clone());
                    blocking(move || engine.delete_changes_before(TABLE, &read_to)).await?;
                }
                Ok(())
            }
            Self::Engine { read_to: None, .. } => Ok(()),
            #[cfg(feature = "external-table")]
            Self::Stream(reader) => reader.acknowledge(local_store).await,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineFault> + Send + 'static,
) -> Result<T, Fault> {
    let result = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Fault::internal_with_source("the task that reads the stream panicked", error))?;
    result.map_err(|error| Fault::internal_with_source("the engine's stream can't be read", error))
}
