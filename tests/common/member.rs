//! A consumer of ours that writes down what it is given; for every kind of cluster.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rmq::{
    Batch, Config, Consumer, Context, Event, EventHandler, EventKind, Level, Log, MessageHandler, Outcome,
};
use rmq_testbed::wait_until;

use crate::gate::Gate;

/// One delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub topic: String,
    pub queue_topic: String,
    pub broker: String,
    pub queue: i32,
    pub offset: i64,
    pub tag: Option<String>,
    pub key: Option<String>,
    pub body: Vec<u8>,
    pub times: i32,
    pub at: Instant,
    properties: BTreeMap<String, String>,
}

impl Delivery {
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }
}

/// The sum of a group's committed offsets over the first `queues` queues of a topic.
pub fn committed(cluster: &rmq_testbed::Cluster, group: &str, topic: &str, queues: u32) -> i64 {
    (0..queues).filter_map(|queue| cluster.committed_offset(group, topic, queue)).sum()
}

type Answer = dyn Fn(&Batch, &mut Context) -> Outcome + Send + Sync;

/// Collects the logs and deliveries of one or more members.
#[derive(Clone, Default)]
pub struct Record {
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    logs: Arc<Mutex<Vec<(Level, String)>>>,
    events: Arc<Mutex<Vec<(EventKind, serde_json::Value)>>>,
}

impl Record {
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.lock().unwrap().clone()
    }

    /// Looks at the deliveries where they are: copies of many are dear.
    pub fn look<T>(&self, at: impl FnOnce(&[Delivery]) -> T) -> T {
        at(&self.deliveries.lock().unwrap())
    }

    pub fn count(&self) -> usize {
        self.deliveries.lock().unwrap().len()
    }

    /// Strikes out the deliveries of some keys.
    pub fn forget(&self, which: impl Fn(&str) -> bool) {
        let named = |delivery: &Delivery| delivery.key.as_deref().is_some_and(&which);
        self.deliveries.lock().unwrap().retain(|delivery| !named(delivery));
    }

    /// How often each key was delivered.
    pub fn by_key(&self) -> BTreeMap<String, usize> {
        let mut keys = BTreeMap::new();
        for delivery in self.deliveries.lock().unwrap().iter() {
            *keys.entry(delivery.key.clone().unwrap_or_default()).or_default() += 1;
        }
        keys
    }

    pub fn logs(&self) -> Vec<(Level, String)> {
        self.logs.lock().unwrap().clone()
    }

    pub fn logged(&self, part: &str) -> usize {
        self.logs.lock().unwrap().iter().filter(|(_, text)| text.contains(part)).count()
    }

    /// How often something was to be logged: a record may stand for several, and then says so at its end.
    pub fn logged_times(&self, part: &str) -> usize {
        let logs = self.logs.lock().unwrap();
        let times = |text: &str| text.strip_suffix(" times)")?.rsplit('(').next()?.parse::<usize>().ok();
        logs.iter().filter(|(_, text)| text.contains(part)).map(|(_, text)| times(text).unwrap_or(1)).sum()
    }

    /// The events of a kind so far, as JSON, oldest first.
    pub fn events(&self, kind: EventKind) -> Vec<serde_json::Value> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|(of, _)| *of == kind).map(|(_, json)| json.clone()).collect()
    }

    /// The kinds of all events so far, oldest first.
    pub fn event_kinds(&self) -> Vec<EventKind> {
        self.events.lock().unwrap().iter().map(|(kind, _)| *kind).collect()
    }

    pub fn wait_for(&self, count: usize, within: Duration) {
        wait_until(&format!("{count} deliveries"), within, || self.count() >= count);
    }
}

/// Where a consumer can connect to.
pub trait NameServer {
    /// `host:port`.
    fn name_server(&self) -> String;
}

impl NameServer for rmq_testbed::Cluster {
    fn name_server(&self) -> String {
        self.namesrv()
    }
}

impl NameServer for rmq_testbed::Relays {
    fn name_server(&self) -> String {
        self.name_server.addr().to_string()
    }
}

/// A consumer to be.
pub struct Setup {
    pub config: Config,
    pub record: Record,
    subscriptions: Vec<(String, String)>,
    answer: Arc<Answer>,
    polling: bool,
}

impl Setup {
    pub fn new(cluster: &impl NameServer, group: &str) -> Setup {
        let mut config = Config::new();
        config.set("namesrv.addr", &format!("127.0.0.1:1;{}", cluster.name_server())).unwrap();
        config.set("consumer.group", group).unwrap();
        config.set("consume.from", "first_offset").unwrap();
        config.set("log.level", "debug").unwrap();
        Setup {
            config,
            record: Record::default(),
            subscriptions: Vec::new(),
            answer: Arc::new(|_, _| Outcome::Success),
            polling: false,
        }
    }

    pub fn set(mut self, key: &str, value: &str) -> Setup {
        self.config.set(key, value).unwrap();
        self
    }

