//! The property table. Parser, error texts, the JSON listing and docs/CONFIGURATION.md all come from it.
//!
//! Names are lower-case and dotted, the unit is the last part of the name. Defaults and ranges are Java's
//! (`DefaultMQPushConsumer`, `DefaultMQPushConsumerImpl#checkConfig`, `ClientConfig`) unless the help says otherwise.

use super::property::{
    AppliesTo, Kind, Property, Unit, Word, count, flag, integer, mib, millis, text, words,
};

/// Properties that belong together, in the order of CONFIGURATION.md.
#[derive(Debug)]
pub struct Area {
    /// The heading.
    pub title: &'static str,
    /// What falls under it.
    pub properties: &'static [Property],
}

/// Every property there is.
pub const AREAS: &[Area] = &[
    Area { title: "Who and where", properties: IDENTITY },
    Area { title: "What is consumed, and from where", properties: START },
    Area { title: "Division of the queues", properties: ALLOCATION },
    Area { title: "Callbacks and threads", properties: CALLBACKS },
    Area { title: "Pulling and memory", properties: PULLING },
    Area { title: "Cadence", properties: CADENCE },
    Area { title: "Time limits", properties: LIMITS },
    Area { title: "Logging and statistics", properties: LOGGING },
    Area { title: "Security", properties: SECURITY },
    Area { title: "Polling", properties: POLLING },
];

/// Every property, in the order of the areas.
pub fn all() -> impl Iterator<Item = &'static Property> {
    AREAS.iter().flat_map(|area| area.properties)
}

const ACL: &str = "signed requests are not built yet";

const IDENTITY: &[Property] = &[
    Property::new("consumer.group", "consumerGroup", Kind::Group, "")
        .required()
        .aliases(&["group", "group.name", "group_name"])
        .help("The group whose members share the messages. All its members must subscribe to the same topics with the same expressions."),
    Property::new("namesrv.addr", "namesrvAddr", Kind::Addresses, "")
        .required()
        .aliases(&["namesrv", "name_server", "name_servers", "name_server_addr", "name_server_address", "namesrv_address"])
        .help("Name servers as `host:port`, separated by `;`. When it is not set, the environment variable NAMESRV_ADDR is taken."),
    text("instance.name", "instanceName", "")
        .aliases(&["instance"])
        .help("Tells consumers of one machine apart. Not set, or `DEFAULT`: generated anew for each consumer, never twice the same; in broadcasting it is `DEFAULT`, so that the consumer finds its offsets again. Two members of a group must not share one."),
    text("client.ip", "clientIP", "")
        .aliases(&["clientIp", "client_ip"])
        .low()
        .help("The address that opens the client id. Not set: the local address of the route to the name server. It is a name only; nothing binds to it."),
    text("namespace", "namespaceV2", "")
        .low()
        .help("Names a namespace in every request (fields `ns` and `nsd`), for proxies that keep tenants apart by it. Brokers 4.9.7 and 5.5.0 do not look at it: names stay as they are."),
    text("namespace.prefix", "", "")
        .aliases(&["namespace.v1", "namespaceV1", "namespace_v1"])
        .low()
        .help("Puts the group and its topics into a namespace: brokers know them as `namespace%name`, the program only as `name`. Java's property `namespace`."),
];

const START: &[Property] = &[
    words("message.model", "messageModel", "clustering", &[word("clustering"), word("broadcasting")])
        .help("`clustering`: the members of the group share the messages. `broadcasting`: each member gets all, and keeps its offsets in a file of its own. All members must use the same."),
    words(
        "consume.from",
        "consumeFromWhere",
        "last_offset",
        &[
            Word { name: "first_offset", also: &["CONSUME_FROM_FIRST_OFFSET", "first"] },
            Word {
                name: "last_offset",
                also: &["CONSUME_FROM_LAST_OFFSET", "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST", "last"],
            },
            Word { name: "timestamp", also: &["CONSUME_FROM_TIMESTAMP"] },
            Word { name: "min_offset", also: &["CONSUME_FROM_MIN_OFFSET"] },
            Word { name: "max_offset", also: &["CONSUME_FROM_MAX_OFFSET"] },
        ],
    )
    .high()
    .aliases(&["consume_from"])
    .help("Where a group begins on a queue for which it has never committed an offset; otherwise it goes on where it was. Retry queues always begin at their first message."),
    Property::new("consume.timestamp", "consumeTimestamp", Kind::Timestamp, "0")
        .help("The point in time for `consume.from=timestamp`, in milliseconds since 1970. 0 is 30 minutes before the start. 14 digits are Java's form `yyyyMMddHHmmss`, read in the local time zone."),
    flag("auto.commit", "autoCommit", "true")
        .help("Whether progress is committed by itself: while messages are consumed, when a queue is handed over and at the end. If not, only rmq_consumer_commit and rmq_consumer_commit_queue commit; see docs/queues.md. It must be true in broadcasting."),
    words("consume.mode", "", "concurrent", &[
        Word { name: "concurrent", also: &["concurrently", "MessageListenerConcurrently"] },
        Word { name: "orderly", also: &["MessageListenerOrderly"] },
    ])
    .help("`concurrent`: messages of one queue may be in several callbacks at once. `orderly`: one batch of a queue at a time, in order; see docs/orderly.md."),
    Property::new("offset.store.path", "rocketmq.client.localOffsetStoreDir", Kind::Folder, "~/.rocketmq_offsets")
        .low()
        .help("The folder in which a broadcasting consumer keeps its offsets, as `<client id>/<group>/offsets.json`. A `~` at its beginning is the home directory."),
];

