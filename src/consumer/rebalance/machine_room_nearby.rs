//! Each room by itself, by another strategy: Java's `AllocateMachineRoomNearby`.

use super::rooms::Rooms;
use super::{avg, avg_by_circle, consistent_hash};
use crate::config::{Nearby, Patterns};
use crate::message::MessageQueue;

/// The owner of each queue. A room without members is divided over all members.
pub(super) fn divide(
    queues: &[MessageQueue],
    members: &[String],
    map: &Patterns<String>,
    nearby: Nearby,
) -> Vec<usize> {
    let rooms = Rooms::new(queues, members, map);
    let everybody: Vec<usize> = (0..members.len()).collect();
    let mut owners = vec![0; queues.len()];
    for (room, inside) in &rooms.queues {
        let neighbours = rooms.members_of(*room).unwrap_or(&everybody);
        let places = match nearby {
            Nearby::Avg => avg::divide(inside.len(), neighbours.len()),
            Nearby::AvgByCircle => avg_by_circle::divide(inside.len(), neighbours.len()),
            Nearby::ConsistentHash => {
                let queues: Vec<&MessageQueue> = inside.iter().map(|queue| &queues[*queue]).collect();
                let members: Vec<&str> = neighbours.iter().map(|member| members[*member].as_str()).collect();
                consistent_hash::divide(&queues, &members)
            }
        };
        for (queue, place) in inside.iter().zip(places) {
            owners[*queue] = neighbours[place];
        }
    }
    owners
}
