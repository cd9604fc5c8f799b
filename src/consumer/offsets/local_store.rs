//! Keeps a broadcasting consumer's offsets in its file: queues note their progress in a table, which is saved every
//! `offset.persist.interval.ms`, when a queue is given up, and at the stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::local_file::{Found, Offsets, text};
use crate::consumer::engine::Engine;
use crate::consumer::event::Event;
use crate::consumer::queue::Queue;
use crate::consumer::status::{Status, count};
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;
use crate::runtime::blocking;

/// See the module's doc.
pub(crate) struct LocalStore {
    file: PathBuf,
    disk: Arc<Mutex<Disk>>,
    table: Mutex<Table>,
    /// Held while the file is written, so that whoever comes meanwhile finds its offset saved by the next one.
    saved: tokio::sync::Mutex<Saved>,
    /// Told when a queue has its first offset: it must not be lost, or what arrives before the next start is.
    first: Notify,
}

#[derive(Default)]
struct Table {
    offsets: Offsets,
    /// As they are on the disk.
    on_disk: Offsets,
    /// Grows with each change of an offset.
    version: u64,
    /// Queues whose offset is not known to be on the disk.
    unsaved: BTreeMap<MessageQueue, Unsaved>,
}

struct Unsaved {
    queue: Arc<Queue>,
    round: u64,
    offset: i64,
}

#[derive(Default)]
struct Saved {
    /// The version on the disk.
    version: u64,
    /// What keeps the file from being written, told already.
    trouble: Option<Error>,
}

impl LocalStore {
    /// A store that has not looked at its file yet.
    pub(crate) fn new(file: &Path) -> LocalStore {
        LocalStore {
            file: file.to_owned(),
            disk: Arc::new(Mutex::new(Disk::new(file.to_owned()))),
            table: Mutex::default(),
            saved: tokio::sync::Mutex::default(),
            first: Notify::new(),
        }
    }

