//! The typed form of a configuration, which a consumer is made from and keeps.

use std::str::FromStr;
use std::time::Duration;

use super::{Config, Strategy, local_time, table, value};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Level;

const MIB: usize = 1024 * 1024;

/// The environment variable that names the name servers when the configuration does not; as in Java.
const NAME_SERVER_VARIABLE: &str = "NAMESRV_ADDR";

/// What Java means by `maxReconsumeTimes = -1` in concurrent consumption.
const JAVA_RECONSUME_MAX: i32 = 16;

/// Where a group begins on a queue for which it has never committed an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumeFrom {
    /// At the first message; what the broker still has of it.
    FirstOffset,
    /// Behind the last message.
    LastOffset,
    /// At the first message stored at or after [`ConsumerConfig::consume_timestamp_ms`].
    Timestamp,
    /// At the smallest offset the broker has.
    MinOffset,
    /// Behind the largest offset the broker has.
    MaxOffset,
}

/// Who of a group gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageModel {
    /// One member; offsets are kept by the brokers.
    Clustering,
    /// Every member; each keeps its offsets in a file.
    Broadcasting,
}

/// How much may be held; reaching either number is full. `usize::MAX` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Messages.
    pub messages: usize,
    /// Bytes.
    pub bytes: usize,
}

/// What a consumer is configured to do. The property behind each field is named in docs/CONFIGURATION.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// The group's name.
    pub group: String,
    /// Named in every request; empty for none.
    pub namespace: String,
    /// Stands before topics and groups at the brokers; empty for none.
    pub namespace_prefix: String,
    /// Name servers, `host:port`; at least one.
    pub name_servers: Vec<String>,
    /// The instance name; `None` is to be generated.
    pub instance_name: Option<String>,
    /// The address that opens the client id; `None` is to be found out.
    pub client_ip: Option<String>,
    /// Who of the group gets a message.
    pub model: MessageModel,
    /// The folder of the offsets in broadcasting, as it was given.
    pub offset_store_path: String,
    /// Whether progress is committed without a call.
    pub auto_commit: bool,
    /// Where to begin without a committed offset.
    pub consume_from: ConsumeFrom,
    /// For [`ConsumeFrom::Timestamp`]: milliseconds since 1970, or 0 for 30 minutes before the start.
    pub consume_timestamp_ms: i64,
    /// Callback threads that stay.
    pub thread_min: usize,
    /// Callback threads at most; not less than `thread_min`.
    pub thread_max: usize,
    /// Messages of one callback at most.
    pub batch_size: usize,
    /// How long a message may be in a callback.
    pub consume_timeout: Duration,
    /// Distance of the first and the last unfinished offset at which a queue's pulls rest.
    pub span_max: i64,
    /// Deliveries after the first before the dead letters.
    pub reconsume_max: i32,
    /// Messages one pull asks for.
    pub pull_batch_size: i32,
    /// Bytes one pull asks for.
    pub pull_batch_bytes: i32,
    /// The rest after a pull that brought messages.
    pub pull_interval: Duration,
    /// What one queue may hold.
    pub queue_limit: Limit,
    /// What one topic may hold.
    pub topic_limit: Limit,
    /// What the consumer may hold.
    pub all_limit: Limit,
    /// The rest after a pull that failed.
    pub pull_error_backoff: Duration,
    /// How long the broker may hold a pull.
    pub pull_suspend: Duration,
    /// How often routes are read again.
    pub name_server_interval: Duration,
    /// How often brokers get a heartbeat.
    pub heartbeat_interval: Duration,
    /// How often every dirty offset is committed.
    pub offset_persist_interval: Duration,
    /// How long a dirty offset waits while its queue is busy.
    pub offset_commit_interval: Duration,
    /// How often the assignment is checked without a cause.
    pub rebalance_interval: Duration,
    /// How long a gained queue waits for its previous owner.
    pub handover_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a start waits; zero does not wait.
    pub start_timeout: Duration,
    /// How long a shutdown waits when the caller does not say.
    pub shutdown_timeout: Duration,
    /// Threads that talk to the cluster.
    pub io_threads: usize,
    /// The stack of a callback thread; 0 is the platform's default.
    pub thread_stack_bytes: usize,
    /// Whether bodies are compared with their checksums.
    pub check_crc: bool,
    /// From when on a callback is reported as slow; zero is never.
    pub slow_message: Duration,
    /// How long a queue may stand still.
    pub watchdog: Duration,
    /// Whether the queues are consumed in order.
    pub orderly: bool,
    /// Deliveries after the first before the dead letters, in order; `None` is without a limit.
    pub orderly_reconsume_max: Option<i32>,
    /// Whether an orderly success is committed by itself.
    pub orderly_auto_commit: bool,
    /// How long an orderly queue rests after a failure.
    pub suspend_queue: Duration,
    /// Whether destroying a polled batch means that it was consumed.
    pub poll_ack_on_destroy: bool,
    /// How many messages may be polled or deferred and not settled.
    pub unsettled_max: usize,
    /// The least important level that is logged.
    pub log_level: Level,
    /// Whether log records become events.
    pub log_queue: bool,
    /// How often there is an event of statistics; zero is never.
    pub stats_interval: Duration,
    /// How queues are divided.
    pub strategy: Strategy,
}

