//! Where a queue begins, and how its progress is kept: by the broker, or in broadcasting in a file.
//!
//! Offsets travel only by UPDATE_CONSUMER_OFFSET with an awaited answer, one at a time for each queue: a
//! broker handles requests of one connection in several threads, and the later of two offsets can lose.

mod bounds;
mod commit;
mod disk;
pub(super) mod local_file;
mod local_store;
mod request;
mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::queue::Queue;
use super::status::Status;
use crate::config::{ConsumerConfig, MessageModel};
use crate::error::{Error, ErrorKind, Result};
pub(crate) use bounds::{bounds, offset_at};
use local_store::LocalStore;
pub(crate) use request::CommitRequests;
pub(crate) use start::{committed_offset, start_offset};

/// The file for a consumer's offsets; `None` for one whose brokers keep them.
pub(crate) fn file_of(config: &ConsumerConfig, client_id: &str) -> Result<Option<PathBuf>> {
    if config.model == MessageModel::Clustering {
        return Ok(None);
    }
    let home = std::env::home_dir();
    let home = home.as_deref().filter(|home| !home.as_os_str().is_empty());
    let path = local_file::path(&config.offset_store_path, home, client_id, &config.group)?;
    // A program may change its directory later.
    std::path::absolute(&path).map(Some).map_err(|error| {
        Error::new(ErrorKind::Io, format!("offset.store.path={}: {error}", config.offset_store_path))
    })
}

/// Who keeps the offsets.
pub(crate) enum Store {
    /// The brokers, for the group.
    Broker,
    /// A file, for this consumer.
    File(Box<LocalStore>),
}

impl Store {
    /// The store in `file`, else the brokers.
    pub(crate) fn new(file: Option<&Path>) -> Store {
        file.map_or(Store::Broker, |file| Store::File(Box::new(LocalStore::new(file))))
    }

    /// Makes it ready, before the first queue asks for its offset.
    pub(crate) async fn open(&self, status: &Status) -> Result<()> {
        match self {
            Store::Broker => Ok(()),
            Store::File(store) => store.open(status).await,
        }
    }

    /// Ends it, after the last queue was given up.
    pub(crate) async fn close(&self, status: &Status) {
        if let Store::File(store) = self {
            store.close(status).await;
        }
    }
}

/// Saves to the file until the consumer stops; nothing to do with brokers, where each queue commits by itself.
pub(crate) async fn keep_saving(engine: Arc<Engine>) {
    if let Store::File(store) = &engine.store {
        store.keep_saving(&engine).await;
    }
}

/// Keeps a queue's progress until `stop`.
pub(crate) async fn keep_committing(engine: &Engine, queue: &Arc<Queue>, stop: &CancellationToken) {
    match &engine.store {
        Store::Broker => commit::keep_committing(engine, queue, stop).await,
        Store::File(store) => store.follow(engine, queue, stop).await,
    }
}

/// The last commit of a queue that is given up, tried until `deadline`; see [`commit::commit_final`]. Without
/// `auto.commit` there is none. A file that
/// cannot be written now will not be in a moment, and that is told by its store.
pub(crate) async fn commit_final(
    engine: &Engine,
    queue: &Arc<Queue>,
    outlasted: bool,
    deadline: Instant,
) -> Result<()> {
    match &engine.store {
        Store::Broker if !engine.config.auto_commit => Ok(()),
        Store::Broker => commit::commit_final(engine, queue, outlasted, deadline).await,
        Store::File(store) => {
            store.put(queue);
            // What fails is told by the store.
            let _ = store.save(&engine.status).await;
            Ok(())
        }
    }
}
