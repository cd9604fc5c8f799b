//! Asks for the end of a queue.

use super::{OffsetAnswer, Request};
use crate::protocol::RequestCode;

fields! {
    /// Java's `GetMaxOffsetRequestHeader`; the answer is the offset after the last message.
    pub struct GetMaxOffset {
        /// The topic of the queue.
        topic: String = "topic",
        /// The queue within the topic at this broker.
        queue_id: i32 = "queueId",
        /// True counts only what consumers may already read (the default of brokers, too).
        committed: bool = "committed",
    }
}

impl Request for GetMaxOffset {
    const CODE: RequestCode = RequestCode::GetMaxOffset;
    type Answer = OffsetAnswer;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips() {
        let request = GetMaxOffset { topic: "T".into(), queue_id: 1, committed: true };
        assert_eq!(request_round_trip(&request).find("committed"), Some("true"));
    }
}