impl Config {
    /// The typed form, after the checks that need more than one property. Name servers that are not set are taken
    /// from the environment variable NAMESRV_ADDR.
    pub fn snapshot(&self) -> Result<ConsumerConfig> {
        self.snapshot_with(std::env::var(NAME_SERVER_VARIABLE).ok().as_deref())
    }

    /// The same, with the name servers to take when the property is not set.
    pub fn snapshot_with(&self, default_name_servers: Option<&str>) -> Result<ConsumerConfig> {
        let group = self.explicit("consumer.group").ok_or_else(|| missing("consumer.group", ""))?.to_owned();
        let (thread_min, thread_max) = self.threads()?;
        Ok(ConsumerConfig {
            group,
            namespace: self.text("namespace").to_owned(),
            namespace_prefix: self.namespace_prefix()?,
            name_servers: self.name_servers(default_name_servers)?,
            instance_name: self.optional("instance.name").filter(|name| name != "DEFAULT"),
            client_ip: self.optional("client.ip"),
            model: match self.text("message.model") {
                "broadcasting" => MessageModel::Broadcasting,
                _ => MessageModel::Clustering,
            },
            auto_commit: self.auto_commit()?,
            offset_store_path: self.text("offset.store.path").to_owned(),
            consume_from: match self.text("consume.from") {
                "first_offset" => ConsumeFrom::FirstOffset,
                "timestamp" => ConsumeFrom::Timestamp,
                "min_offset" => ConsumeFrom::MinOffset,
                "max_offset" => ConsumeFrom::MaxOffset,
                _ => ConsumeFrom::LastOffset,
            },
            consume_timestamp_ms: self.timestamp()?,
            thread_min,
            thread_max,
            batch_size: self.number("consume.batch.size")?,
            consume_timeout: self.millis("consume.timeout.ms")?,
            span_max: self.number("consume.span.max")?,
            reconsume_max: match self.number("reconsume.max")? {
                -1 => JAVA_RECONSUME_MAX,
                times => times,
            },
            pull_batch_size: self.number("pull.batch.size")?,
            pull_batch_bytes: self.number("pull.batch.bytes")?,
            pull_interval: self.millis("pull.interval.ms")?,
            queue_limit: self.limit("pull.threshold.queue", "pull.threshold.queue.mib")?,
            topic_limit: self.limit("pull.threshold.topic", "pull.threshold.topic.mib")?,
            all_limit: self.limit("pull.threshold.all", "pull.threshold.all.mib")?,
            pull_error_backoff: self.millis("pull.error.backoff.ms")?,
            pull_suspend: self.millis("pull.suspend.ms")?,
            name_server_interval: self.millis("namesrv.poll.interval.ms")?,
            heartbeat_interval: self.millis("heartbeat.interval.ms")?,
            offset_persist_interval: self.millis("offset.persist.interval.ms")?,
            offset_commit_interval: self.millis("offset.commit.interval.ms")?,
            rebalance_interval: self.millis("rebalance.interval.ms")?,
            handover_timeout: self.millis("rebalance.handover.timeout.ms")?,
            request_timeout: self.millis("request.timeout.ms")?,
            connect_timeout: self.millis("connect.timeout.ms")?,
            start_timeout: self.millis("start.timeout.ms")?,
            shutdown_timeout: self.millis("shutdown.timeout.ms")?,
            io_threads: self.number("io.threads")?,
            thread_stack_bytes: self.number::<usize>("thread.stack.kib")?.saturating_mul(1024),
            check_crc: self.text("check.crc") == "true",
            slow_message: self.millis("slow.message.ms")?,
            watchdog: self.millis("watchdog.queue.ms")?,
            orderly: self.text("consume.mode") == "orderly",
            orderly_reconsume_max: Some(self.number("orderly.reconsume.max")?).filter(|times| *times >= 0),
            orderly_auto_commit: self.text("orderly.auto.commit") == "true",
            suspend_queue: self.millis("suspend.queue.ms")?,
            poll_ack_on_destroy: self.text("poll.ack") == "on_destroy",
            unsettled_max: self.number("unsettled.max")?,
            log_level: match self.text("log.level") {
                "error" => Level::Error,
                "info" => Level::Info,
                "debug" => Level::Debug,
                _ => Level::Warn,
            },
            log_queue: self.text("log.queue") == "true",
            stats_interval: self.millis("stats.interval.ms")?,
            strategy: self.strategy()?,
        })
    }

