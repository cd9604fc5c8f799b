//! Messages that a callback wants again: back to the broker, else republished, else delivered again here.
//!
//! The offset passes such a message only when the broker has acknowledged one of the first two.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::dispatch::PulledBatch;
use super::engine::Engine;
use super::queue::Running;
use super::status::count;
use crate::cluster::command::{ConsumerSendMessageBack, SendMessage, SendMessageHeader};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, property};

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
    let mut left = Vec::new();
    for index in indexes {
        match return_one(&engine, &batch, &batch.messages[index], delay_level).await {
            Ok(()) => batch.queue.complete(batch.id, index..index + 1),
            Err(error) => {
                let what = format!("{} offset {}", batch.queue.name, batch.messages[index].queue_offset());
                engine.log.warn("retry", error.context(what));
                left.push(index);
            }
        }
    }
    drop(running);
    if left.is_empty() {
        return;
    }
    // A queue that is given up meanwhile keeps these uncommitted, so its next owner gets them.
    tokio::select! {
        biased;
        () = batch.queue.closing() => {}
        () = engine.tasks.stopped().cancelled() => {}
        () = tokio::time::sleep(LOCAL_RETRY) => {
            for index in left {
                engine.workers.push(Arc::clone(&batch), index..index + 1);
            }
        }
    }
}

async fn return_one(engine: &Engine, batch: &PulledBatch, message: &Message, delay_level: i32) -> Result<()> {
    count(&engine.status.counters.failed, 1);
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
        origin_topic: Some(message.stored_topic().to_owned()),
        unit_mode: false,
        max_reconsume_times: Some(engine.config.reconsume_max),
        broker_name: None,
    };
    engine.cluster.call_master(&batch.queue.name, &request).await
}

/// Publishes a copy to the retry topic, at any broker that has it: Java's
/// `DefaultMQPushConsumerImpl#sendMessageBackAsNormalMessage`.
async fn republish(engine: &Engine, message: &Message, delay_level: i32) -> Result<()> {
    let topic = engine.subscriptions.retry_topic();
    let route = engine.cluster.route(topic);
    let queue = route
        .as_ref()
        .and_then(|route| route.queues.first())
        .ok_or_else(|| Error::new(ErrorKind::NoRoute, format!("{topic} has no route to republish to")))?;
    let times = message.reconsume_times() + 1;
    let level = if delay_level > 0 { delay_level } else { FIRST_RETRY_LEVEL + message.reconsume_times() };
    let origin_id = message.property("ORIGIN_MESSAGE_ID").unwrap_or(message.message_id()).to_owned();
    let set = [
        ("RETRY_TOPIC", message.topic().to_owned()),
        ("ORIGIN_MESSAGE_ID", origin_id),
        ("RECONSUME_TIME", times.to_string()),
        ("MAX_RECONSUME_TIMES", engine.config.reconsume_max.to_string()),
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
        queue_id: queue.id,
        born_timestamp: message.born_timestamp(),
        flag: message.flag(),
        properties: Some(properties),
        reconsume_times: Some(times),
        max_reconsume_times: Some(engine.config.reconsume_max),
        ..SendMessageHeader::default()
    };
    let request = SendMessage { header, body: Bytes::copy_from_slice(message.body()) };
    engine.cluster.call_master(queue, &request).await.map(drop)
}
