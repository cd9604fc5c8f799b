//! Who has locked which queue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rmq::message::MessageQueue;
use rmq::protocol::command::{LockQueues, LockedQueues, UnlockQueues};

/// A lock ends so long after it was last taken.
const LIFETIME: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Locks(BTreeMap<(String, MessageQueue), Lock>);

struct Lock {
    owner: String,
    at: Instant,
    /// How much older it is than the clock says.
    aged: Duration,
}

impl Lock {
    fn new(owner: &str) -> Lock {
        Lock { owner: owner.to_owned(), at: Instant::now(), aged: Duration::ZERO }
    }

    fn has_ended(&self) -> bool {
        self.at.elapsed() + self.aged >= LIFETIME
    }
}

impl Locks {
    /// Takes those that are free, ended, or the client's own.
    pub(super) fn lock(&mut self, request: LockQueues) -> LockedQueues {
        let LockQueues { consumer_group, client_id, queues } = request;
        let granted = queues.into_iter().filter(|queue| {
            let key = (consumer_group.clone(), queue.clone());
            let free = self.0.get(&key).is_none_or(|l| l.owner == client_id || l.has_ended());
            if free {
                self.0.insert(key, Lock::new(&client_id));
            }
            free
        });
        LockedQueues { queues: granted.collect() }
    }

    /// Frees those that are the client's own.
    pub(super) fn unlock(&mut self, request: &UnlockQueues) {
        for queue in &request.queues {
            let key = (request.consumer_group.clone(), queue.clone());
            if self.0.get(&key).is_some_and(|lock| lock.owner == request.client_id) {
                self.0.remove(&key);
            }
        }
    }

    pub(super) fn owner(&self, group: &str, queue: MessageQueue) -> Option<String> {
        let lock = self.0.get(&(group.to_owned(), queue))?;
        (!lock.has_ended()).then(|| lock.owner.clone())
    }

    /// Makes all of them older.
    pub(super) fn age(&mut self, by: Duration) {
        for lock in self.0.values_mut() {
            lock.aged += by;
        }
    }

    /// Makes a lock somebody's, or nobody's.
    pub(super) fn set(&mut self, group: &str, queue: MessageQueue, owner: Option<&str>) {
        let key = (group.to_owned(), queue);
        match owner {
            Some(owner) => {
                self.0.insert(key, Lock::new(owner));
            }
            None => {
                self.0.remove(&key);
            }
        }
    }
}