const ALLOCATION: &[Property] = &[
    words(
        "allocate.strategy",
        "allocateMessageQueueStrategy",
        "avg",
        &[
            Word { name: "avg", also: &["AllocateMessageQueueAveragely"] },
            Word { name: "avg_by_circle", also: &["AllocateMessageQueueAveragelyByCircle"] },
            word("hash"),
            Word { name: "consistent_hash", also: &["AllocateMessageQueueConsistentHash"] },
            Word { name: "configuration", also: &["AllocateMessageQueueByConfig", "config"] },
            word("machine_room"),
            Word { name: "machine_room_strict", also: &["AllocateMessageQueueByMachineRoom"] },
            Word { name: "machine_room_nearby", also: &["AllocateMachineRoomNearby"] },
            word("weighted"),
            word("rendezvous"),
            word("custom"),
        ],
    )
    .aliases(&["strategy", "allocate_strategy"])
    .help("How the queues of a topic are divided among the members of the group. All members must use the same, with the same settings. See docs/allocation.md."),
    Property::new("allocate.configuration", "", Kind::Json, "")
        .help("For `configuration`: the queues of each member, `{\"*@worker-1\": [\"TopicTest/broker-a/0\"]}`. A `*` in a client id stands for any characters."),
    Property::new("allocate.weights", "", Kind::Json, "")
        .help("For `weighted`: how much of the queues each member gets, by its client id, `{\"*@big-*\": 3}`. The longest pattern that fits counts; without one a weight is 1."),
    Property::new("allocate.machine.rooms", "consumeridcs", Kind::Names, "")
        .help("For `machine_room_strict`: the rooms whose queues are consumed. A broker's room stands before the `@` in its name."),
    Property::new("allocate.machine.room.map", "", Kind::Json, "")
        .help("For `machine_room` and `machine_room_nearby`: the room of each broker, by its name, and of each member, by its client id, `{\"broker-a*\": \"east\", \"10.1.*\": \"east\"}`. The longest pattern that fits counts; without one the room is what stands before the first `@`."),
    words("allocate.nearby.strategy", "", "avg", &[word("avg"), word("avg_by_circle"), word("consistent_hash")])
        .low()
        .help("For `machine_room_nearby`: how the queues of one room are divided."),
];

