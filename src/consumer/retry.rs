//! Messages that a callback wants again: back to the broker, else republished, else delivered again here.
//! Without membership (`rmq_consumer_assign`) nobody would read the retry topic, so it is always here.
//!
//! The offset passes such a message only when the broker has acknowledged one of the first two.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use tokio::time::sleep;

use super::dispatch::PulledBatch;
use super::dropped::tell_dropped;
use super::engine::Engine;
use super::queue::Running;
use super::status::count;
use crate::cluster::command::{ConsumerSendMessageBack, SendMessage, SendMessageHeader};
use crate::config::MessageModel;
use crate::error::{Error, ErrorKind, Result};
use crate::message::property::{self, name};
use crate::message::{Message, namespace};

/// The wait before a message that no broker took back is delivered again here, as in Java.
const LOCAL_RETRY: Duration = Duration::from_secs(5);

/// The delay level of the first retry: 10 s with the broker's default levels, as in Java.
const FIRST_RETRY_LEVEL: i32 = 3;

/// Gives messages of a batch back. `running` keeps the queue from being handed over meanwhile.
pub(crate) async fn give_back(
    engine: Arc<Engine>,
    batch: Arc<PulledBatch>,
    indexes: Range<usize>,
    delay_level: i32,
    running: Running,
) {
    let queue = &batch.queue;
    count(&engine.status.counters.failed, indexes.len());
    queue.marks().failed(indexes.len());
    let mut left = Vec::new();
    for index in indexes {
        // Whoever gets the queue next gets these again, so a stop need not wait for a broker that keeps silent.
        if queue.stop().is_cancelled() || !queue.holds(batch.id) {
            return;
        }
        if engine.subscriptions.is_assigned() && delay_level >= 0 {
            left.push(index);
            continue;
        }
        match return_one(&engine, &batch, &batch.messages[index], delay_level).await {
            Ok(()) => {
                queue.marks().returned(1);
                queue.marks().retried(usize::from(engine.config.model == MessageModel::Clustering));
                queue.complete(batch.id, index..index + 1);
            }
            Err(error) => {
                let what = format!("{} offset {}", queue.name, batch.messages[index].queue_offset());
                engine.log.warn("retry", error.context(what));
                left.push(index);
            }
        }
    }
    drop(running);
    if left.is_empty() {
        return;
    }
    tokio::select! {
        biased;
        () = queue.stop().cancelled() => {}
        () = sleep(LOCAL_RETRY) => {
            // Not when the offset was moved meanwhile.
            for index in left.into_iter().filter(|_| queue.holds(batch.id)) {
                let pushed = engine.workers.push(Arc::clone(&batch), index..index + 1);
                queue.marks().retried(usize::from(pushed));
            }
        }
    }
}

/// Brings one message back to a broker; -1 is the level of the dead letters. In broadcasting it is given up.
pub(super) async fn return_one(
    engine: &Engine,
    batch: &PulledBatch,
    message: &Message,
    delay_level: i32,
) -> Result<()> {
    if engine.config.model == MessageModel::Broadcasting {
        tell_dropped(engine, &batch.queue.name, std::slice::from_ref(message), "its tries are spent");
        return Ok(());
    }
    let Err(refused) = send_back(engine, batch, message, delay_level).await else { return Ok(()) };
    engine.log.debug("retry", format_args!("send-back failed, republishing: {refused}"));
    republish(engine, message, delay_level).await.map_err(|e| e.context(refused.text()))
}

async fn send_back(engine: &Engine, batch: &PulledBatch, message: &Message, delay_level: i32) -> Result<()> {
    let request = ConsumerSendMessageBack {
        offset: message.commit_log_offset(),
        group: engine.config.group.clone(),
        delay_level,
        origin_message_id: Some(message.message_id().to_owned()),
        origin_topic: Some(batch.queue.name.topic.to_string()),
        unit_mode: false,
        max_reconsume_times: Some(engine.config.reconsume_max),
        broker_name: None,
    };
    engine.cluster.call_master(&batch.queue.name, &request).await
}

/// Publishes a copy to the retry topic, at the first broker that takes it: Java's
/// `DefaultMQPushConsumerImpl#sendMessageBackAsNormalMessage`.
async fn republish(engine: &Engine, message: &Message, delay_level: i32) -> Result<()> {
    let topic = engine.subscriptions.retry_topic();
    let mut failed = Error::new(ErrorKind::NoRoute, format!("{topic} has no route to republish to"));
    if engine.cluster.route(topic).is_none() {
        // The broker made the topic when it heard of the group, just now perhaps.
        engine.cluster.refresh_route(topic).await?;
    }
    let Some(route) = engine.cluster.route(topic) else { return Err(failed) };
    for broker in route.brokers.keys() {
        let Some(queue) = route.queues.iter().find(|queue| queue.broker == *broker) else { continue };
        let request = copy_for(engine, topic, queue.id, message, delay_level);
        match engine.cluster.call_master(queue, &request).await {
            Ok(_) => return Ok(()),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The copy: the message with what a broker needs to count its tries and to find its way home.
fn copy_for(engine: &Engine, topic: &str, queue_id: i32, message: &Message, delay_level: i32) -> SendMessage {
    let times = message.reconsume_times() + 1;
    let level = if delay_level > 0 { delay_level } else { FIRST_RETRY_LEVEL + message.reconsume_times() };
    // A broker moves what was tried often enough to the dead letters.
    let most = if delay_level < 0 { 0 } else { engine.config.reconsume_max };
    // What a broker notes when it takes a message back; Java notes the producer's id here, which stays anyway.
    let first = message.property(name::ORIGIN_MESSAGE_ID).unwrap_or(message.offset_message_id());
    let origin_id = first.to_owned();
    let set = [
        ("RETRY_TOPIC", namespace::wrap(&engine.config.namespace_prefix, message.topic())),
        ("ORIGIN_MESSAGE_ID", origin_id),
        ("RECONSUME_TIME", times.to_string()),
        ("MAX_RECONSUME_TIMES", most.to_string()),
        ("DELAY", level.to_string()),
    ];
    // TRAN_MSG would make the broker take the copy for half of a transaction.
    let kept = message
        .properties()
        .filter(|(key, _)| *key != "TRAN_MSG" && !set.iter().any(|(name, _)| name == key));
    let properties = property::encode(kept.chain(set.iter().map(|(k, v)| (*k, v.as_str()))));
    let header = SendMessageHeader {
        producer_group: engine.config.group.clone(),
        topic: topic.to_owned(),
        queue_id,
        born_timestamp: message.born_timestamp(),
        flag: message.flag(),
        properties: Some(properties),
        reconsume_times: Some(times),
        max_reconsume_times: Some(most),
        ..SendMessageHeader::default()
    };
    SendMessage { header, body: Bytes::copy_from_slice(message.body()) }
}
