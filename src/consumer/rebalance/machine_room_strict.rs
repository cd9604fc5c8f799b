//! The queues of some rooms over all members, those of others to nobody: Java's `AllocateMessageQueueByMachineRoom`.

use std::collections::BTreeSet;

use crate::message::MessageQueue;

/// The owner of each queue.
pub(super) fn divide(
    queues: &[MessageQueue],
    members: usize,
    rooms: &BTreeSet<String>,
) -> Vec<Option<usize>> {
    let inside = |queue: &MessageQueue| room(&queue.broker).is_some_and(|room| rooms.contains(room));
    let share = queues.iter().filter(|queue| inside(queue)).count() / members;
    let mut place = 0_usize..;
    let owner = |queue: &MessageQueue| {
        let place = inside(queue).then(|| place.next()).flatten()?;
        // Neighbouring queues first; those left over go one each to the first members.
        let neighbours = place.checked_div(share).filter(|index| *index < members);
        Some(neighbours.unwrap_or_else(|| place - share * members))
    };
    queues.iter().map(owner).collect()
}

/// The room of a broker as Java finds it: what stands before the `@`, if there is exactly one, not at the end.
fn room(broker: &str) -> Option<&str> {
    // Java's `String#split` drops empty parts at the end.
    let (room, name) = broker.trim_end_matches('@').split_once('@')?;
    (!name.contains('@')).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_what_java_takes_for_one() {
        for (broker, expected) in [
            ("a@b", Some("a")),
            ("a@b@@", Some("a")),
            ("@b", Some("")),
            ("a@", None),
            ("a", None),
            ("", None),
            ("a@b@c", None),
            ("a@@c", None),
        ] {
            assert_eq!(room(broker), expected, "{broker}");
        }
    }
}