    /// Takes the file and reads it. A file that another consumer has is an error; whatever else is wrong is told,
    /// and the consumer goes on without what it cannot read.
    pub(super) async fn open(&self, status: &Status) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let opened = blocking::run(move || lock(&disk).open()).await??;
        if let Some(trouble) = opened.trouble {
            self.tell(status, &mut *self.saved.lock().await, trouble);
        }
        let path = self.file.display();
        match opened.found {
            Found::Nothing => status.log().info("offsets", format_args!("{path} will be made")),
            Found::Offsets(offsets) => {
                status.log().info("offsets", format_args!("{path} has {} queues", offsets.len()));
                self.begin_with(offsets);
            }
            Found::Backup(offsets, why) => {
                let why = why.unwrap_or_else(|| "is not there".to_owned());
                let text = format!("{path}: {why}; the offsets of {path}.bak are taken, which may be older");
                status.log().warn("offsets", &text);
                let details = Map::from_iter([("path".to_owned(), json!(path.to_string()))]);
                status.tell(Event::warning("offset_file", text, details));
                self.begin_with(offsets);
            }
            Found::Bad(file, backup) => {
                let text =
                    format!("{path}: {file}; {path}.bak: {backup}; every queue begins by consume.from");
                status.report("offsets", Error::new(ErrorKind::OffsetFile, text));
            }
        }
        Ok(())
    }

    /// Where a queue goes on.
    pub(super) fn offset(&self, queue: &MessageQueue) -> Option<i64> {
        lock(&self.table).offsets.get(queue).copied()
    }

    /// Where a queue would go on after a crash.
    pub(super) fn saved(&self, queue: &MessageQueue) -> Option<i64> {
        lock(&self.table).on_disk.get(queue).copied()
    }

    fn begin_with(&self, offsets: Offsets) {
        let mut table = lock(&self.table);
        table.on_disk = offsets.clone();
        table.offsets = offsets;
    }

    /// Notes a queue's progress. As at a broker, an offset goes back only when the broker of the queue moved it.
    pub(super) fn put(&self, queue: &Arc<Queue>) {
        let (round, offset) = (queue.commit_round(), queue.committable());
        if queue.committed().is_some_and(|committed| committed >= offset) {
            return;
        }
        let before = {
            let mut table = lock(&self.table);
            let before = table.offsets.insert(queue.name.clone(), offset);
            table.version += u64::from(before != Some(offset));
            table.unsaved.insert(queue.name.clone(), Unsaved { queue: Arc::clone(queue), round, offset });
            before
        };
        if before.is_none() {
            self.first.notify_one();
        }
    }

    /// Notes a queue's progress until `stop`, not more often than every `offset.commit.interval.ms`; saves at once
    /// for those who wait for it.
    pub(super) async fn follow(&self, engine: &Engine, queue: &Arc<Queue>, stop: &CancellationToken) {
        let mut not_before = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = queue.commits().asked() => {
                    let number = queue.commits().number();
                    self.put(queue);
                    queue.commits().answer(number, &self.save(&engine.status).await);
                }
                () = async {
                    queue.touched().await;
                    sleep_until(not_before).await;
                } => self.put(queue),
            }
            not_before = Instant::now() + engine.config.offset_commit_interval;
        }
    }

    /// Saves on the timer until the consumer stops; never cut off in the middle.
    pub(super) async fn keep_saving(&self, engine: &Engine) {
        let stopped = engine.tasks.stopped();
        loop {
            tokio::select! {
                biased;
                () = stopped.cancelled() => return,
                () = self.first.notified() => {}
                () = sleep(engine.config.offset_persist_interval) => {}
            }
            // What failed is told.
            let _ = self.save(&engine.status).await;
        }
    }

    /// Brings the table to the disk if it is not there. What fails is told when it begins, and tried again when the
    /// next one saves.
    pub(super) async fn save(&self, status: &Status) -> Result<()> {
        let mut saved = self.saved.lock().await;
        let (version, unsaved, offsets) = {
            let mut table = lock(&self.table);
            let changed = table.version != saved.version;
            let offsets = changed.then(|| table.offsets.clone());
            (table.version, std::mem::take(&mut table.unsaved), offsets)
        };
        if let Some(offsets) = offsets {
            let text = text(&offsets);
            let disk = Arc::clone(&self.disk);
            let written = blocking::run(move || lock(&disk).save(&text)).await;
            if let Err(error) = written.map_err(Error::from).and_then(|written| written) {
                self.keep(unsaved);
                self.tell(status, &mut saved, error.clone());
                return Err(error);
            }
            saved.version = version;
            lock(&self.table).on_disk = offsets;
            if saved.trouble.take().is_some() {
                status.log().info("offsets", format_args!("{} is saved again", self.file.display()));
            }
        }
        count(&status.counters.commits, unsaved.len());
        for Unsaved { queue, round, offset } in unsaved.into_values() {
            queue.learn_committed(round, Some(offset));
        }
        Ok(())
    }

    /// Saves for the last time, and lets the next consumer have the file.
    pub(super) async fn close(&self, status: &Status) {
        // What failed is told.
        let _ = self.save(status).await;
        let left = lock(&self.table).unsaved.len();
        if left > 0 {
            let text = format!(
                "{}: the last offsets of {left} queues are not saved; what was consumed since the save before comes again",
                self.file.display()
            );
            status.report("offsets", Error::new(ErrorKind::Io, text));
        }
        let disk = Arc::clone(&self.disk);
        // Fails only if the runtime ends; the lock ends with it.
        let _ = blocking::run(move || lock(&disk).release()).await;
    }

    /// Takes back what could not be saved, unless there is newer.
    fn keep(&self, unsaved: BTreeMap<MessageQueue, Unsaved>) {
        let mut table = lock(&self.table);
        for (name, each) in unsaved {
            table.unsaved.entry(name).or_insert(each);
        }
    }

    /// Reports what keeps the file from being written, once as long as it is the same.
    fn tell(&self, status: &Status, saved: &mut Saved, trouble: Error) {
        if saved.trouble.as_ref() != Some(&trouble) {
            let text = "the offsets cannot be saved, and are kept in memory";
            status.report("offsets", trouble.clone().context(text));
            saved.trouble = Some(trouble);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