const CALLBACKS: &[Property] = &[
    count("consume.thread.min", "consumeThreadMin", "20", 1, 1000)
        .only(AppliesTo::Push)
        .help("Callback threads that stay once they were needed; those above end after 30 s without work. Before the first message there are none. Lowered to consume.thread.max when only that is set."),
    count("consume.thread.max", "consumeThreadMax", "64", 1, 1000)
        .high()
        .only(AppliesTo::Push)
        .aliases(&["consume_threads"])
        .help("How many callbacks run at the same time at most."),
    count("consume.batch.size", "consumeMessageBatchMaxSize", "1", 1, 1024)
        .only(AppliesTo::Push)
        .aliases(&["batch_size"])
        .help("How many messages one callback gets at most; all of one queue."),
    millis("consume.timeout.ms", "consumeTimeout", "900000", 100, 604_800_000)
        .java_counts(60_000, "minutes")
        .help("How long a message may be in a callback, or polled or deferred and not settled. After that it is delivered again as if it had failed, and its answer no longer counts. An orderly callback keeps its messages however long it takes. Java's name counts minutes."),
    count("reconsume.max", "maxReconsumeTimes", "16", 0, 2_147_483_647)
        .also(-1, "16, as in Java")
        .high()
        .help("How often a message is delivered again before it goes to the dead letters."),
    count("orderly.reconsume.max", "", "-1", 0, 2_147_483_647)
        .also(-1, "no limit")
        .low()
        .help("The same in orderly consumption, where a message that fails holds up its queue."),
    flag("orderly.auto.commit", "", "true")
        .low()
        .help("Whether an orderly callback's success is committed by itself. If not, it answers commit and rollback."),
    millis("suspend.queue.ms", "suspendCurrentQueueTimeMillis", "1000", 10, 30_000)
        .low()
        .help("How long an orderly queue rests before a message that failed is tried again."),
    millis("slow.message.ms", "", "30000", 0, 604_800_000)
        .low()
        .help("A callback that runs longer, and a batch that is not settled for longer, is told once, in the log and by an event. 0: never."),
    integer("thread.stack.kib", "", "0", 64, 1_048_576, Unit::Kib)
        .also(0, "the platform's default")
        .low()
        .help("The stack of a callback thread."),
    count("io.threads", "", "1", 1, 64)
        .low()
        .help("Threads of this consumer that talk to the cluster. Callbacks never run on them."),
];

const PULLING: &[Property] = &[
    count("pull.batch.size", "pullBatchSize", "32", 1, 1024)
        .help("How many messages one pull asks for. A broker answers at most 32 from memory unless it is configured otherwise."),
    integer("pull.batch.bytes", "pullBatchSizeInBytes", "262144", 1024, 8_388_608, Unit::Bytes)
        .low()
        .help("How many bytes one pull asks for. Brokers before 5.0 do not look at it."),
    millis("pull.interval.ms", "pullInterval", "0", 0, 65_535)
        .aliases(&["pull_interval"])
        .low()
        .help("A rest after each pull of a queue that brought messages."),
    millis("pull.suspend.ms", "brokerSuspendMaxTimeMillis", "15000", 100, 30_000)
        .low()
        .help("How long the broker may hold a pull when there is nothing new. Longer means fewer empty pulls and a later notice of a dead broker."),
    millis("pull.error.backoff.ms", "pullTimeDelayMillsWhenException", "1000", 10, 600_000)
        .low()
        .help("The rest after a pull that failed."),
    count("consume.span.max", "consumeConcurrentlyMaxSpan", "2000", 1, 65_535)
        .low()
        .help("How far the first and the last unfinished message of a queue may lie apart before its pulls rest. It bounds what is delivered again after a crash."),
    count("pull.threshold.queue", "pullThresholdForQueue", "1000", 1, 65_535)
        .aliases(&["pull_threshold_of_queue", "pullThresholdOfQueue"])
        .help("Messages held of one queue before its pulls rest."),
    mib("pull.threshold.queue.mib", "pullThresholdSizeForQueue", "100", 1, 1024)
        .aliases(&["pull_threshold_size_of_queue", "pullThresholdSizeOfQueue"])
        .help("The same in MiB. By default pull.threshold.all.mib (64) binds before."),
    count("pull.threshold.topic", "pullThresholdForTopic", "10000", 1, 6_553_500)
        .also(-1, "no limit")
        .aliases(&["pull_threshold_of_topic", "pullThresholdOfTopic"])
        .help("Messages held of all queues of one topic together. A queue that holds nothing may always pull once. Java divides the number by the queues instead."),
    mib("pull.threshold.topic.mib", "pullThresholdSizeForTopic", "100", 1, 102_400)
        .also(-1, "no limit")
        .aliases(&["pull_threshold_size_of_topic", "pullThresholdSizeOfTopic"])
        .help("The same in MiB. By default pull.threshold.all.mib (64) binds before."),
    count("pull.threshold.all", "pullThresholdForAll", "50000", 1, 6_553_500)
        .help("Messages held by the consumer altogether."),
    mib("pull.threshold.all.mib", "pullThresholdSizeForAll", "64", 1, 102_400)
        .high()
        .help("The same in MiB: the bound of this consumer's memory. At its default it binds before those of queues and topics."),
    flag("check.crc", "checkCRC", "false")
        .aliases(&["check_crc"])
        .low()
        .help("Compares each body with the checksum the broker stored."),
];

