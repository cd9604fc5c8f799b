//! One broker as a test sees it.

use std::sync::Arc;
use std::time::Duration;

use rmq::message::MessageQueue;
use rmq::message::property;
use rmq::protocol::record_builder::RecordBuilder;

use super::Stored;
use super::store::Store;
use crate::cluster::Inner;
use crate::produced::Produced;

/// A broker of a [`crate::MockCluster`]. Clones are the same broker.
#[derive(Clone)]
pub struct MockBroker {
    pub(crate) inner: Arc<Inner>,
    pub(crate) index: usize,
}

impl MockBroker {
    /// The name it has in routes.
    pub fn name(&self) -> String {
        self.inner.shared.world().brokers[self.index].name.to_string()
    }

    /// Its `host:port`; the same after a restart.
    pub fn address(&self) -> String {
        self.inner.shared.world().brokers[self.index].address.to_string()
    }

    /// Ends it with all its connections; the name server no longer names it. Messages and offsets stay.
    pub fn kill(&self) {
        self.inner.shared.world().brokers[self.index].stop();
        self.inner.stop_broker(self.index);
    }

    /// Starts it again at its old address.
    ///
    /// # Panics
    /// When somebody else has taken its port.
    pub fn restart(&self) {
        self.try_restart().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts it again at its old address, unless somebody else has taken its port.
    pub fn try_restart(&self) -> std::io::Result<()> {
        self.inner.start_broker(self.index)?;
        self.inner.shared.world().brokers[self.index].running = true;
        Ok(())
    }

    /// Starts it again at another address, with what it has stored; ends it first if it runs.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn restart_elsewhere(&self) {
        self.try_restart_elsewhere().unwrap_or_else(|error| panic!("cannot move a broker: {error}"));
    }

    /// Starts it again at another address, if a port can be had.
    pub fn try_restart_elsewhere(&self) -> std::io::Result<()> {
        self.kill();
        self.inner.move_broker(self.index)?;
        self.inner.shared.world().brokers[self.index].running = true;
        Ok(())
    }

    /// 0 for a master, else the slave's number.
    pub fn id(&self) -> i64 {
        self.inner.shared.world().brokers[self.index].id
    }

    /// From now on it tells whoever pulls from it to go on at the broker of this id, as a master that is short of
    /// memory sends clients to its slave.
    pub fn suggest_broker(&self, id: i64) {
        self.inner.shared.world().brokers[self.index].suggested = id;
    }

    /// Ends the connections and forgets who was on them, as a network that breaks for a moment.
    pub fn drop_connections(&self) {
        self.kill();
        self.restart();
    }

    /// Creates a topic here.
    pub fn create_topic(&self, topic: &str, queues: i32) {
        self.store(|store| store.create(topic, queues));
    }

    /// Stores a message and answers its offset.
    ///
    /// # Panics
    /// Without such a topic and queue.
    pub fn produce(&self, topic: &str, queue: i32, produced: impl Into<Produced>) -> i64 {
        let produced = produced.into();
        let properties = produced.properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let message = RecordBuilder {
            topic: topic.to_owned(),
            queue_id: queue,
            properties: property::encode(properties).into_bytes(),
            body: produced.body,
            sys_flag: produced.sys_flag,
            store_timestamp: produced.store_timestamp.unwrap_or(0),
            ..RecordBuilder::default()
        };
        let index = self.index;
        let stored = self.inner.shared.change(|world, effects| world.brokers[index].append(effects, message));
        match stored {
            Ok((offset, _)) => offset,
            Err(refusal) => panic!("produce to {topic}/{queue}: {}", refusal.remark),
        }
    }

    /// How many queues a topic has here; `None` when it does not exist.
    pub fn queue_count(&self, topic: &str) -> Option<i32> {
        self.store(|store| store.queue_count(topic))
    }

    /// The smallest offset of a queue and the one that its next message gets; `None` when it does not exist.
    pub fn watermarks(&self, topic: &str, queue: i32) -> Option<(i64, i64)> {
        self.store(|store| store.min(topic, queue).and_then(|min| Ok((min, store.max(topic, queue)?))).ok())
    }

