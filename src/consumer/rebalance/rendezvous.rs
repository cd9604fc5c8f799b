//! Each queue to the member with the highest random weight for it that has room: ⌈queues ÷ members⌉ at most.
//!
//! A queue would rather go to members of higher weight, and a full member rather keeps queues of higher weight.
//! Of such divisions exactly one leaves no pair that would both rather have each other, so the order of work does
//! not matter, and most queues stay when a member comes or goes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::md5;
use crate::message::MessageQueue;

/// The owner of each queue.
pub(super) fn divide(queues: &[MessageQueue], members: &[String]) -> Vec<usize> {
    let room = queues.len().div_ceil(members.len());
    let weights = Weights {
        queues: queues.iter().map(|queue| md5::first_eight(&queue.to_string())).collect(),
        members: members.iter().map(|member| md5::first_eight(member)).collect(),
    };
    // What each member has, the queue of least weight on top.
    let mut held: Vec<BinaryHeap<Reverse<(u64, usize)>>> = vec![BinaryHeap::new(); members.len()];
    // The last wish of each queue that was not fulfilled.
    let mut refused = vec![(u64::MAX, usize::MAX); queues.len()];
    let mut waiting: Vec<usize> = (0..queues.len()).collect();
    while let Some(queue) = waiting.pop() {
        // There is a wish left, since all together have room for all.
        let Some((weight, member)) = weights.next_wish(queue, refused[queue]) else { continue };
        held[member].push(Reverse((weight, queue)));
        if held[member].len() > room
            && let Some(Reverse((weight, loser))) = held[member].pop()
        {
            refused[loser] = (weight, member);
            waiting.push(loser);
        }
    }
    let mut owners = vec![0; queues.len()];
    for (member, held) in held.iter().enumerate() {
        for Reverse((_, queue)) in held {
            owners[*queue] = member;
        }
    }
    owners
}

/// Random numbers that are the same for every member of the group.
struct Weights {
    queues: Vec<u64>,
    members: Vec<u64>,
}

impl Weights {
    fn of(&self, queue: usize, member: usize) -> u64 {
        mix(self.queues[queue] ^ mix(self.members[member]))
    }

    /// The greatest weight for a queue below that of the wish before.
    fn next_wish(&self, queue: usize, before: (u64, usize)) -> Option<(u64, usize)> {
        let wishes = (0..self.members.len()).map(|member| (self.of(queue, member), member));
        wishes.filter(|wish| *wish < before).max()
    }
}

/// The finalizer of SplitMix64: each bit depends on all.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
