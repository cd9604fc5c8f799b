//! Who is where: queues and members by machine room.

use std::collections::BTreeMap;

use crate::config::Patterns;
use crate::message::MessageQueue;

/// Members and queues by room, each as positions in the lists they were made from.
pub(super) struct Rooms<'a> {
    pub(super) members: BTreeMap<&'a str, Vec<usize>>,
    /// Under `None`, which is first, those of brokers without a room.
    pub(super) queues: BTreeMap<Option<&'a str>, Vec<usize>>,
}

impl<'a> Rooms<'a> {
    pub(super) fn new(
        queues: &'a [MessageQueue],
        members: &'a [String],
        map: &'a Patterns<String>,
    ) -> Rooms<'a> {
        let mut rooms = Rooms { members: BTreeMap::new(), queues: BTreeMap::new() };
        for (index, member) in members.iter().enumerate() {
            if let Some(room) = room(member, map) {
                rooms.members.entry(room).or_default().push(index);
            }
        }
        for (index, queue) in queues.iter().enumerate() {
            rooms.queues.entry(room(&queue.broker, map)).or_default().push(index);
        }
        rooms
    }

    /// The members of the room; `None` when nobody lives there.
    pub(super) fn members_of(&self, room: Option<&str>) -> Option<&[usize]> {
        self.members.get(room?).map(Vec::as_slice)
    }
}

/// The room of a broker or client id: by the map, else what stands before the first `@`.
fn room<'a>(name: &'a str, map: &'a Patterns<String>) -> Option<&'a str> {
    match map.find(name) {
        Some(room) => Some(room),
        None => name.split_once('@').map(|(room, _)| room).filter(|room| !room.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_stands_before_the_at_or_in_the_map() {
        let map = Patterns::new([("10.1.*".to_owned(), "east".to_owned())]);
        assert_eq!(room("10.1.2.3@x", &map), Some("east"));
        assert_eq!(room("10.2.2.3@x@y", &map), Some("10.2.2.3"));
        assert_eq!((room("broker-a", &map), room("@x", &map)), (None, None));
    }
}