const CADENCE: &[Property] = &[
    millis("namesrv.poll.interval.ms", "pollNameServerInterval", "30000", 100, 3_600_000)
        .low()
        .help("How often the routes are read again. A broker that is lost makes it happen at once."),
    millis("heartbeat.interval.ms", "heartbeatBrokerInterval", "30000", 100, 60_000)
        .low()
        .help("How often each broker gets a heartbeat. A broker forgets a member after 120 s without."),
    millis("offset.persist.interval.ms", "persistConsumerOffsetInterval", "5000", 100, 3_600_000)
        .low()
        .help("How often every offset that is not committed yet is committed, whatever else happens. In broadcasting: how often progress is saved to the file."),
    millis("offset.commit.interval.ms", "", "100", 1, 60_000)
        .help("The shortest time between two commits of a queue: progress after a pause is committed at once, steady progress this often. It bounds what is delivered again after a crash."),
    millis("rebalance.interval.ms", "rocketmq.client.rebalance.waitInterval", "20000", 100, 600_000)
        .aliases(&["rebalance_interval"])
        .low()
        .help("How often the division of the queues is checked without a cause. Members that join or leave cause it at once."),
    millis("watchdog.queue.ms", "", "60000", 1000, 3_600_000)
        .low()
        .help("How long a queue may stand still, with no pull answered or no commit made, until its connection is made anew, the step is begun again and an event RMQ_EVENT_STALLED tells of it. A queue that is paused or full does not stand still, nor one that is empty: a pull that the broker may hold has 6 s more than pull.suspend.ms, if that is longer."),
];

const LIMITS: &[Property] = &[
    millis("start.timeout.ms", "", "10000", 0, 600_000)
        .help("How long a start waits for a name server and the brokers of the known topics; one that refuses the connection is tried again until the time is over. 0: it does not wait, and goes on trying in the background."),
    millis("shutdown.timeout.ms", "awaitTerminationMillisWhenShutdown", "15000", 0, 3_600_000)
        .help("How long a shutdown waits for running callbacks, for batches that are not settled, and for the commit of what they finished. Java's default is 0."),
    millis("request.timeout.ms", "mqClientApiTimeout", "3000", 100, 300_000)
        .help("How long a request to a name server or broker may take. A pull may take pull.suspend.ms and 15 s: a broker looks for overdue ones every 5 s only."),
    millis("connect.timeout.ms", "connectTimeoutMillis", "3000", 100, 60_000)
        .low()
        .help("How long making a connection may take."),
    millis("rebalance.handover.timeout.ms", "", "5000", 0, 60_000)
        .low()
        .help("How long a queue that was assigned waits for its previous owner to finish before it is pulled anyway. An orderly queue waits for its lock however long that takes."),
];

const LOGGING: &[Property] = &[
    words("log.level", "", "warn", &[
        Word { name: "error", also: &["3"] },
        Word { name: "warn", also: &["4", "warning"] },
        Word { name: "info", also: &["6"] },
        Word { name: "debug", also: &["7"] },
    ])
    .help("The least important records that the log callback gets. Without a callback nothing is logged anywhere."),
    flag("log.queue", "", "false")
        .low()
        .help("Makes log records events of the kind RMQ_EVENT_LOG instead of calling the log callback; see docs/events.md."),
    millis("stats.interval.ms", "", "0", 100, 3_600_000)
        .also(0, "never")
        .low()
        .help("How often there is an event of the kind RMQ_EVENT_STATS with the statistics; see docs/STATISTICS.md."),
];

const SECURITY: &[Property] = &[
    text("access.key", "accessKey", "")
        .secret()
        .unsupported(ACL)
        .help("The user's name, on clusters with access control."),
    text("secret.key", "secretKey", "")
        .secret()
        .unsupported(ACL)
        .help("The user's key; requests are signed with it."),
    text("security.token", "securityToken", "")
        .secret()
        .low()
        .unsupported(ACL)
        .help("A temporary token that goes with the two."),
    flag("tls.enable", "useTLS", "false")
        .aliases(&["use_tls", "tls"])
        .unsupported("TLS is not built yet")
        .help("Encrypts every connection."),
];

const POLLING: &[Property] = &[
    words("poll.ack", "", "explicit", &[word("explicit"), word("on_destroy")])
        .only(AppliesTo::Poll)
        .help("What destroying a polled batch that was not settled means: `explicit`: deliver it again, `on_destroy`: it was consumed."),
    count("unsettled.max", "", "1000", 1, 1_000_000)
        .low()
        .help("How many messages that were polled, or deferred by a callback, may be unsettled at the same time. No more are handed out then."),
];

const fn word(name: &'static str) -> Word {
    Word { name, also: &[] }
}
