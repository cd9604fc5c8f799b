//! Limits of how many messages are handed out in a second: of the whole consumer and of single topics.
//!
//! What a limit holds back waits here, in its order, and moves on to what is ready as tokens come. So no worker waits
//! for a token. A limit never has more lying ready than it could save up: whoever was slow for a while gets no flood.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::ready::{Ready, Share};

/// Messages whose topics are known.
pub(super) trait Topical {
    /// The topic that the message with this index was sent to.
    fn topic_of(&self, index: usize) -> &str;
}

/// See the module's doc.
pub(super) struct Pace<B> {
    all: Option<Limit<B>>,
    topics: HashMap<Box<str>, Limit<B>>,
    held: VecDeque<Held<B>>,
}

struct Held<B> {
    batch: Arc<B>,
    messages: Range<usize>,
    ordered: bool,
}

struct Limit<B> {
    bucket: Bucket,
    /// What was let go, as long as nobody has claimed all of it.
    out: Vec<Weak<Share<B>>>,
    /// How many more may leave now.
    room: usize,
}

impl<B> Limit<B> {
    fn look(&mut self, now: Instant) {
        let unclaimed = |share: &Weak<Share<B>>| share.upgrade().map_or(0, |share| share.unclaimed());
        self.out.retain(|share| unclaimed(share) > 0);
        let out: usize = self.out.iter().map(unclaimed).sum();
        self.room = self.bucket.available(now).min(self.bucket.burst().saturating_sub(out));
    }

    fn spend(&mut self, share: &Arc<Share<B>>, count: usize) {
        self.bucket.spend(count);
        self.room -= count;
        self.out.push(Arc::downgrade(share));
    }
}

impl<B> Default for Pace<B> {
    fn default() -> Self {
        Pace { all: None, topics: HashMap::new(), held: VecDeque::new() }
    }
}

impl<B: Topical> Pace<B> {
    /// Sets the limit of a topic, or of all, in messages a second; 0 takes it away. What lies ready is held again.
    pub(super) fn limit(&mut self, topic: Option<&str>, per_second: u32, ready: &mut Ready<B>, now: Instant) {
        let made = || Limit { bucket: Bucket::new(per_second, now), out: Vec::new(), room: 0 };
        match (topic, per_second) {
            (None, 0) => self.all = None,
            (None, _) => self.all.get_or_insert_with(made).bucket.change(per_second, now),
            (Some(topic), 0) => drop(self.topics.remove(topic)),
            (Some(topic), _) => {
                self.topics.entry(topic.into()).or_insert_with(made).bucket.change(per_second, now);
            }
        }
        for (batch, messages, ordered) in ready.take_back().into_iter().rev() {
            self.held.push_front(Held { batch, messages, ordered });
        }
    }

    /// True when a limit is for one of these messages.
    pub(super) fn is_for(&self, batch: &B, messages: &Range<usize>) -> bool {
        let limited = |index| self.topics.contains_key(batch.topic_of(index));
        self.all.is_some() || (!self.topics.is_empty() && messages.clone().any(limited))
    }

    /// Keeps messages until their tokens come.
    pub(super) fn hold(&mut self, batch: Arc<B>, messages: Range<usize>, ordered: bool) {
        self.held.push_back(Held { batch, messages, ordered });
    }

    /// Lets go what may leave now; of ordered messages `most` at once, since nobody would take more. True when there
    /// was something.
    pub(super) fn release(&mut self, ready: &mut Ready<B>, most: usize, now: Instant) -> bool {
        self.all.iter_mut().chain(self.topics.values_mut()).for_each(|limit| limit.look(now));
        let (mut kept, mut released) = (VecDeque::new(), false);
        while let Some(mut held) = self.held.pop_front() {
            let count = match (self.leaving(&held), held.ordered) {
                (count, true) => count.min(most),
                (count, false) => count,
            };
            if count == 0 {
                kept.push_back(held);
                if self.all.as_ref().is_some_and(|all| all.room == 0) {
                    break;
                }
                continue;
            }
            let end = held.messages.start + count;
            let share = ready.push(Arc::clone(&held.batch), held.messages.start..end, held.ordered);
            let topic = held.batch.topic_of(held.messages.start);
            for limit in self.all.iter_mut().chain(self.topics.get_mut(topic)) {
                limit.spend(&share, count);
            }
            released = true;
            held.messages.start = end;
            // The rest of what is ordered comes from its queue when this is settled.
            if !held.ordered && !held.messages.is_empty() {
                self.held.push_front(held);
            }
        }
        kept.append(&mut self.held);
        self.held = kept;
        released
    }

    /// How long to wait before the next [`Pace::release`]; `None` while nothing is held.
    pub(super) fn pause(&self) -> Option<Duration> {
        let full = self.all.iter().chain(self.topics.values()).filter(|limit| limit.room == 0);
        full.map(|limit| limit.bucket.pause()).min().filter(|_| !self.held.is_empty())
    }

    /// Drops every batch that `gone` names. True when there was one.
    pub(super) fn discard(&mut self, gone: impl Fn(&B) -> bool) -> bool {
        let before = self.held.len();
        self.held.retain(|held| !gone(&held.batch));
        self.held.len() < before
    }

    /// A share was claimed: what a poll left of an ordered one to nobody costs nothing.
    pub(super) fn refund(&mut self, share: &Share<B>, claimed: &Range<usize>) {
        let count = share.left_over(claimed);
        if count > 0 {
            let topic = share.batch.topic_of(claimed.start);
            for limit in self.all.iter_mut().chain(self.topics.get_mut(topic)) {
                limit.bucket.refund(count);
            }
        }
    }