    pub fn record(mut self, record: &Record) -> Setup {
        self.record = record.clone();
        self
    }

    pub fn subscribe(mut self, topic: &str, expression: &str) -> Setup {
        self.subscriptions.push((topic.to_owned(), expression.to_owned()));
        self
    }

    pub fn answer(
        mut self,
        answer: impl Fn(&Batch, &mut Context) -> Outcome + Send + Sync + 'static,
    ) -> Setup {
        self.answer = Arc::new(answer);
        self
    }

    /// Every callback waits at a gate, then succeeds.
    pub fn held_at(self, gate: &Gate) -> Setup {
        let gate = gate.clone();
        self.answer(move |_, _| {
            gate.pass();
            Outcome::Success
        })
    }

    /// Without a message callback: the test polls.
    pub fn polling(mut self) -> Setup {
        self.polling = true;
        self
    }

    pub fn build(self) -> Member {
        let logs = Arc::clone(&self.record.logs);
        let begun = Instant::now();
        let log = Log::new(
            Level::Debug,
            Arc::new(move |level, target, text| {
                let at = begun.elapsed().as_millis();
                logs.lock().unwrap().push((level, format!("{at} {target}: {text}")));
            }),
        );
        let consumer = Consumer::new(&self.config.snapshot().unwrap(), log).unwrap();
        let handler = Recorder { record: self.record.clone(), answer: self.answer };
        if !self.polling {
            consumer.set_handler(Some(Arc::new(handler))).unwrap();
        }
        consumer.set_event_handler(Some(Arc::new(self.record.clone())), EventKind::EVERY).unwrap();
        for (topic, expression) in &self.subscriptions {
            consumer.subscribe(topic, expression).unwrap();
        }
        Member { consumer, record: self.record }
    }

    pub fn start(self) -> Member {
        let member = self.build();
        member.consumer.start().unwrap();
        member
    }
}

impl EventHandler for Record {
    fn handle(&self, event: &Event) {
        let json = serde_json::from_str(&event.json()).unwrap();
        self.events.lock().unwrap().push((event.kind(), json));
    }
}

struct Recorder {
    record: Record,
    answer: Arc<Answer>,
}

impl MessageHandler for Recorder {
    fn consume(&self, batch: &Batch, context: &mut Context) -> Outcome {
        {
            let mut deliveries = self.record.deliveries.lock().unwrap();
            for index in 0..batch.len() {
                let message = batch.message(index).unwrap();
                deliveries.push(Delivery {
                    topic: message.topic().to_owned(),
                    queue_topic: batch.topic().to_owned(),
                    broker: batch.broker().to_owned(),
                    queue: message.queue_id(),
                    offset: message.queue_offset(),
                    tag: message.tags().map(str::to_owned),
                    key: message.keys().map(str::to_owned),
                    body: message.body().to_vec(),
                    times: message.reconsume_times(),
                    at: Instant::now(),
                    properties: message
                        .properties()
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .collect(),
                });
            }
        }
        (self.answer)(batch, context)
    }
}

/// A running consumer of ours; stopped at the end of the test, and its log shown if that failed.
pub struct Member {
    pub consumer: Consumer,
    pub record: Record,
}

impl Member {
    pub fn stop(&self) {
        self.consumer.shutdown(Some(Duration::from_secs(20))).unwrap();
    }

    /// Its counters and threads.
    pub fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.consumer.stats_json()).unwrap()
    }

    /// One of its counters.
    pub fn total(&self, name: &str) -> u64 {
        self.stats()["totals"][name].as_u64().unwrap()
    }

    /// What it says of one of its queues; null when it has no such queue.
    pub fn queue(&self, topic: &str, id: i32) -> serde_json::Value {
        let json: serde_json::Value = serde_json::from_str(&self.consumer.assignment_json()).unwrap();
        let queues = json.as_array().unwrap();
        queues.iter().find(|q| q["topic"] == topic && q["queue_id"] == id).cloned().unwrap_or_default()
    }

    /// Queues it consumes now, without those on their way out or of the retry topic.
    pub fn queues(&self, topic: &str) -> Vec<i32> {
        self.owned(topic, |queue| queue["revoking"] == false)
    }

    /// True when it has no queue of the topic any more: all are handed over, and what was done of them is committed.
    pub fn has_given_up(&self, topic: &str) -> bool {
        self.owned(topic, |_| true).is_empty()
    }

    fn owned(&self, topic: &str, which: impl Fn(&serde_json::Value) -> bool) -> Vec<i32> {
        let json: serde_json::Value = serde_json::from_str(&self.consumer.assignment_json()).unwrap();
        let queues = json.as_array().unwrap().iter();
        queues
            .filter(|queue| queue["topic"] == topic && which(queue))
            .map(|queue| i32::try_from(queue["queue_id"].as_i64().unwrap()).unwrap())
            .collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (level, text) in self.record.logs() {
                eprintln!("{level:?} {text}");
            }
        }
        let _ = self.consumer.shutdown(Some(Duration::from_secs(5)));
    }
}
