//! The requests a consumer sends and receives: one file each, one table of fields each.

use bytes::Bytes;

use super::{Fields, Header, ProtocolError, RequestCode, ResponseCode};

/// A struct whose members are the string fields of a header. Made by the `fields!` macro.
pub trait FieldTable: Sized {
    /// Appends every member that is present.
    fn write(&self, fields: &mut Fields);
    /// Reads every member; a missing one without a default is an error that names it.
    fn read(fields: &Fields) -> Result<Self, ProtocolError>;
}

/// A request and what answers it.
pub trait Request: FieldTable {
    /// Its number on the wire.
    const CODE: RequestCode;
    /// What a successful broker sends back.
    type Answer: Answer;
    /// What follows the header. Most requests have none.
    fn body(&self) -> Vec<u8> {
        Vec::new()
    }
    /// The request as the side that answers it reads it: us for a broker's request, a mock broker for ours.
    fn read_request(header: &Header, _body: &Bytes) -> Result<Self, ProtocolError> {
        Self::read(&header.fields)
    }
}

/// What comes back.
pub trait Answer: Sized {
    /// Response codes that are an answer and not a failure. Everything else is the broker's error.
    fn accepts(code: ResponseCode) -> bool {
        code == ResponseCode::Success
    }
    /// Reads the answer; only called for an accepted code.
    fn read(header: &Header, body: &Bytes) -> Result<Self, ProtocolError>;
}

/// An answer as the side that gives it writes it.
pub trait Reply: Answer {
    /// The response code that says this.
    fn code(&self) -> ResponseCode {
        ResponseCode::Success
    }
    /// Appends the fields of the header and returns the body.
    fn write_reply(&self, fields: &mut Fields) -> Vec<u8>;
}

/// Nothing but the success itself.
impl Answer for () {
    fn read(_: &Header, _: &Bytes) -> Result<(), ProtocolError> {
        Ok(())
    }
}

impl Reply for () {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        Vec::new()
    }
}

/// A member of a field table: how it becomes text and how text becomes it.
pub trait FieldValue: Sized {
    /// The text on the wire; `None` leaves the field out.
    fn to_text(&self) -> Option<String>;
    /// From the text, `None` when the field is missing. The error is the problem in words.
    fn from_text(text: Option<&str>) -> Result<Self, String>;
}

impl FieldValue for String {
    fn to_text(&self) -> Option<String> {
        Some(self.clone())
    }
    fn from_text(text: Option<&str>) -> Result<Self, String> {
        text.map(str::to_owned).ok_or_else(|| "is missing".to_owned())
    }
}

macro_rules! parsed_field_value {
    ($($type:ty),*) => { $(
        impl FieldValue for $type {
            fn to_text(&self) -> Option<String> {
                Some(self.to_string())
            }
            fn from_text(text: Option<&str>) -> Result<Self, String> {
                let text = text.ok_or_else(|| "is missing".to_owned())?;
                text.parse().map_err(|_| format!("is {text:?}, not of type {}", stringify!($type)))
            }
        }
    )* };
}
parsed_field_value!(i32, i64, bool);

impl<T: FieldValue> FieldValue for Option<T> {
    fn to_text(&self) -> Option<String> {
        self.as_ref().and_then(T::to_text)
    }
    fn from_text(text: Option<&str>) -> Result<Self, String> {
        text.map(|t| T::from_text(Some(t))).transpose()
    }
}

/// Declares a struct of header fields: each line is a member, its type, and its name on the wire.
macro_rules! fields {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        $vis struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl $crate::protocol::command::FieldTable for $name {
            #[allow(unused_variables)]
            fn write(&self, fields: &mut $crate::protocol::Fields) {
                $(if let Some(text) = $crate::protocol::command::FieldValue::to_text(&self.$field) {
                    fields.push($key, text);
                })*
            }
            #[allow(unused_variables)]
            fn read(
                fields: &$crate::protocol::Fields,
            ) -> Result<Self, $crate::protocol::ProtocolError> {
                Ok(Self { $($field: $crate::protocol::command::FieldValue::from_text(fields.find($key))
                    .map_err(|problem| $crate::protocol::ProtocolError::Field { name: $key, problem })?,)* })
            }
        }
    };
}

mod check_client_config;
mod consume_message_directly;
mod consumer_send_message_back;
mod get_consumer_connection_list;
mod get_consumer_list;
mod get_consumer_running_info;
mod get_consumer_status;
mod get_max_offset;
mod get_min_offset;
pub mod get_route_info;
pub mod heartbeat;
mod lock_queues;
mod notify_consumer_ids_changed;
pub mod pull_message;
mod query_consumer_offset;
mod reset_consumer_offset;
mod search_offset;
pub mod send_message;
mod subscription;
mod topic_list;
mod unlock_queues;
mod unregister_client;
mod update_and_create_topic;
mod update_consumer_offset;

pub use check_client_config::CheckClientConfig;
pub use consume_message_directly::{
    ConsumeMessageDirectly, ConsumeMessageDirectlyHeader, ConsumedDirectly, DirectResult,
};
pub use consumer_send_message_back::ConsumerSendMessageBack;
pub use get_consumer_connection_list::{ConsumerConnections, GetConsumerConnectionList};
pub use get_consumer_list::{ConsumerList, GetConsumerList};
pub use get_consumer_running_info::{GetConsumerRunningInfo, QueueInfo, RunningInfo, TopicRates};
pub use get_consumer_status::{ConsumerStatus, GetConsumerStatus};
pub use get_max_offset::GetMaxOffset;
pub use get_min_offset::GetMinOffset;
pub use get_route_info::{BrokerData, GetRouteInfo, QueueData, RouteData};
pub use heartbeat::{ConsumeFrom, ConsumeType, ConsumerData, Heartbeat, HeartbeatAnswer, MessageModel};
pub use lock_queues::{LockQueues, LockedQueues};
pub use notify_consumer_ids_changed::NotifyConsumerIdsChanged;
pub use pull_message::{PullMessage, PullPosition, PullResult, PullStatus};
pub use query_consumer_offset::{CommittedOffset, QueryConsumerOffset};
pub use reset_consumer_offset::{ResetConsumerOffset, ResetConsumerOffsetHeader};
pub use search_offset::{OffsetAnswer, SearchOffset};
pub use send_message::{SendMessage, SendMessageHeader, SendResult};
pub use subscription::SubscriptionData;
pub use topic_list::{GetAllTopics, GetSystemTopics, TopicList};
pub use unlock_queues::UnlockQueues;
pub use unregister_client::UnregisterClient;
pub use update_and_create_topic::UpdateAndCreateTopic;
pub use update_consumer_offset::{OffsetUpdated, UpdateConsumerOffset};

#[cfg(test)]
mod testing;
