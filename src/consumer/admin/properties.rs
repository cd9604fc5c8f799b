//! A consumer's settings under the names of Java's `DefaultMQPushConsumer`, which tools and people know.

use std::time::Duration;

use crate::cluster::command::ConsumerData;
use crate::config::{ConsumerConfig, Limit};
use crate::consumer::engine::Engine;
use crate::consumer::offsets::Store;

/// The value of what this library has no counterpart for.
const NONE: &str = "none";

/// Entries that tools look for, and all that Java prints. Values are in Java's units.
pub(super) fn properties(engine: &Engine, announced: &ConsumerData) -> Vec<(String, String)> {
    let (ip, instance) = engine.client_id.split_once('@').unwrap_or((&engine.client_id, ""));
    let config = &current(engine);
    let identity = [
        ("PROP_CLIENT_VERSION", format!("librmq {}", env!("CARGO_PKG_VERSION"))),
        ("PROP_CONSUMEORDERLY", config.orderly.to_string()),
        ("PROP_CONSUMER_START_TIMESTAMP", engine.started_ms.to_string()),
        ("PROP_CONSUME_TYPE", announced.consume_type.name().to_owned()),
        ("PROP_NAMESERVER_ADDR", format!("{};", config.name_servers.join(";"))),
        ("PROP_THREADPOOL_CORE_SIZE", config.thread_min.to_string()),
        ("clientIP", ip.to_owned()),
        ("consumeFromWhere", announced.consume_from.name().to_owned()),
        ("consumerGroup", announced.group.clone()),
        ("instanceName", instance.to_owned()),
        ("language", "RUST".to_owned()),
        ("messageModel", announced.message_model.name().to_owned()),
        ("namesrvAddr", config.name_servers.join(";")),
        (
            "offsetStore",
            match &engine.store {
                Store::Broker => "broker".to_owned(),
                Store::File(_) => "local file".to_owned(),
            },
        ),
        ("unitMode", announced.unit_mode.to_string()),
    ];
    let all = identity.into_iter().chain(settings(config)).map(|(name, value)| (name.to_owned(), value));
    let fixed = FIXED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut all: Vec<(String, String)> = all.chain(fixed).collect();
    all.sort();
    all
}

/// With what was changed since the start.
fn current(engine: &Engine) -> ConsumerConfig {
    let mut config = engine.config.clone();
    config.name_servers = engine.cluster.name_servers().to_vec();
    config.thread_max = engine.workers.thread_max();
    config.thread_min = config.thread_min.min(config.thread_max);
    config
}

fn settings(config: &ConsumerConfig) -> [(&'static str, String); 23] {
    let ms = |time: Duration| time.as_millis().to_string();
    let reconsume_max = match config.orderly {
        // -1 is Java's word for no limit.
        true => config.orderly_reconsume_max.unwrap_or(-1),
        false => config.reconsume_max,
    };
    let minutes = config.consume_timeout.as_secs_f64() / 60.0;
    [
        ("allocateMessageQueueStrategy", format!("{:?}", config.strategy).to_uppercase()),
        ("awaitTerminationMillisWhenShutdown", ms(config.shutdown_timeout)),
        ("clientCallbackExecutorThreads", config.io_threads.to_string()),
        ("consumeConcurrentlyMaxSpan", config.span_max.to_string()),
        ("consumeMessageBatchMaxSize", config.batch_size.to_string()),
        ("consumeThreadMax", config.thread_max.to_string()),
        ("consumeThreadMin", config.thread_min.to_string()),
        ("consumeTimeout", minutes.to_string()),
        ("consumeTimestamp", config.consume_timestamp_ms.to_string()),
        ("heartbeatBrokerInterval", ms(config.heartbeat_interval)),
        ("maxReconsumeTimes", reconsume_max.to_string()),
        ("mqClientApiTimeout", ms(config.request_timeout)),
        ("persistConsumerOffsetInterval", ms(config.offset_persist_interval)),
        ("pollNameServerInterval", ms(config.name_server_interval)),
        ("pullBatchSize", config.pull_batch_size.to_string()),
        ("pullBatchSizeInBytes", config.pull_batch_bytes.to_string()),
        ("pullInterval", ms(config.pull_interval)),
        ("pullThresholdForQueue", messages(config.queue_limit)),
        ("pullThresholdForTopic", messages(config.topic_limit)),
        ("pullThresholdSizeForQueue", mib(config.queue_limit)),
        ("pullThresholdSizeForTopic", mib(config.topic_limit)),
        ("pullTimeDelayMillsWhenException", ms(config.pull_error_backoff)),
        ("suspendCurrentQueueTimeMillis", ms(config.suspend_queue)),
    ]
}

/// What cannot be set here: how it is, or that there is no such thing.
const FIXED: &[(&str, &str)] = &[
    ("accessChannel", "LOCAL"),
    ("adjustThreadPoolNumsThreshold", NONE),
    ("clientRebalance", "true"),
    ("concurrentHeartbeatThreadPoolSize", NONE),
    ("decodeDecompressBody", "true"),
    ("decodeReadBody", "true"),
    ("defaultMQPushConsumerImpl", "librmq"),
    ("detectInterval", NONE),
    ("detectTimeout", NONE),
    ("enableConcurrentHeartbeat", "true"),
    ("enableHeartbeatChannelEventListener", "true"),
    ("enableStreamRequestType", "false"),
    ("enableTrace", "false"),
    ("log", "log callback"),
    ("maxPageSizeInGetMetadata", NONE),
    ("messageListener", "message callback"),
    ("namespaceInitialized", "true"),
    ("popBatchNums", NONE),
    ("popInvisibleTime", NONE),
    ("popThresholdForQueue", NONE),
    ("postSubscriptionWhenPull", "false"),
    ("sendLatencyEnable", "false"),
    ("socksProxyConfig", "{}"),
    ("startDetectorEnable", "false"),
    // Java's own map of topics given before the start, which it leaves empty too: see the subscription set.
    ("subscription", "{}"),
    ("traceMsgBatchNum", NONE),
    ("useHeartbeatV2", "false"),
    ("useTLS", "false"),
    ("vipChannelEnabled", "false"),
];

/// -1 is no limit.
fn messages(limit: Limit) -> String {
    limited(limit.messages, 1)
}

fn mib(limit: Limit) -> String {
    limited(limit.bytes, 1024 * 1024)
}

fn limited(amount: usize, unit: usize) -> String {
    if amount == usize::MAX { "-1".to_owned() } else { (amount / unit).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_minus_one() {
        assert_eq!(messages(Limit { messages: usize::MAX, bytes: 0 }), "-1");
        assert_eq!(mib(Limit { messages: 0, bytes: usize::MAX }), "-1");
        assert_eq!(mib(Limit { messages: 0, bytes: 100 << 20 }), "100");
    }
}
