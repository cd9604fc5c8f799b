//! The barrier between the old and the new owner of a queue, so that nothing is delivered twice.
//!
//! The broker's push reaches the old owner in the same moment as the new one, so an offset query would
//! race with the old owner's last commit. A queue lock at the broker orders the two: the old owner unlocks
//! after its commit, the new one locks before its query. The lock's name is `<group>@handover`: a lock
//! under the group's own name would send republished retries straight to the dead letters (5.5.0).
//!
//! In orderly consumption the lock is Java's own, under the group's name, and does both: nobody else may have a
//! message of the queue while it is held, so a queue is never begun without it.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::queue::steps::Trouble;
use super::queue::{LOCK_LIFE, Order, Queue};
use super::status::count;
use crate::cluster::ResponseCode;
use crate::cluster::command::{LockQueues, UnlockQueues};
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;
use crate::runtime::{Backoff, random};

/// How often a lock is renewed; a broker lets it go after 60 s.
const RENEWAL: Duration = Duration::from_secs(20);

/// The wait after a renewal that got no answer.
const RENEWAL_RETRY: Duration = Duration::from_secs(2);

/// First and longest wait before a refused lock is asked for again.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The longest while few queues wait: the previous owner lets go when its longest callback ends, and from then on nobody
/// consumes the queue.
const PROMPT: Duration = Duration::from_millis(25);

/// What each queue that waits adds to that: their broker hears of all of them a thousand times a second at most.
const PER_QUEUE: Duration = Duration::from_millis(1);

/// How long a previous owner has to be missing among the members: one whose connection broke is back sooner, and still has
/// the queue.
const ABSENCE: Duration = Duration::from_millis(500);

/// How long an answer is waited for that is under way when the queue is given up.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Who had a queue before, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PreviousOwner {
    /// Nobody of the group.
    Nobody,
    /// This member.
    Member(String),
    /// Anybody of the group: it cannot be computed.
    Unknown,
}

impl PreviousOwner {
    /// True while somebody who may have the queue is among `members`.
    fn is_here(&self, members: &[String], me: &str) -> bool {
        match self {
            PreviousOwner::Nobody => false,
            PreviousOwner::Member(owner) => members.iter().any(|member| member == owner),
            PreviousOwner::Unknown => members.iter().any(|member| member != me),
        }
    }
}

/// The lock of one queue, or the knowledge that there is none.
pub(crate) struct Lease<'a> {
    engine: &'a Engine,
    queue: &'a MessageQueue,
    order: Option<&'a Order>,
    held: AtomicBool,
    /// False for a member that shares with nobody: in broadcasting, and with queues that were assigned.
    needed: bool,
}

