//! A broker's wish that one message runs through the user's callback now: an administrator asked for it.

use bytes::Bytes;

use super::{Answer, FieldTable, Reply, Request};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `ConsumeMessageDirectlyResultRequestHeader`, without the fields that 5.x adds for its proxy.
    pub struct ConsumeMessageDirectlyHeader {
        /// The group whose callback is meant.
        consumer_group: String = "consumerGroup",
        /// The member that was chosen.
        client_id: Option<String> = "clientId",
        /// The message's offset id.
        message_id: Option<String> = "msgId",
        /// The broker that holds the message.
        broker_name: Option<String> = "brokerName",
    }
}

/// The request: its header and the message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumeMessageDirectly {
    /// Everything but the message.
    pub header: ConsumeMessageDirectlyHeader,
    /// One message as it is stored.
    pub record: Bytes,
}

impl FieldTable for ConsumeMessageDirectly {
    fn write(&self, fields: &mut Fields) {
        self.header.write(fields);
    }

    fn read(fields: &Fields) -> Result<ConsumeMessageDirectly, ProtocolError> {
        let header = ConsumeMessageDirectlyHeader::read(fields)?;
        Ok(ConsumeMessageDirectly { header, record: Bytes::new() })
    }
}

impl Request for ConsumeMessageDirectly {
    const CODE: RequestCode = RequestCode::ConsumeMessageDirectly;
    type Answer = ConsumedDirectly;

    fn body(&self) -> Vec<u8> {
        self.record.to_vec()
    }

    fn read_request(header: &Header, body: &Bytes) -> Result<ConsumeMessageDirectly, ProtocolError> {
        let read = ConsumeMessageDirectly::read(&header.fields)?;
        Ok(ConsumeMessageDirectly { record: body.clone(), ..read })
    }
}

/// How a callback ended: Java's `CMResult`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DirectResult {
    /// Done.
    #[default]
    Success,
    /// It wants the message again.
    Later,
    /// In order only: it takes back what it did.
    Rollback,
    /// In order only: it commits what it did.
    Commit,
    /// It failed with an exception.
    ThrowException,
    /// It answered nothing that is an outcome.
    ReturnNull,
}

impl DirectResult {
    const NAMES: [(DirectResult, &'static str); 6] = [
        (DirectResult::Success, "CR_SUCCESS"),
        (DirectResult::Later, "CR_LATER"),
        (DirectResult::Rollback, "CR_ROLLBACK"),
        (DirectResult::Commit, "CR_COMMIT"),
        (DirectResult::ThrowException, "CR_THROW_EXCEPTION"),
        (DirectResult::ReturnNull, "CR_RETURN_NULL"),
    ];

    /// Java's name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(result, _)| *result == self).map_or("CR_SUCCESS", |(_, name)| name)
    }

    fn from_name(name: &str) -> Option<DirectResult> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(result, _)| *result)
    }
}

/// Java's `ConsumeMessageDirectlyResult`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumedDirectly {
    /// The consumer consumes in order.
    pub order: bool,
    /// A consumer in order commits by itself.
    pub auto_commit: bool,
    /// How the callback ended.
    pub result: DirectResult,
    /// More about a failure.
    pub remark: Option<String>,
    /// How long the callback took, in milliseconds.
    pub spent_ms: i64,
}

impl Answer for ConsumedDirectly {
    fn read(_: &Header, body: &Bytes) -> Result<ConsumedDirectly, ProtocolError> {
        let json = Json::parse(body)?;
        let flag = |name| json.get(name).and_then(Json::as_bool).unwrap_or(false);
        let named = json.get("consumeResult").and_then(Json::as_str).and_then(DirectResult::from_name);
        Ok(ConsumedDirectly {
            order: flag("order"),
            auto_commit: flag("autoCommit"),
            result: named.ok_or_else(|| ProtocolError::Field {
                name: "consumeResult",
                problem: "is missing in the body or no result that is known".to_owned(),
            })?,
            remark: json.get("remark").and_then(Json::as_str).map(str::to_owned),
            spent_ms: json.get("spentTimeMills").and_then(Json::as_i64).unwrap_or(0),
        })
    }
}

impl Reply for ConsumedDirectly {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let remark = self.remark.iter().map(|remark| ("remark", Json::from(remark.as_str())));
        let rest = [
            ("autoCommit", Json::from(self.auto_commit)),
            ("consumeResult", Json::from(self.result.name())),
            ("order", Json::from(self.order)),
            ("spentTimeMills", Json::from(self.spent_ms)),
        ];
        Json::object(rest.into_iter().chain(remark)).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    #[test]
    fn request_and_answer_round_trip() {
        let header = ConsumeMessageDirectlyHeader {
            consumer_group: "G".into(),
            client_id: Some("c".into()),
            message_id: Some("7F00000100002A9F0000000000000000".into()),
            broker_name: Some("b".into()),
        };
        request_round_trip(&ConsumeMessageDirectly { header, record: Bytes::from_static(b"record") });
        for (result, name) in DirectResult::NAMES {
            let remark = (result == DirectResult::ThrowException).then(|| "because".to_owned());
            let answer = ConsumedDirectly { auto_commit: true, result, remark, spent_ms: 7, order: false };
            let frame = answer_round_trip(&answer);
            assert!(frame.body.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn an_answer_is_written_as_java_does() {
        let answer = ConsumedDirectly { auto_commit: true, spent_ms: 3, ..ConsumedDirectly::default() };
        let body = String::from_utf8(answer.write_reply(&mut Fields::default())).unwrap();
        let java = r#"{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":3}"#;
        assert_eq!(body, java);
    }

    #[test]
    fn damaged_answers_are_refused() {
        for body in [&b""[..], b"{", b"{}", br#"{"consumeResult":"CR_MAYBE"}"#] {
            assert!(body_error::<ConsumedDirectly>(body).is_some());
        }
    }
}
