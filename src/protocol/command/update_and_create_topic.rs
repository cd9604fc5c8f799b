//! Makes a topic at a broker: for tests and tools, a consumer never sends it.

use super::Request;
use crate::protocol::RequestCode;

fields! {
    /// Java's `CreateTopicRequestHeader`.
    pub struct UpdateAndCreateTopic {
        /// The topic.
        topic: String = "topic",
        /// Always TBW102; brokers look at nothing but its presence.
        default_topic: String = "defaultTopic",
        /// Queues consumers may read.
        read_queues: i32 = "readQueueNums",
        /// Queues producers may write.
        write_queues: i32 = "writeQueueNums",
        /// Bit set, see [`super::get_route_info::permission`].
        permission: i32 = "perm",
        /// SINGLE_TAG or MULTI_TAG.
        filter_type: String = "topicFilterType",
        /// Bit set, Java's `TopicSysFlag`.
        topic_sys_flag: Option<i32> = "topicSysFlag",
        /// Whether queues have a fixed order.
        order: bool = "order",
        /// `+key=value` settings of 5.x, separated by commas.
        attributes: Option<String> = "attributes",
    }
}

impl Request for UpdateAndCreateTopic {
    const CODE: RequestCode = RequestCode::UpdateAndCreateTopic;
    type Answer = ();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips() {
        let request = UpdateAndCreateTopic {
            topic: "T".into(),
            default_topic: "TBW102".into(),
            read_queues: 8,
            write_queues: 8,
            permission: 6,
            filter_type: "SINGLE_TAG".into(),
            ..Default::default()
        };
        assert_eq!(request_round_trip(&request).find("perm"), Some("6"));
    }
}
