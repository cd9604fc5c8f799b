//! Gives a message back to the broker, to be delivered again later through `%RETRY%group`.

use super::Request;
use crate::protocol::RequestCode;

fields! {
    /// Java's `ConsumerSendMsgBackRequestHeader`.
    pub struct ConsumerSendMessageBack {
        /// Offset of the message in the broker's **commit log**, in bytes.
        offset: i64 = "offset",
        /// The consumer group.
        group: String = "group",
        /// -1 straight to the dead letters, 0 the broker decides by the count of tries, else the level.
        delay_level: i32 = "delayLevel",
        /// The message's id, for the retried message's ORIGIN_MESSAGE_ID.
        origin_message_id: Option<String> = "originMsgId",
        /// The topic the message was sent to.
        origin_topic: Option<String> = "originTopic",
        /// Whether the client names a unit; always false for us.
        unit_mode: bool = "unitMode",
        /// After this many tries the broker makes it a dead letter.
        max_reconsume_times: Option<i32> = "maxReconsumeTimes",
        /// The broker's name, which a proxy in front of it needs.
        broker_name: Option<String> = "bname",
    }
}

impl Request for ConsumerSendMessageBack {
    const CODE: RequestCode = RequestCode::ConsumerSendMsgBack;
    type Answer = ();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips() {
        let request = ConsumerSendMessageBack {
            offset: 1 << 33,
            group: "G".into(),
            delay_level: 0,
            origin_message_id: Some("7F".into()),
            origin_topic: Some("T".into()),
            max_reconsume_times: Some(16),
            ..Default::default()
        };
        let fields = request_round_trip(&request);
        assert_eq!((fields.find("originMsgId"), fields.find("unitMode")), (Some("7F"), Some("false")));
    }
}