    /// A file of one's own is no matter of the group's: who wants it unchanged gives another folder.
    fn auto_commit(&self) -> Result<bool> {
        let auto_commit = self.text("auto.commit") == "true";
        if !auto_commit && self.text("message.model") == "broadcasting" {
            let text = "auto.commit=false: in message.model=broadcasting it must be true";
            return Err(Error::new(ErrorKind::ConfigValue, text));
        }
        Ok(auto_commit)
    }

    /// It becomes part of names, so only their characters will do; `%` would end it.
    fn namespace_prefix(&self) -> Result<String> {
        let namespace = self.text("namespace.prefix");
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '|');
        match namespace.chars().all(legal) {
            true => Ok(namespace.to_owned()),
            false => Err(Error::new(
                ErrorKind::ConfigValue,
                format!("namespace.prefix={namespace:?}: allowed are the characters a-z A-Z 0-9 _ - |"),
            )),
        }
    }

    fn name_servers(&self, default: Option<&str>) -> Result<Vec<String>> {
        let list = match (self.explicit("namesrv.addr"), default) {
            (Some(list), _) => list.to_owned(),
            (None, Some(list)) if !list.trim().is_empty() => value::addresses(list).map_err(|rule| {
                Error::new(
                    ErrorKind::ConfigValue,
                    format!("{NAME_SERVER_VARIABLE} of the environment: allowed is {rule}"),
                )
            })?,
            _ => return Err(missing("namesrv.addr", "nor is the environment variable NAMESRV_ADDR")),
        };
        Ok(list.split(';').map(str::to_owned).collect())
    }

    /// A default gives way to the number that was set; only two numbers that were set can contradict each other.
    fn threads(&self) -> Result<(usize, usize)> {
        let (min, max) = (self.number("consume.thread.min")?, self.number("consume.thread.max")?);
        match (self.explicit("consume.thread.min"), self.explicit("consume.thread.max")) {
            (Some(_), Some(_)) if min > max => Err(Error::new(
                ErrorKind::ConfigValue,
                format!("consume.thread.min={min} is larger than consume.thread.max={max}"),
            )),
            (Some(_), None) => Ok((min, max.max(min))),
            _ => Ok((min.min(max), max)),
        }
    }

    fn timestamp(&self) -> Result<i64> {
        match local_time::Civil::parse(self.text("consume.timestamp")) {
            Some(civil) => civil.epoch_millis(),
            None => self.number("consume.timestamp"),
        }
    }

    fn limit(&self, messages: &str, mib: &str) -> Result<Limit> {
        // -1 is no limit, and does not fit into a usize.
        let amount = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let (messages, mib) = (amount(self.number(messages)?), amount(self.number(mib)?));
        Ok(Limit { messages, bytes: mib.saturating_mul(MIB) })
    }

    fn millis(&self, key: &str) -> Result<Duration> {
        Ok(Duration::from_millis(self.number(key)?))
    }

    fn optional(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The table's ranges fit the fields' types, which a test shows; a value that does not is told, not cut.
    fn number<T: FromStr>(&self, key: &str) -> Result<T> {
        let text = self.text(key);
        text.parse().map_err(|_| {
            Error::new(ErrorKind::ConfigValue, format!("{key}={text}: out of range on this platform"))
        })
    }

    pub(super) fn text(&self, key: &str) -> &str {
        table::all()
            .enumerate()
            .find(|(_, property)| property.key == key)
            .map_or("", |(index, property)| self.effective(index, property))
    }
}

fn missing(key: &str, more: &str) -> Error {
    let comma = if more.is_empty() { "" } else { ", " };
    Error::new(ErrorKind::ConfigMissing, format!("{key} is not set{comma}{more}"))
}
