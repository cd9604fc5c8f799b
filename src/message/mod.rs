//! What a user sees of a message, and the name of a queue.
//!
//! A [`Message`] is a view into the frame it was pulled with: fixed fields are parsed once, strings are
//! slices found when asked for, a body that was not compressed is never copied.

mod id;
mod json;
pub mod namespace;
mod origin;
pub mod property;
mod queue;
mod text;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

pub use self::queue::MessageQueue;
pub use self::text::{CText, Text};

pub(crate) use self::id::offset_id;
pub(crate) use self::text::NulString;

use self::property::{Properties, name};
use self::text::TextCache;

/// Bits of [`Message::sys_flag`], Java's `MessageSysFlag`.
pub mod sys_flag {
    /// The stored body is compressed (what [`super::Message::body`] gives is not).
    pub const COMPRESSED: i32 = 0x1;
    /// Both set: the transaction was rolled back; the lower one: prepared; the upper one: committed.
    pub const TRANSACTION: i32 = 0xc;
    /// The producer's address is IPv6.
    pub const BORN_HOST_V6: i32 = 0x10;
    /// The broker's address is IPv6.
    pub const STORE_HOST_V6: i32 = 0x20;
    /// The batch in this record is to be taken apart by the consumer.
    pub const NEED_UNWRAP: i32 = 0x40;
    /// The record holds several messages.
    pub const INNER_BATCH: i32 = 0x80;
    /// Which compression: 0 or [`ZLIB`], [`LZ4`], [`ZSTD`].
    pub const COMPRESSION_TYPE: i32 = 0x700;
    /// LZ4 frame format.
    pub const LZ4: i32 = 0x100;
    /// A Zstandard frame.
    pub const ZSTD: i32 = 0x200;
    /// RFC 1950.
    pub const ZLIB: i32 = 0x300;
}

/// A message as a broker stored it. Cheap to clone; a clone pins the same frame (see [`Message::detach`]).
pub struct Message {
    parts: Parts,
    cache: OnceLock<Box<TextCache>>,
}

/// What the record decoder knows of a message.
#[derive(Clone)]
pub(crate) struct Parts {
    /// Begins with the fixed fields of the stored record, up to the store host.
    pub(crate) record: Bytes,
    /// The inflated body, or the inflated batch this message stands in. `None`: everything is in `record`.
    pub(crate) content: Option<Bytes>,
    /// Where the body stands, in `content` if there is one.
    pub(crate) body: Span,
    /// Where the properties stand.
    pub(crate) properties: Span,
    /// True when that is in `content`.
    pub(crate) properties_in_content: bool,
    /// Shared by the messages of one pull.
    pub(crate) origin: Arc<Origin>,
    /// The fields of fixed size.
    pub(crate) fixed: Fixed,
}

/// A part of a run of bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) length: u32,
}

impl Span {
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes.get(start..start + self.length as usize).unwrap_or_default()
    }
}

/// Where messages of one pull come from: equal for nearly all of them, therefore shared.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) broker: NulString,
    pub(crate) stored_topic: NulString,
    pub(crate) topic: NulString,
    /// What `topic` was when the message was sent: another one for a dead letter.
    pub(crate) first_topic: NulString,
}

/// The fields of a stored record that have a fixed size, in its order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fixed {
    pub(crate) store_size: i32,
    pub(crate) body_crc: i32,
    pub(crate) queue_id: i32,
    pub(crate) flag: i32,
    pub(crate) queue_offset: i64,
    pub(crate) commit_log_offset: i64,
    pub(crate) sys_flag: i32,
    pub(crate) born_timestamp: i64,
    pub(crate) store_timestamp: i64,
    pub(crate) reconsume_times: i32,
    pub(crate) prepared_transaction_offset: i64,
}

/// Where the producer's address begins in a stored record.
const BORN_HOST_AT: usize = 48;

impl Message {
    pub(crate) fn new(parts: Parts) -> Message {
        Message { parts, cache: OnceLock::new() }
    }

