//! Lets a broker check a subscription before it is used: the only place where bad SQL is noticed.

use bytes::Bytes;

use super::{FieldTable, Request, SubscriptionData};
use crate::protocol::json::Json;
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

/// Java's `CheckClientRequestBody`. A broker that does not filter by SQL answers SYSTEM_ERROR, one that
/// cannot read the expression SUBSCRIPTION_PARSE_FAILED. All of it travels in the body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckClientConfig {
    /// The client.
    pub client_id: String,
    /// The consumer group.
    pub group: String,
    /// The namespace of the group.
    pub namespace: Option<String>,
    /// What is to be checked.
    pub subscription: SubscriptionData,
}

/// The header has no field; [`Request::read_request`] reads the body.
impl FieldTable for CheckClientConfig {
    fn write(&self, _: &mut Fields) {}

    fn read(_: &Fields) -> Result<CheckClientConfig, ProtocolError> {
        Ok(CheckClientConfig::default())
    }
}

impl Request for CheckClientConfig {
    const CODE: RequestCode = RequestCode::CheckClientConfig;
    type Answer = ();

    fn body(&self) -> Vec<u8> {
        let mut members = vec![
            ("clientId", Json::from(self.client_id.as_str())),
            ("group", Json::from(self.group.as_str())),
            ("subscriptionData", self.subscription.to_json()),
        ];
        members.extend(self.namespace.as_deref().map(|namespace| ("namespace", Json::from(namespace))));
        Json::object(members).to_string().into_bytes()
    }

    fn read_request(_: &Header, body: &Bytes) -> Result<CheckClientConfig, ProtocolError> {
        let json = Json::parse(body)?;
        let text = |name| json.get(name).and_then(Json::as_str).map(str::to_owned);
        Ok(CheckClientConfig {
            client_id: text("clientId").unwrap_or_default(),
            group: text("group").unwrap_or_default(),
            namespace: text("namespace"),
            subscription: SubscriptionData::from_json(json.get("subscriptionData").unwrap_or(&Json::Null))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::request_round_trip;

    #[test]
    fn request_round_trips() {
        let subscription = SubscriptionData {
            topic: "T".into(),
            expression: "a > 1 AND b = 'x'".into(),
            expression_type: "SQL92".into(),
            ..SubscriptionData::default()
        };
        let namespace = Some("ns".to_owned());
        request_round_trip(&CheckClientConfig {
            client_id: "c".into(),
            group: "G".into(),
            namespace,
            subscription,
        });
    }

    #[test]
    fn damaged_bodies_are_refused() {
        let header = Header::request(46, Fields::default());
        for body in [&b""[..], b"{}", br#"{"subscriptionData":{"topic":"T"#] {
            assert!(CheckClientConfig::read_request(&header, &Bytes::from_static(body)).is_err());
        }
    }
}
