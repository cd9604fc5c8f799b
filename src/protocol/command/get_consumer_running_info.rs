//! A broker's question what a member is doing: an administrator asked.

use bytes::Bytes;

use super::{Answer, Reply, Request, SubscriptionData};
use crate::message::MessageQueue;
use crate::protocol::json::Json;
use crate::protocol::queue_json::{queue_from_json, queue_to_json};
use crate::protocol::{Fields, Header, ProtocolError, RequestCode};

fields! {
    /// Java's `GetConsumerRunningInfoRequestHeader`.
    pub struct GetConsumerRunningInfo {
        /// The group.
        consumer_group: String = "consumerGroup",
        /// The member that is meant.
        client_id: Option<String> = "clientId",
        /// Whether threads shall be listed too.
        threads: Option<bool> = "jstackEnable",
    }
}

impl Request for GetConsumerRunningInfo {
    const CODE: RequestCode = RequestCode::GetConsumerRunningInfo;
    type Answer = RunningInfo;
}

/// Java's `ConsumerRunningInfo`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunningInfo {
    /// Settings by Java's names, and `PROP_` entries that tools look for.
    pub properties: Vec<(String, String)>,
    /// What is subscribed to.
    pub subscriptions: Vec<SubscriptionData>,
    /// What each owned queue holds.
    pub queues: Vec<(MessageQueue, QueueInfo)>,
    /// Rates by topic.
    pub status: Vec<(String, TopicRates)>,
    /// Whatever else the consumer tells.
    pub user_info: Vec<(String, String)>,
    /// The threads and what they do, as lines; only when asked for.
    pub threads: Option<String>,
}

/// Java's `ProcessQueueInfo`. What Java counts for consumption in order only is 0 here; times are in
/// milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueInfo {
    /// The offset up to which everything is consumed.
    pub commit_offset: i64,
    /// The first message that is held and not consumed; 0 without any.
    pub cached_min_offset: i64,
    /// The last message that is held; 0 without any.
    pub cached_max_offset: i64,
    /// Messages held and not consumed.
    pub cached_messages: i64,
    /// What they take, in whole MiB.
    pub cached_mib: i64,
    /// May be consumed: always so outside of consumption in order.
    pub locked: bool,
    /// When that was last made sure.
    pub locked_at_ms: i64,
    /// On its way out.
    pub dropped: bool,
    /// When it was last pulled from.
    pub pulled_at_ms: i64,
    /// When a callback was last done with some of it.
    pub consumed_at_ms: i64,
}

/// Java's `ConsumeStatus`: one topic in the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TopicRates {
    /// Mean time of a pull that brought messages, in milliseconds.
    pub pull_rt: f64,
    /// Messages pulled a second.
    pub pull_tps: f64,
    /// Mean time of a callback, in milliseconds.
    pub consume_rt: f64,
    /// Messages consumed a second.
    pub ok_tps: f64,
    /// Messages that failed a second.
    pub failed_tps: f64,
    /// Messages that failed in the last hour.
    pub failed_messages: i64,
}

impl QueueInfo {
    fn to_json(self) -> Json {
        Json::object([
            ("cachedMsgCount", Json::from(self.cached_messages)),
            ("cachedMsgMaxOffset", Json::from(self.cached_max_offset)),
            ("cachedMsgMinOffset", Json::from(self.cached_min_offset)),
            ("cachedMsgSizeInMiB", Json::from(self.cached_mib)),
            ("commitOffset", Json::from(self.commit_offset)),
            // Java's spelling, in every released version.
            ("droped", Json::from(self.dropped)),
            ("lastConsumeTimestamp", Json::from(self.consumed_at_ms)),
            ("lastLockTimestamp", Json::from(self.locked_at_ms)),
            ("lastPullTimestamp", Json::from(self.pulled_at_ms)),
            ("locked", Json::from(self.locked)),
            ("transactionMsgCount", Json::from(0)),
            ("transactionMsgMaxOffset", Json::from(0)),
            ("transactionMsgMinOffset", Json::from(0)),
            ("tryUnlockTimes", Json::from(0)),
        ])
    }

    fn from_json(json: &Json) -> QueueInfo {
        let number = |name| json.get(name).and_then(Json::as_i64).unwrap_or(0);
        let flag = |name| json.get(name).and_then(Json::as_bool).unwrap_or(false);
        QueueInfo {
            commit_offset: number("commitOffset"),
            cached_min_offset: number("cachedMsgMinOffset"),
            cached_max_offset: number("cachedMsgMaxOffset"),
            cached_messages: number("cachedMsgCount"),
            cached_mib: number("cachedMsgSizeInMiB"),
            locked: flag("locked"),
            locked_at_ms: number("lastLockTimestamp"),
            dropped: flag("droped"),
            pulled_at_ms: number("lastPullTimestamp"),
            consumed_at_ms: number("lastConsumeTimestamp"),
        }
    }
}

