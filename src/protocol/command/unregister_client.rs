//! Takes a client out of its group, so that the others take over at once.

use super::Request;
use crate::protocol::RequestCode;

fields! {
    /// Java's `UnregisterClientRequestHeader`. The broker notifies the other members of the group.
    pub struct UnregisterClient {
        /// The client, as its heartbeats name it.
        client_id: String = "clientID",
        /// The producer group to leave.
        producer_group: Option<String> = "producerGroup",
        /// The consumer group to leave.
        consumer_group: Option<String> = "consumerGroup",
    }
}

impl Request for UnregisterClient {
    const CODE: RequestCode = RequestCode::UnregisterClient;
    type Answer = ();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let request = UnregisterClient {
            client_id: "c".into(),
            producer_group: None,
            consumer_group: Some("G".into()),
        };
        let fields = request_round_trip(&request);
        assert_eq!((fields.find("clientID"), fields.find("producerGroup")), (Some("c"), None));
        answer_round_trip(&());
    }
}
