//! Queues stay in their room; those of rooms without members are spread evenly over all.

use super::avg;
use super::rooms::Rooms;
use crate::config::Patterns;
use crate::message::MessageQueue;

/// The owner of each queue.
pub(super) fn divide(queues: &[MessageQueue], members: &[String], map: &Patterns<String>) -> Vec<usize> {
    let rooms = Rooms::new(queues, members, map);
    let everybody: Vec<usize> = (0..members.len()).collect();
    let mut owners = vec![0; queues.len()];
    // Together, and not room by room: else the first members would get what is left over of each.
    let mut spread = Vec::new();
    let mut give = |queues: &[usize], members: &[usize]| {
        for (queue, place) in queues.iter().zip(avg::divide(queues.len(), members.len())) {
            owners[*queue] = members[place];
        }
    };
    for (room, queues) in &rooms.queues {
        match rooms.members_of(*room) {
            Some(members) => give(queues, members),
            None => spread.extend(queues),
        }
    }
    spread.sort_unstable();
    give(&spread, &everybody);
    owners
}
