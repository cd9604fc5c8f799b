//! Asks for the beginning of a queue.

use super::{OffsetAnswer, Request};
use crate::protocol::RequestCode;

fields! {
    /// Java's `GetMinOffsetRequestHeader`; the answer is the offset of the oldest message still stored.
    pub struct GetMinOffset {
        /// The topic of the queue.
        topic: String = "topic",
        /// The queue within the topic at this broker.
        queue_id: i32 = "queueId",
    }
}

impl Request for GetMinOffset {
    const CODE: RequestCode = RequestCode::GetMinOffset;
    type Answer = OffsetAnswer;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips() {
        assert_eq!(request_round_trip(&GetMinOffset { topic: "T".into(), queue_id: 1 }).len(), 2);
    }
}