impl<'a> Lease<'a> {
    /// No lock, for a queue that is not shared.
    pub(crate) fn unneeded(engine: &'a Engine, queue: &'a Queue) -> Lease<'a> {
        Lease { engine, queue: &queue.name, order: None, held: AtomicBool::new(false), needed: false }
    }

    /// Waits until the previous owner has let go. Goes on without the lock, unless order is at stake, when that
    /// owner has left the group, when `rebalance.handover.timeout.ms` have passed, or when the broker refuses to
    /// lock at all.
    /// `None` after `stop`; a question that is under way then is not cut off, since a lock that was granted
    /// must be given back.
    pub(crate) async fn acquire(
        engine: &'a Engine,
        queue: &'a Queue,
        previous_owner: &PreviousOwner,
        stop: &CancellationToken,
    ) -> Option<Lease<'a>> {
        let lease = Lease { order: queue.order.as_ref(), needed: true, ..Lease::unneeded(engine, queue) };
        let (steps, queue, orderly) = (queue.steps(), lease.queue, lease.order.is_some());
        let (mut told, mut absent_since) = (false, None);
        let deadline = Instant::now() + engine.config.handover_timeout;
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        // Each queue that waits has one, so they count who waits.
        let mut members = engine.members.subscribe();
        loop {
            let answer = tokio::select! {
                answer = lease.lock() => answer,
                () = async { stop.cancelled().await; sleep(UNDER_WAY).await } => return None,
            };
            match &answer {
                Ok(_) => steps.meets(Trouble::Locked),
                Err(error) => steps.meets(Trouble::Failed(error.clone())),
            }
            // In order the lock is waited for without an end, and may be that of a member that died.
            let soon = matches!(answer, Ok(false)) && !orderly;
            match answer {
                Ok(true) => return Some(lease),
                Ok(false) if orderly => {
                    engine.log.debug("handover", format_args!("{queue}: locked by another"))
                }
                Err(error) if orderly => {
                    let refused = refuses_locks(&error, false) && !std::mem::replace(&mut told, true);
                    let error = error.context(format_args!("lock {queue}"));
                    match refused {
                        true => engine.status.report("handover", error),
                        false => engine.log.debug("handover", error),
                    }
                }
                // Locks are the master's; a slave can be read without.
                answer if matches!(answer, Ok(false)) || lease.has_no_master() => {
                    match previous_owner.is_here(&members.borrow(), &engine.client_id) {
                        true => absent_since = None,
                        false
                            if *previous_owner == PreviousOwner::Nobody
                                || absent_since.get_or_insert_with(Instant::now).elapsed() >= ABSENCE =>
                        {
                            lease.go_without("its previous owner has left the group");
                            return Some(lease);
                        }
                        false => {}
                    }
                    if Instant::now() >= deadline {
                        lease.go_without("its previous owner did not let go in time");
                        return Some(lease);
                    }
                }
                Ok(_) => {}
                Err(error) if refuses_locks(&error, Instant::now() >= deadline) => {
                    lease.go_without(error.text());
                    return Some(lease);
                }
                // Without its broker, or while that is busy, a queue cannot be consumed either.
                Err(error) => engine.log.debug("handover", error),
            }
            let mut wait = backoff.next_wait(random::fraction());
            if soon {
                wait = wait.min(longest_wait(engine.members.receiver_count()));
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                () = sleep(wait) => {}
                // The group changed: maybe the lock is free now.
                _ = members.changed() => {}
            }
        }
    }

    /// Renews the lock for as long as this is polled. Ends when somebody else has it: then the queue is no
    /// longer ours, and nothing of it may be committed.
    pub(crate) async fn keep(&self) {
        if !self.needed {
            return pending().await;
        }
        let mut renewed = Instant::now();
        let mut pause = RENEWAL;
        loop {
            tokio::select! {
                () = sleep_until(Instant::now() + pause) => {}
                () = self.doubted(), if pause == RENEWAL => {}
            }
            pause = RENEWAL;
            match self.lock().await {
                Ok(false) if self.held.load(Ordering::Acquire) => return,
                Ok(_) => renewed = Instant::now(),
                Err(_) if self.order.is_some() && renewed.elapsed() >= LOCK_LIFE => return,
                Err(error) => {
                    pause = RENEWAL_RETRY;
                    self.engine.log.debug("handover", error);
                }
            }
        }
    }

    /// Lets the next owner begin.
    pub(crate) async fn release(&self) {
        if !self.held.load(Ordering::Acquire) {
            return;
        }
        let LockQueues { consumer_group, client_id, queues } = self.request();
        let request = UnlockQueues { consumer_group, client_id, queues };
        if let Err(error) = self.engine.cluster.call_master(self.queue, &request).await {
            self.engine.log.warn("handover", error);
        }
    }

    /// Ends when an orderly queue's broker may have forgotten its lock.
    async fn doubted(&self) {
        match self.order {
            Some(order) => order.lock_doubted().await,
            None => pending().await,
        }
    }

    async fn lock(&self) -> Result<bool> {
        let asked = Instant::now();
        let request = self.request();
        let granted = self.engine.cluster.call_master(self.queue, &request).await?;
        let ours = granted.queues.contains(self.queue);
        if ours {
            self.held.store(true, Ordering::Release);
            if let Some(order) = self.order {
                order.lock_granted(asked);
            }
        }
        Ok(ours)
    }

    fn has_no_master(&self) -> bool {
        self.engine.cluster.routes().has_only_slaves(&self.queue.broker)
    }

    fn go_without(&self, why: &str) {
        count(&self.engine.status.counters.without_barrier, 1);
        let text = format_args!("{} begins without the hand-over lock: {why}", self.queue);
        self.engine.log.info("handover", text);
    }

    fn request(&self) -> LockQueues {
        LockQueues {
            consumer_group: match self.order {
                Some(_) => self.engine.config.group.clone(),
                None => format!("{}@handover", self.engine.config.group),
            },
            client_id: self.engine.client_id.to_string(),
            queues: vec![self.queue.clone()],
        }
    }
}

/// How long a refused lock is left alone at most, when so many queues wait for theirs.
fn longest_wait(waiting: usize) -> Duration {
    PROMPT.max(PER_QUEUE * u32::try_from(waiting).unwrap_or(u32::MAX))
}

/// True for a broker that will not lock later either, as one whose access control forbids it; a busy one
/// may, unless it is too late for that.
fn refuses_locks(error: &Error, late: bool) -> bool {
    match error.kind() {
        ErrorKind::Broker(ResponseCode::SystemBusy | ResponseCode::FlowControl) => late,
        ErrorKind::Broker(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_owner_may_be_anybody_but_us() {
        let members = ["a".to_owned(), "b".to_owned()];
        let here = |owner: PreviousOwner, members: &[String]| owner.is_here(members, "a");
        assert!(!here(PreviousOwner::Nobody, &members));
        assert!(here(PreviousOwner::Member("b".to_owned()), &members));
        assert!(!here(PreviousOwner::Member("c".to_owned()), &members));
        assert!(here(PreviousOwner::Unknown, &members));
        assert!(!here(PreviousOwner::Unknown, &members[..1]));
    }

    #[test]
    fn the_more_queues_wait_the_longer_each_does() {
        assert_eq!([1, 25, 1000].map(|waiting| longest_wait(waiting).as_millis()), [25, 25, 1000]);
    }
}