impl TopicRates {
    fn to_json(self) -> Json {
        Json::object([
            ("consumeFailedMsgs", Json::from(self.failed_messages)),
            ("consumeFailedTPS", Json::Float(self.failed_tps)),
            ("consumeOKTPS", Json::Float(self.ok_tps)),
            ("consumeRT", Json::Float(self.consume_rt)),
            ("pullRT", Json::Float(self.pull_rt)),
            ("pullTPS", Json::Float(self.pull_tps)),
        ])
    }

    fn from_json(json: &Json) -> TopicRates {
        let rate = |name| match json.get(name) {
            Some(Json::Float(rate)) => *rate,
            // Numbers of this size are whole in both.
            Some(Json::Int(rate)) => *rate as f64,
            _ => 0.0,
        };
        TopicRates {
            pull_rt: rate("pullRT"),
            pull_tps: rate("pullTPS"),
            consume_rt: rate("consumeRT"),
            ok_tps: rate("consumeOKTPS"),
            failed_tps: rate("consumeFailedTPS"),
            failed_messages: json.get("consumeFailedMsgs").and_then(Json::as_i64).unwrap_or(0),
        }
    }
}

impl Answer for RunningInfo {
    fn read(_: &Header, body: &Bytes) -> Result<RunningInfo, ProtocolError> {
        let json = Json::parse(body)?;
        let members = |name| json.get(name).map_or(&[][..], Json::members).iter();
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let texts = |name| members(name).map(|(key, value)| (text(key), text(value))).collect();
        let queues =
            members("mqTable").map(|(key, value)| Ok((queue_from_json(key)?, QueueInfo::from_json(value))));
        let subscriptions = json.get("subscriptionSet").map_or(&[][..], Json::elements).iter();
        Ok(RunningInfo {
            properties: texts("properties"),
            subscriptions: subscriptions.map(SubscriptionData::from_json).collect::<Result<_, _>>()?,
            queues: queues.collect::<Result<_, _>>()?,
            status: members("statusTable")
                .map(|(key, value)| (text(key), TopicRates::from_json(value)))
                .collect(),
            user_info: texts("userConsumerInfo"),
            threads: json.get("jstack").map(text),
        })
    }
}

impl Reply for RunningInfo {
    fn write_reply(&self, _: &mut Fields) -> Vec<u8> {
        let texts = |texts: &[(String, String)]| {
            Json::object(texts.iter().map(|(key, value)| (key.as_str(), Json::from(value.as_str()))))
        };
        let queues = self.queues.iter().map(|(queue, info)| (queue_to_json(queue), info.to_json()));
        let status = self.status.iter().map(|(topic, rates)| (topic.as_str(), rates.to_json()));
        let threads = self.threads.iter().map(|threads| ("jstack", Json::from(threads.as_str())));
        let rest = [
            ("mqPopTable", Json::Object(Vec::new())),
            ("mqTable", Json::Object(queues.collect())),
            ("properties", texts(&self.properties)),
            ("statusTable", Json::object(status)),
            ("subscriptionSet", self.subscriptions.iter().map(SubscriptionData::to_json).collect()),
            ("userConsumerInfo", texts(&self.user_info)),
        ];
        Json::object(rest.into_iter().chain(threads)).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::testing::{answer_round_trip, body_error, request_round_trip};

    fn info() -> RunningInfo {
        let queue = MessageQueue { topic: "T".into(), broker: "b".into(), id: 1 };
        let held = QueueInfo {
            commit_offset: 3,
            cached_min_offset: 3,
            cached_max_offset: 9,
            cached_messages: 5,
            cached_mib: 1,
            locked: true,
            locked_at_ms: 10,
            dropped: true,
            pulled_at_ms: 11,
            consumed_at_ms: 12,
        };
        let rates = TopicRates { pull_rt: 1.5, ok_tps: 2.25, failed_messages: 4, ..TopicRates::default() };
        RunningInfo {
            properties: vec![("PROP_CONSUMEORDERLY".into(), "false".into())],
            subscriptions: vec![SubscriptionData {
                topic: "T".into(),
                expression: "*".into(),
                expression_type: "TAG".into(),
                tags: Vec::new(),
                codes: Vec::new(),
                version: 7,
            }],
            queues: vec![(queue, held)],
            status: vec![("T".into(), rates)],
            user_info: vec![("pulled".into(), "9".into())],
            threads: Some("rmq-work-1".into()),
        }
    }

    #[test]
    fn request_and_answer_round_trip() {
        let request = GetConsumerRunningInfo {
            consumer_group: "G".into(),
            client_id: Some("c".into()),
            threads: Some(true),
        };
        request_round_trip(&request);
        answer_round_trip(&info());
        answer_round_trip(&RunningInfo::default());
    }

    #[test]
    fn queues_are_keys_as_objects() {
        let body = String::from_utf8(info().write_reply(&mut Fields::default())).unwrap();
        assert!(
            body.contains(r#""mqTable":{{"brokerName":"b","queueId":1,"topic":"T"}:{"cachedMsg"#),
            "{body}"
        );
    }

    #[test]
    fn damaged_answers_are_refused() {
        for body in [&b""[..], b"{", br#"{"mqTable":{{"topic":"T"}:{}}}"#, br#"{"subscriptionSet":[{}]}"#] {
            assert!(body_error::<RunningInfo>(body).is_some());
        }
    }
}