    /// A copy that owns its bytes and pins no frame; its size is that of this one message.
    #[must_use]
    pub fn detach(&self) -> Message {
        let head = &self.parts.record[..self.store_host_at() + self.store_host_bytes().len()];
        let (body, properties) = (self.body(), self.raw_properties().0);
        let mut record = Vec::with_capacity(head.len() + body.len() + properties.len());
        let mut append = |bytes: &[u8]| {
            let start = record.len();
            record.extend_from_slice(bytes);
            // Both were inside frames and inflated bodies that are bounded far below 4 GiB.
            let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            Span { start: small(start), length: small(bytes.len()) }
        };
        append(head);
        let (body, properties) = (append(body), append(properties));
        Message::new(Parts {
            record: Bytes::from(record),
            content: None,
            body,
            properties,
            properties_in_content: false,
            origin: self.parts.origin.clone(),
            fixed: self.parts.fixed,
        })
    }

    /// The topic the producer sent to. For a message that came back through `%RETRY%group` that is its
    /// property RETRY_TOPIC, as in Java's `DefaultMQPushConsumerImpl#resetRetryAndNamespace`.
    pub fn topic(&self) -> &str {
        self.parts.origin.topic.as_str()
    }

    /// The topic of the queue the message was read from.
    pub fn stored_topic(&self) -> &str {
        self.parts.origin.stored_topic.as_str()
    }

    /// The name of the broker the message was read from.
    pub fn broker_name(&self) -> &str {
        self.parts.origin.broker.as_str()
    }

    /// What the producer sent, decompressed.
    pub fn body(&self) -> &[u8] {
        self.parts.body.of(self.parts.content.as_ref().unwrap_or(&self.parts.record))
    }

    /// The tag.
    pub fn tags(&self) -> Option<&str> {
        self.property(name::TAGS)
    }

    /// The business keys, separated by spaces.
    pub fn keys(&self) -> Option<&str> {
        self.property(name::KEYS)
    }

    /// The id the producer's client gave the message, or else [`Message::offset_message_id`].
    pub fn message_id(&self) -> &str {
        self.property(name::UNIQ_KEY).unwrap_or_else(|| self.offset_message_id())
    }

    /// The id that says where the message is stored: broker address and commit-log offset. Messages of an
    /// inner batch share the id of the record they stand in (Java gives them none).
    pub fn offset_message_id(&self) -> &str {
        self.offset_id().as_str()
    }

    /// The id of the transaction the message was sent in, as Java's `PullAPIWrapper` finds it.
    pub fn transaction_id(&self) -> Option<&str> {
        self.in_transaction().then(|| self.property(name::UNIQ_KEY)).flatten()
    }

    /// The value of a property; the last one when the key stands twice. Searches all of them. A value that
    /// is not UTF-8 has no `&str`: see [`Message::property_bytes`].
    pub fn property(&self, key: &str) -> Option<&str> {
        std::str::from_utf8(self.property_bytes(key)?).ok()
    }

    /// The value of a property, as it was stored.
    pub fn property_bytes(&self, key: &str) -> Option<&[u8]> {
        self.raw_properties().find(key.as_bytes())
    }

