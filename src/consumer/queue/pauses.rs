//! Which queues are paused: for each, the latest call that covers it counts.

use crate::message::MessageQueue;

/// Queues by topic, broker and number; what is `None` is any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    /// The queue's topic: `%RETRY%…` for the retry topic's.
    pub(crate) topic: Option<String>,
    /// The broker's name.
    pub(crate) broker: Option<String>,
    /// The queue's number at its broker.
    pub(crate) queue_id: Option<i32>,
}

/// The calls that still say something about any queue, in their order.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    rules: Vec<(Selection, bool)>,
}

impl Selection {
    /// True for a queue that is meant.
    pub(crate) fn covers(&self, queue: &MessageQueue) -> bool {
        self.topic.as_deref().is_none_or(|topic| topic == &*queue.topic)
            && self.broker.as_deref().is_none_or(|broker| broker == &*queue.broker)
            && self.queue_id.is_none_or(|id| id == queue.id)
    }

    /// True when it means every queue that `other` means.
    fn includes(&self, other: &Selection) -> bool {
        (self.topic.is_none() || self.topic == other.topic)
            && (self.broker.is_none() || self.broker == other.broker)
            && (self.queue_id.is_none() || self.queue_id == other.queue_id)
    }
}

impl Pauses {
    /// Notes a call. Those before it that it includes say nothing any more.
    pub(crate) fn set(&mut self, selection: Selection, paused: bool) {
        self.rules.retain(|(before, _)| !selection.includes(before));
        // Without a pause before it a resume says nothing.
        if paused || !self.rules.is_empty() {
            self.rules.push((selection, paused));
        }
    }

    /// True for a queue that is paused.
    pub(crate) fn paused(&self, queue: &MessageQueue) -> bool {
        self.rules.iter().rev().find(|(rule, _)| rule.covers(queue)).is_some_and(|(_, paused)| *paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(topic: &str, id: i32) -> MessageQueue {
        MessageQueue { topic: topic.into(), broker: "b".into(), id }
    }

    fn select(topic: Option<&str>, queue_id: Option<i32>) -> Selection {
        Selection { topic: topic.map(str::to_owned), broker: None, queue_id }
    }

    #[test]
    fn a_pause_holds_until_a_resume_of_the_same_or_more() {
        let mut pauses = Pauses::default();
        pauses.set(select(Some("T"), None), true);
        assert!(pauses.paused(&queue("T", 0)) && !pauses.paused(&queue("U", 0)));
        pauses.set(select(Some("U"), None), false);
        assert!(pauses.paused(&queue("T", 0)));
        pauses.set(select(None, None), false);
        assert!(!pauses.paused(&queue("T", 0)));
        assert!(pauses.rules.is_empty(), "nothing is kept that says nothing");
    }

    #[test]
    fn a_narrower_call_after_a_wider_one_changes_its_queues_only() {
        let mut pauses = Pauses::default();
        pauses.set(select(None, None), true);
        pauses.set(select(Some("T"), Some(1)), false);
        assert!(pauses.paused(&queue("T", 0)) && !pauses.paused(&queue("T", 1)));
        pauses.set(select(Some("T"), None), true);
        assert!(pauses.paused(&queue("T", 1)));
        assert_eq!(pauses.rules.len(), 2);
    }

    #[test]
    fn rules_do_not_pile_up() {
        let mut pauses = Pauses::default();
        for _ in 0..100 {
            pauses.set(select(Some("T"), Some(1)), true);
            pauses.set(select(Some("T"), Some(1)), false);
        }
        assert!(pauses.rules.is_empty());
    }
}
