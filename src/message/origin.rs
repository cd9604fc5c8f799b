//! What a message was before it was sent back: brokers store what is delivered again, and what is given up, as new
//! messages.

use super::property::name;
use super::{CText, Message};

impl Message {
    /// The topic the message was sent to, for a dead letter too.
    pub fn origin_topic(&self) -> &str {
        self.parts.origin.first_topic.as_str()
    }

    /// What [`Message::message_id`] was at the first delivery.
    pub fn origin_message_id(&self) -> &str {
        let stored = || self.first_stored().and_then(|name| self.property(name));
        self.property(name::UNIQ_KEY).or_else(stored).unwrap_or_else(|| self.offset_message_id())
    }

    /// What [`Message::offset_message_id`] was at the first delivery. `None` when nobody noted it.
    pub fn origin_offset_message_id(&self) -> Option<&str> {
        match self.is_moved() {
            true => self.first_stored().and_then(|name| self.property(name)),
            false => Some(self.offset_message_id()),
        }
    }

    pub(super) fn c_origin_message_id(&self) -> Option<CText<'_>> {
        let stored = || self.c_property(self.first_stored()?);
        self.c_property(name::UNIQ_KEY).or_else(stored).or_else(|| Some(self.offset_id().as_c()))
    }

    pub(super) fn c_origin_offset_message_id(&self) -> Option<CText<'_>> {
        match self.is_moved() {
            true => self.c_property(self.first_stored()?),
            false => Some(self.offset_id().as_c()),
        }
    }

    /// The property that holds the offset id of the first copy. A Java consumer that republishes a message notes the
    /// producer's id there instead.
    fn first_stored(&self) -> Option<&'static str> {
        let names = [name::ORIGIN_MESSAGE_ID, name::DLQ_ORIGIN_MESSAGE_ID];
        let producers = self.property_bytes(name::UNIQ_KEY);
        let holds = |name: &&str| self.property_bytes(name).is_some_and(|id| Some(id) != producers);
        names.into_iter().filter(|_| self.is_moved()).find(holds)
    }

    /// True in a group's own topics. Elsewhere such properties are another message's: whoever sends a dead letter
    /// anew tends to copy them.
    fn is_moved(&self) -> bool {
        let stored = self.stored_topic();
        stored.starts_with(name::RETRY_PREFIX) || stored.starts_with(name::DEAD_LETTER_PREFIX)
    }
}
