//! Who owns which queue: every member computes the same answer from the same lists. One file for each strategy.

mod avg;
mod avg_by_circle;
pub(super) mod configuration;
mod consistent_hash;
mod hash;
mod machine_room;
mod machine_room_nearby;
mod machine_room_strict;
mod md5;
mod rendezvous;
mod rooms;
mod weighted;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use crate::config::Strategy;
use crate::message::MessageQueue;

/// The owner of each queue of one topic, as a position in `members`; both lists are sorted, and all members share
/// them. [`Strategy::Custom`] is nobody's to compute.
pub(super) fn owners(strategy: &Strategy, queues: &[MessageQueue], members: &[String]) -> Vec<Option<usize>> {
    if members.is_empty() {
        return vec![None; queues.len()];
    }
    let count = members.len();
    let owners = match strategy {
        Strategy::Avg => avg::divide(queues.len(), count),
        Strategy::AvgByCircle => avg_by_circle::divide(queues.len(), count),
        Strategy::ConsistentHash => {
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            consistent_hash::divide(&queues.iter().collect::<Vec<_>>(), &members)
        }
        Strategy::Hash => hash::divide(queues.len(), members),
        Strategy::MachineRoom(map) => machine_room::divide(queues, members, map),
        Strategy::MachineRoomNearby(map, nearby) => {
            machine_room_nearby::divide(queues, members, map, *nearby)
        }
        Strategy::Weighted(weights) => weighted::divide(queues.len(), members, weights),
        Strategy::Rendezvous => rendezvous::divide(queues, members),
        Strategy::Configuration(named) => return configuration::divide(queues, members, named),
        Strategy::MachineRoomStrict(rooms) => return machine_room_strict::divide(queues, count, rooms),
        Strategy::Custom => return vec![None; queues.len()],
    };
    owners.into_iter().map(Some).collect()
}

/// Gives the queues that a strategy left to nobody to members in turn. For retry topics, where messages wait that
/// the group has begun to consume.
pub(super) fn leave_none(owners: &mut [Option<usize>], members: usize) {
    let left = owners.iter_mut().filter(|owner| owner.is_none());
    for (owner, member) in left.zip((0..members).cycle()) {
        *owner = Some(member);
    }
}

/// The queues of `me`. Somebody who is not in the list owns nothing. Who is in it twice owns both shares: a broker lists
/// a member for each connection that it takes for alive, and may not have noticed that one of ours died. Java takes the
/// first share only, and the other waits for up to two minutes.
pub(super) fn share(
    owners: &[Option<usize>],
    me: &str,
    queues: &[MessageQueue],
    members: &[String],
) -> BTreeSet<MessageQueue> {
    let is_mine = |owner: &Option<usize>| owner.is_some_and(|index| members[index] == me);
    let mine = queues.iter().zip(owners).filter(|(_, owner)| is_mine(owner));
    mine.map(|(queue, _)| queue.clone()).collect()
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