    /// The messages of a queue; none when it does not exist.
    pub fn stored(&self, topic: &str, queue: i32) -> Vec<Stored> {
        self.store(|store| store.read(topic, queue, 0).map(<[Stored]>::to_vec).unwrap_or_default())
    }

    /// Changes the bytes of a stored message, as a damaged disk does.
    pub fn edit_record(&self, topic: &str, queue: i32, offset: i64, edit: impl FnOnce(&mut Vec<u8>)) {
        self.store(|store| store.edit(topic, queue, offset, edit));
    }

    /// Makes the messages before `min` unreadable, as when they have expired.
    pub fn set_min_offset(&self, topic: &str, queue: i32, min: i64) {
        self.store(|store| store.set_min(topic, queue, min));
    }

    /// Loses all messages of a queue, which then goes on at `offset`.
    pub fn clear_queue(&self, topic: &str, queue: i32, offset: i64) {
        self.store(|store| store.clear(topic, queue, offset));
    }

    /// Deletes a topic with its messages.
    pub fn delete_topic(&self, topic: &str) {
        self.store(|store| store.delete(topic));
    }

    /// What a group has committed.
    pub fn committed(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.inner.shared.world().brokers[self.index].offsets.find(group, topic, queue)
    }

    /// Makes it so that a group has committed `offset`, or nothing.
    pub fn set_committed(&self, group: &str, topic: &str, queue: i32, offset: Option<i64>) {
        self.inner.shared.world().brokers[self.index].offsets.set(group, topic, queue, offset);
    }

    /// Moves a group to an offset, as an administrator does: its commits are dropped until its next pull, which is
    /// told where to go on. A pull that is held learns of it when its time is over.
    pub fn reset_offset(&self, group: &str, topic: &str, queue: i32, offset: i64) {
        self.inner.shared.world().brokers[self.index].reset_queue(group, topic, queue, offset);
    }

    /// The same for all queues of a topic, to the first message stored at a time, in milliseconds since 1970; below
    /// 0 to the end.
    ///
    /// # Panics
    /// Without such a topic.
    pub fn reset_to_time(&self, group: &str, topic: &str, time: i64) {
        let reset = self.inner.shared.world().brokers[self.index].reset_to_time(group, topic, time);
        if let Err(refusal) = reset {
            panic!("reset {group} on {topic}: {}", refusal.remark);
        }
    }

    /// The client ids in a group; one with two connections stands twice.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.inner.shared.world().brokers[self.index].members(group)
    }

    /// Lets a client be in a group that has no connection and does nothing, as one that is frozen.
    pub fn add_ghost(&self, group: &str, client_id: &str) {
        let index = self.index;
        self.inner.shared.change(|world, effects| {
            world.brokers[index].groups.add_ghost(effects, group, client_id);
        });
    }

    /// Takes a client out of a group, as a broker does that has not heard of it for long.
    pub fn expel(&self, group: &str, client_id: &str) {
        let index = self.index;
        self.inner.shared.change(|world, effects| {
            world.brokers[index].groups.expel(effects, group, client_id);
        });
    }

    /// Who holds the lock of that name on a queue.
    pub fn lock_owner(&self, lock: &str, topic: &str, queue: i32) -> Option<String> {
        let queue = self.queue(topic, queue);
        self.inner.shared.world().brokers[self.index].locks.owner(lock, queue)
    }

    /// Gives the lock of that name on a queue to a client, or to nobody; whoever had it loses it.
    pub fn set_lock_owner(&self, lock: &str, topic: &str, queue: i32, owner: Option<&str>) {
        let queue = self.queue(topic, queue);
        self.inner.shared.world().brokers[self.index].locks.set(lock, queue, owner);
    }

    /// Makes all locks older, which end 60 s after they were last taken.
    pub fn age_locks(&self, by: Duration) {
        self.inner.shared.world().brokers[self.index].locks.age(by);
    }

    fn queue(&self, topic: &str, id: i32) -> MessageQueue {
        MessageQueue { topic: topic.into(), broker: self.name().into(), id }
    }

    fn store<T>(&self, use_it: impl FnOnce(&mut Store) -> T) -> T {
        use_it(&mut self.inner.shared.world().brokers[self.index].store())
    }
}
