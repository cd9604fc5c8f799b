//! What a group wants of a topic, as heartbeats and checks announce it.

use crate::protocol::ProtocolError;
use crate::protocol::json::Json;

/// Java's `SubscriptionData`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionData {
    /// The topic.
    pub topic: String,
    /// The expression as the user wrote it (`subString`), `*` for everything.
    pub expression: String,
    /// TAG or SQL92.
    pub expression_type: String,
    /// The tags of the expression; empty for everything and for SQL92.
    pub tags: Vec<String>,
    /// Java's string hash of each tag: what the broker compares first.
    pub codes: Vec<i32>,
    /// Milliseconds since 1970 when the subscription was made; a broker keeps the newest.
    pub version: i64,
}

impl SubscriptionData {
    /// The object as Java writes it.
    pub fn to_json(&self) -> Json {
        Json::object([
            ("classFilterMode", Json::from(false)),
            ("codeSet", self.codes.iter().copied().map(Json::from).collect()),
            ("expressionType", Json::from(self.expression_type.as_str())),
            ("subString", Json::from(self.expression.as_str())),
            ("subVersion", Json::from(self.version)),
            ("tagsSet", self.tags.iter().map(|tag| Json::from(tag.as_str())).collect()),
            ("topic", Json::from(self.topic.as_str())),
        ])
    }

    /// Reads the object; what is absent has Java's default.
    pub fn from_json(json: &Json) -> Result<SubscriptionData, ProtocolError> {
        let text = |name| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let elements = |name| json.get(name).map_or(&[][..], Json::elements).iter();
        Ok(SubscriptionData {
            topic: text("topic").ok_or_else(|| ProtocolError::Field {
                name: "topic",
                problem: "is missing in the body".to_owned(),
            })?,
            expression: text("subString").unwrap_or_default(),
            expression_type: text("expressionType").unwrap_or_else(|| "TAG".to_owned()),
            tags: elements("tagsSet").filter_map(Json::as_str).map(str::to_owned).collect(),
            codes: elements("codeSet").filter_map(Json::as_i32).collect(),
            version: json.get("subVersion").and_then(Json::as_i64).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::java::string_hash;

    #[test]
    fn object_round_trips() {
        let data = SubscriptionData {
            topic: "T".into(),
            expression: "a || b".into(),
            expression_type: "TAG".into(),
            tags: vec!["a".into(), "b".into()],
            codes: vec![string_hash("a"), string_hash("b")],
            version: 1_700_000_000_000,
        };
        let text = r#"{"classFilterMode":false,"codeSet":[97,98],"expressionType":"TAG","subString":"a || b","subVersion":1700000000000,"tagsSet":["a","b"],"topic":"T"}"#;
        assert_eq!(data.to_json().to_string(), text);
        assert_eq!(SubscriptionData::from_json(&Json::parse(text.as_bytes()).unwrap()), Ok(data));
        assert!(SubscriptionData::from_json(&Json::Null).is_err());
    }
}