    /// All properties whose key and value are UTF-8, in the order they are stored. A key may stand twice.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        let utf8 = |(k, v)| Some((std::str::from_utf8(k).ok()?, std::str::from_utf8(v).ok()?));
        self.raw_properties().iter().filter_map(utf8)
    }

    /// The properties as they are stored.
    pub fn raw_properties(&self) -> Properties<'_> {
        let parts = &self.parts;
        let content = parts.content.as_ref().filter(|_| parts.properties_in_content);
        Properties(parts.properties.of(content.unwrap_or(&parts.record)))
    }

    /// The queue within the topic at the broker.
    pub fn queue_id(&self) -> i32 {
        self.parts.fixed.queue_id
    }

    /// The position in the queue.
    pub fn queue_offset(&self) -> i64 {
        self.parts.fixed.queue_offset
    }

    /// The position of the record in the broker's commit log.
    pub fn commit_log_offset(&self) -> i64 {
        self.parts.fixed.commit_log_offset
    }

    /// When the producer made the message, in milliseconds since 1970, by the producer's clock.
    pub fn born_timestamp(&self) -> i64 {
        self.parts.fixed.born_timestamp
    }

    /// When the broker stored the message, in milliseconds since 1970, by the broker's clock.
    pub fn store_timestamp(&self) -> i64 {
        self.parts.fixed.store_timestamp
    }

    /// The producer's address. `None` when the record holds an impossible port.
    pub fn born_host(&self) -> Option<SocketAddr> {
        host(self.born_host_bytes())
    }

    /// The address of the broker that stored the message. `None` when the record holds an impossible port.
    pub fn store_host(&self) -> Option<SocketAddr> {
        host(self.store_host_bytes())
    }

    /// How often the message was sent back before.
    pub fn reconsume_times(&self) -> i32 {
        self.parts.fixed.reconsume_times
    }

    /// One more try, of those that only this member counts.
    pub(crate) fn count_try(&mut self) {
        self.parts.fixed.reconsume_times = self.parts.fixed.reconsume_times.saturating_add(1);
    }

    /// A number of the producer's own.
    pub fn flag(&self) -> i32 {
        self.parts.fixed.flag
    }

    /// Bit set, see [`sys_flag`]; as stored, the compression bits included.
    pub fn sys_flag(&self) -> i32 {
        self.parts.fixed.sys_flag
    }

    /// Bytes the record takes in the commit log; for a message of an inner batch, those of the batch.
    pub fn store_size(&self) -> i32 {
        self.parts.fixed.store_size
    }

    /// CRC-32 of the stored body without its top bit; 0 for a message of an inner batch.
    pub fn body_crc(&self) -> i32 {
        self.parts.fixed.body_crc
    }

    /// Where the prepared half of a committed transaction is stored.
    pub fn prepared_transaction_offset(&self) -> i64 {
        self.parts.fixed.prepared_transaction_offset
    }

    /// The delay level the message was sent with, or of its last retry; 0 without.
    pub fn delay_level(&self) -> i32 {
        self.property(name::DELAY).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Everything but the body, as a JSON object.
    pub fn to_json(&self) -> String {
        json::to_json(self)
    }

    fn offset_id(&self) -> &NulString {
        let make = || NulString::new(&offset_id(self.store_host_bytes(), self.commit_log_offset()));
        self.cache().offset_id.get_or_init(make)
    }

    fn cache(&self) -> &TextCache {
        self.cache.get_or_init(Box::default)
    }

    /// Java's `Boolean.parseBoolean`.
    fn in_transaction(&self) -> bool {
        self.property(name::TRAN_MSG).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    fn born_host_bytes(&self) -> &[u8] {
        let length = host_length(self.sys_flag(), sys_flag::BORN_HOST_V6);
        self.parts.record.get(BORN_HOST_AT..BORN_HOST_AT + length).unwrap_or_default()
    }

    fn store_host_at(&self) -> usize {
        // The store timestamp stands between the two addresses.
        BORN_HOST_AT + host_length(self.sys_flag(), sys_flag::BORN_HOST_V6) + 8
    }

    fn store_host_bytes(&self) -> &[u8] {
        let start = self.store_host_at();
        let length = host_length(self.sys_flag(), sys_flag::STORE_HOST_V6);
        self.parts.record.get(start..start + length).unwrap_or_default()
    }
}

impl Clone for Message {
    fn clone(&self) -> Message {
        Message::new(self.parts.clone())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic())
            .field("broker", &self.broker_name())
            .field("queue_id", &self.queue_id())
            .field("queue_offset", &self.queue_offset())
            .field("message_id", &self.message_id())
            .field("body_bytes", &self.body().len())
            .finish_non_exhaustive()
    }
}

/// Bytes of an address and its 32-bit port.
pub(crate) fn host_length(sys_flag: i32, v6: i32) -> usize {
    if sys_flag & v6 == 0 { 8 } else { 20 }
}

fn host(bytes: &[u8]) -> Option<SocketAddr> {
    let (address, port) = bytes.split_last_chunk::<4>()?;
    let port = u16::try_from(u32::from_be_bytes(*port)).ok()?;
    let address = match address.first_chunk::<4>().filter(|_| address.len() == 4) {
        Some(v4) => IpAddr::from(*v4),
        None => IpAddr::V6(Ipv6Addr::from(*address.first_chunk::<16>()?)),
    };
    Some(SocketAddr::new(address, port))
}
