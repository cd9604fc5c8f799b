//! The strategy that is the user's own: asked on a thread of its own, since it may block, take a lock of its
//! language, or call us.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::callback_thread::CallbackThread;
use crate::config::Strategy;
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;
use crate::runtime::{Tasks, threads};

/// The queues of one topic and the members to divide them among.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// The topic; also the group's retry topic.
    pub topic: String,
    /// Who asks.
    pub client_id: String,
    /// The group's client ids, sorted; the one who asks is among them.
    pub members: Vec<String>,
    /// The queues, sorted.
    pub queues: Vec<MessageQueue>,
}

/// What the member that asks is to own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// The queues at these positions in [`Division::queues`].
    Queues(Vec<usize>),
    /// What the strategy AVG gives.
    Avg,
}

/// Divides queues in the user's way. Every member of the group must come to the same division.
pub trait Allocator: Send + Sync {
    /// Chooses the queues of the member that asks. After an error, or a panic, what it owns stays as it is, and
    /// it is asked again.
    fn allocate(&self, division: &Division) -> Result<Share>;
}

/// Asks an allocator.
pub(crate) struct Custom {
    allocator: Option<Arc<dyn Allocator>>,
    /// The stack of its threads; 0 is the platform's default.
    stack: usize,
    handles: Mutex<Vec<JoinHandle<()>>>,
    thread: CallbackThread,
}

impl Custom {
    pub(crate) fn new(allocator: Option<Arc<dyn Allocator>>, stack: usize, thread: CallbackThread) -> Custom {
        Custom { allocator, stack, handles: Mutex::default(), thread }
    }

    /// An allocator is accepted for the strategy that uses it.
    pub(crate) fn fits(strategy: &Strategy, is_set: bool) -> Result<()> {
        match is_set && *strategy != Strategy::Custom {
            true => Err(Error::new(
                ErrorKind::ConfigValue,
                "the allocate callback is used by allocate.strategy=custom only, and that is not set",
            )),
            false => Ok(()),
        }
    }

    /// The strategy that uses an allocator has one.
    pub(crate) fn is_complete(strategy: &Strategy, is_set: bool) -> Result<()> {
        match *strategy == Strategy::Custom && !is_set {
            true => Err(Error::new(
                ErrorKind::State,
                "start: allocate.strategy=custom, and no allocate callback is set",
            )),
            false => Ok(()),
        }
    }

    /// Asks on a new thread. A stop waits for the answer, also when nobody else does any more.
    pub(crate) async fn ask(&self, tasks: &Tasks, division: Division) -> Result<Share> {
        let Some(allocator) = self.allocator.clone() else { return Ok(Share::Avg) };
        let (sender, answer) = oneshot::channel();
        let (forward, forwarded) = oneshot::channel();
        let thread = self.thread.clone();
        let run = move || {
            thread.enter();
            let call = AssertUnwindSafe(|| {
                allocator.allocate(&division).and_then(|share| checked(share, &division))
            });
            let share = catch_unwind(call)
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Panic, "the allocate callback panicked")));
            // Nobody may wait for it any more.
            let _ = sender.send(share);
        };
        let handle = threads::spawn("rmq-alloc".to_owned(), self.stack, run)
            .map_err(|e| Error::new(ErrorKind::Thread, format!("cannot start rmq-alloc: {e}")))?;
        {
            let mut handles = self.handles();
            handles.retain(|handle| !handle.is_finished());
            handles.push(handle);
        }
        tasks.spawn("allocate callback", async move {
            if let Ok(share) = answer.await {
                // As above.
                let _ = forward.send(share);
            }
        });
        let lost = || Err(Error::new(ErrorKind::Unknown, "the allocate callback gave no answer"));
        forwarded.await.unwrap_or_else(|_| lost())
    }

    /// Waits for the end of its threads, after the stop has waited for their answers.
    pub(crate) fn join(&self) {
        let handles = std::mem::take(&mut *self.handles());
        for handle in handles {
            // A panic was caught around the callback; there is nothing to learn here.
            let _ = handle.join();
        }
    }

    fn handles(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses positions that are not there, and those given twice.
fn checked(share: Share, division: &Division) -> Result<Share> {
    let Share::Queues(indexes) = &share else { return Ok(share) };
    let count = division.queues.len();
    let mut seen = vec![false; count];
    for index in indexes {
        let wrong = match seen.get_mut(*index) {
            None => format!("index {index}, and there are {count} queues"),
            Some(true) => format!("index {index} twice"),
            Some(fresh) => {
                *fresh = true;
                continue;
            }
        };
        let text = format!("the allocate callback gave {wrong} of {}", division.topic);
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    Ok(share)
}

#[cfg(test)]
mod tests {
    use super::super::rebalance::tests::queues;
    use super::*;

    #[test]
    fn an_answer_names_each_queue_at_most_once() {
        let division = Division {
            topic: "T".into(),
            client_id: "a".into(),
            members: vec!["a".into()],
            queues: queues(2),
        };
        let check = |indexes: &[usize]| checked(Share::Queues(indexes.to_vec()), &division);
        assert!(check(&[1, 0]).is_ok() && check(&[]).is_ok());
        assert_eq!(
            check(&[2]).unwrap_err().text(),
            "the allocate callback gave index 2, and there are 2 queues of T"
        );
        assert_eq!(check(&[1, 1]).unwrap_err().text(), "the allocate callback gave index 1 twice of T");
    }
}
