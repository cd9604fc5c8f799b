//! A broker's word that somebody has joined or left a group.

use super::Request;
use crate::protocol::RequestCode;

fields! {
    /// Java's `NotifyConsumerIdsChangedRequestHeader`. Comes without a wish for an answer, and not always:
    /// after a member froze a 5.x broker may stay silent.
    pub struct NotifyConsumerIdsChanged {
        /// The group.
        consumer_group: String = "consumerGroup",
    }
}

impl Request for NotifyConsumerIdsChanged {
    const CODE: RequestCode = RequestCode::NotifyConsumerIdsChanged;
    type Answer = ();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Fields;
    use crate::protocol::command::FieldTable;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips_and_needs_its_group() {
        request_round_trip(&NotifyConsumerIdsChanged { consumer_group: "G".into() });
        let error = NotifyConsumerIdsChanged::read(&Fields::default()).unwrap_err();
        assert_eq!(error.to_string(), "header field consumerGroup: is missing");
    }
}
