//! How far an owned queue is in its life, as the watchdog sees it: where it is, what was answered there, and what
//! failed last. Whoever brings the queue on notes it; the watchdog wishes that a step is begun anew.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::cluster::Connection;
use crate::error::Error;

/// Where a queue is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Step {
    /// Its lock is asked for.
    #[default]
    Lock,
    /// It is asked where it begins.
    Offset,
    /// It is pulled.
    Pull,
    /// It is given up.
    Leave,
}

/// What keeps it where it is.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Another member has its lock.
    Locked,
    /// The last try failed.
    Failed(Error),
}

/// See the module's doc.
#[derive(Default)]
pub(crate) struct Steps {
    life: Mutex<Life>,
    commits: Mutex<Commits>,
    /// Told when the present step shall be begun anew.
    step_anew: Notify,
    /// Told when a commit shall be made now.
    commit_anew: Notify,
}

/// The way of the queue up to now.
#[derive(Default, Clone)]
pub(crate) struct Life {
    /// Where it is.
    pub(crate) step: Step,
    /// Grows with every step and every answer that brought it on.
    pub(crate) progress: u64,
    /// The connection of the last pull.
    pub(crate) pulls_over: Option<Connection>,
    /// When it went out, while it is under way.
    pub(crate) pulls_since: Option<Instant>,
    /// Since the last progress.
    pub(crate) trouble: Option<Trouble>,
}

/// The commits of the queue up to now.
#[derive(Default, Clone)]
pub(crate) struct Commits {
    /// Those that ended well.
    pub(crate) made: u64,
    /// One was begun and has not ended well since.
    pub(crate) wanted: bool,
    /// Of the last one.
    pub(crate) trouble: Option<Error>,
}

impl Steps {
    /// The queue comes to a step.
    pub(crate) fn enter(&self, step: Step) {
        let mut life = self.life();
        *life = Life { step, progress: life.progress + 1, ..Life::default() };
    }

    /// A pull goes out.
    pub(crate) fn pulls(&self, over: &Connection) {
        let mut life = self.life();
        life.pulls_over = Some(over.clone());
        life.pulls_since = Some(Instant::now());
    }

    /// The present step went on.
    pub(crate) fn goes_on(&self) {
        let mut life = self.life();
        let (step, progress) = (life.step, life.progress + 1);
        *life = Life { step, progress, ..Life::default() };
    }

    /// The present step did not go on.
    pub(crate) fn meets(&self, trouble: Trouble) {
        let mut life = self.life();
        life.trouble = Some(trouble);
        life.pulls_since = None;
    }

    /// A commit begins.
    pub(crate) fn commits(&self) {
        self.commits_now().wanted = true;
    }

    /// A commit has ended.
    pub(crate) fn committed(&self, failed: Option<&Error>) {
        let mut commits = self.commits_now();
        match failed {
            None => *commits = Commits { made: commits.made + 1, ..Commits::default() },
            Some(error) => commits.trouble = Some(error.clone()),
        }
    }

    /// How far it is.
    pub(crate) fn look(&self) -> (Life, Commits) {
        (self.life().clone(), self.commits_now().clone())
    }

    /// Wishes that the present step is begun anew.
    pub(crate) fn begin_anew(&self) {
        self.step_anew.notify_one();
    }

    /// Wishes a commit now.
    pub(crate) fn commit_anew(&self) {
        self.commit_anew.notify_one();
    }

    /// Waits for [`Steps::begin_anew`]. For the queue's task alone.
    pub(crate) async fn told_to_begin_anew(&self) {
        self.step_anew.notified().await;
    }

    /// Waits for [`Steps::commit_anew`]. For the one who commits alone.
    pub(crate) async fn told_to_commit(&self) {
        self.commit_anew.notified().await;
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commits_now(&self) -> MutexGuard<'_, Commits> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