    /// How many messages from the first on may leave: of one topic, within its limit and that of all.
    fn leaving(&self, held: &Held<B>) -> usize {
        let topic = held.batch.topic_of(held.messages.start);
        let limits = self.all.iter().chain(self.topics.get(topic));
        let room = limits.map(|limit| limit.room).min().unwrap_or(usize::MAX);
        held.messages.clone().take(room).take_while(|index| held.batch.topic_of(*index) == topic).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A topic for each message.
    impl Topical for Vec<&'static str> {
        fn topic_of(&self, index: usize) -> &str {
            self[index]
        }
    }

    struct Bench {
        pace: Pace<Vec<&'static str>>,
        ready: Ready<Vec<&'static str>>,
        now: Instant,
    }

    impl Bench {
        fn new(limits: &[(Option<&str>, u32)]) -> Bench {
            let mut bench = Bench { pace: Pace::default(), ready: Ready::default(), now: Instant::now() };
            for (topic, per_second) in limits {
                bench.pace.limit(*topic, *per_second, &mut bench.ready, bench.now);
            }
            bench
        }

        fn hold(&mut self, topics: &[&'static str], ordered: bool) {
            self.pace.hold(Arc::new(topics.to_vec()), 0..topics.len(), ordered);
        }

        /// Claims all that is ready.
        fn claim(&mut self, most: usize) -> Vec<&'static str> {
            let mut claimed = Vec::new();
            while let Some(share) = self.ready.front() {
                if let Some(range) = share.claim(most) {
                    self.pace.refund(&share, &range);
                    claimed.extend(range.map(|index| share.batch[index]));
                }
            }
            claimed
        }

        fn after(&mut self, millis: u64) -> Vec<&'static str> {
            self.now += Duration::from_millis(millis);
            self.pace.release(&mut self.ready, 32, self.now);
            self.claim(32)
        }
    }

    #[test]
    fn a_topics_limit_holds_back_its_messages_and_no_others() {
        let mut bench = Bench::new(&[(Some("a"), 10)]);
        assert!(bench.pace.is_for(&vec!["b", "a"], &(0..2)));
        assert!(!bench.pace.is_for(&vec!["b", "a"], &(0..1)));
        bench.hold(&["a", "a", "a"], false);
        bench.hold(&["b", "a", "b"], false);
        assert_eq!(bench.after(0), ["a", "b"]);
        assert_eq!(bench.after(50), [""; 0]);
        assert_eq!(bench.after(60), ["a"]);
        assert_eq!(bench.after(100), ["a"]);
        assert_eq!(bench.after(100), ["a", "b"]);
        assert_eq!(bench.pace.pause(), None);
    }

    #[test]
    fn the_limit_of_all_and_a_topics_own_hold_both() {
        let mut bench = Bench::new(&[(None, 20), (Some("a"), 10)]);
        bench.hold(&["a"; 5], false);
        bench.hold(&["b"; 5], false);
        assert_eq!(bench.after(0), ["a", "b"]);
        assert_eq!(bench.after(50), ["b"]);
        assert_eq!(bench.after(60), ["a"]);
        bench.pace.limit(None, 0, &mut bench.ready, bench.now);
        assert_eq!(bench.after(0), ["b"; 3]);
        bench.pace.limit(Some("a"), 0, &mut bench.ready, bench.now);
        assert_eq!(bench.after(0), ["a"; 3]);
    }

    #[test]
    fn what_nobody_claims_is_not_followed_by_more_than_can_be_saved_up() {
        let mut bench = Bench::new(&[(None, 100)]);
        bench.hold(&["a"; 500], false);
        for _ in 0..20 {
            bench.now += Duration::from_millis(100);
            bench.pace.release(&mut bench.ready, 32, bench.now);
        }
        assert!(bench.pace.pause().is_some());
        assert_eq!(bench.claim(32).len(), 10);
    }

    #[test]
    fn what_lies_ready_is_held_again_by_a_new_limit() {
        let mut bench = Bench::new(&[]);
        bench.ready.push(Arc::new(vec!["a"; 30]), 0..30, false);
        let share = Arc::clone(&bench.ready.front().unwrap());
        assert_eq!(share.claim(4), Some(0..4));
        bench.pace.limit(Some("a"), 50, &mut bench.ready, bench.now);
        assert_eq!((bench.ready.waiting(), share.claim(4)), (0, None));
        assert_eq!(bench.after(0), ["a"; 5]);
        assert_eq!(bench.after(100), ["a"; 5]);
        assert!(bench.pace.discard(|_| true));
        assert_eq!(bench.after(100), [""; 0]);
    }

    #[test]
    fn of_ordered_messages_the_rest_comes_from_their_queue() {
        let mut bench = Bench::new(&[(None, 100)]);
        bench.hold(&["a"; 20], true);
        bench.pace.release(&mut bench.ready, 3, bench.now);
        assert_eq!(bench.claim(3), ["a"; 3]);
        assert_eq!(bench.pace.pause(), None);
        // A poll that takes fewer than were let go pays for what it takes.
        bench.hold(&["a"; 20], true);
        bench.pace.release(&mut bench.ready, usize::MAX, bench.now);
        assert_eq!(bench.claim(1), ["a"]);
        bench.hold(&["a"; 20], true);
        bench.pace.release(&mut bench.ready, usize::MAX, bench.now);
        assert_eq!(bench.claim(32), ["a"; 6]);
    }
}
