//! Who owns which queue: every member computes the same answer from the same lists.

mod avg;

use std::collections::BTreeSet;

use crate::config::Strategy;
use crate::message::MessageQueue;

/// The queues of `me`, by the strategy, over the sorted lists that all members share. Somebody who is
/// not in the list owns nothing.
pub(super) fn allocate(
    strategy: Strategy,
    me: &str,
    queues: &[MessageQueue],
    members: &[String],
) -> Vec<MessageQueue> {
    let Some(index) = members.iter().position(|member| member == me) else { return Vec::new() };
    match strategy {
        Strategy::Avg => avg::allocate(index, members.len(), queues).to_vec(),
    }
}

/// The member that owns `queue`.
pub(super) fn owner<'a>(
    strategy: Strategy,
    queue: &MessageQueue,
    queues: &[MessageQueue],
    members: &'a [String],
) -> Option<&'a str> {
    let owns = |member: &&String| allocate(strategy, member, queues, members).contains(queue);
    members.iter().find(owns).map(String::as_str)
}

/// What changes from one assignment to the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Delta {
    /// Queues to take.
    pub added: Vec<MessageQueue>,
    /// Queues to give up.
    pub removed: Vec<MessageQueue>,
}

impl Delta {
    /// From what is owned to what is due.
    pub(super) fn between(owned: &BTreeSet<MessageQueue>, due: &BTreeSet<MessageQueue>) -> Delta {
        Delta {
            added: due.difference(owned).cloned().collect(),
            removed: owned.difference(due).cloned().collect(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn queues(count: i32) -> Vec<MessageQueue> {
        (0..count).map(|id| MessageQueue { topic: "T".into(), broker: "b".into(), id }).collect()
    }

    fn members(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("m{i:02}")).collect()
    }

    #[test]
    fn every_queue_has_exactly_one_owner() {
        for (queue_count, member_count) in [(8, 1), (8, 3), (3, 8), (0, 2), (16, 5), (1, 1)] {
            let (queues, members) = (queues(queue_count), members(member_count));
            let mut all: Vec<_> =
                members.iter().flat_map(|m| allocate(Strategy::Avg, m, &queues, &members)).collect();
            all.sort();
            assert_eq!(all, queues, "{queue_count} queues, {member_count} members");
        }
    }

    #[test]
    fn a_stranger_owns_nothing() {
        assert!(allocate(Strategy::Avg, "stranger", &queues(8), &members(2)).is_empty());
        assert!(allocate(Strategy::Avg, "m00", &queues(8), &[]).is_empty());
    }

    #[test]
    fn the_owner_is_the_member_whose_share_has_the_queue() {
        let (queues, members) = (queues(8), members(3));
        assert_eq!(owner(Strategy::Avg, &queues[0], &queues, &members), Some("m00"));
        assert_eq!(owner(Strategy::Avg, &queues[7], &queues, &members), Some("m02"));
        assert_eq!(owner(Strategy::Avg, &queues[7], &queues, &[]), None);
    }

    #[test]
    fn a_delta_names_what_comes_and_what_goes() {
        let all = queues(3);
        let owned = BTreeSet::from([all[0].clone(), all[1].clone()]);
        let due = BTreeSet::from([all[1].clone(), all[2].clone()]);
        let delta = Delta::between(&owned, &due);
        assert_eq!((delta.added, delta.removed), (vec![all[2].clone()], vec![all[0].clone()]));
    }
}
