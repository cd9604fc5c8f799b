//! Stored messages, as a pull's body holds them one after the other. Java's `MessageDecoder#decodesBatch`,
//! with one difference: Java drops everything behind a record that it cannot read; here such a record is
//! reported and the next one, found by the record's own size, is read.
//!
//! ```text
//!  0  i32 size of the record     4  i32 magic number       8  i32 CRC-32 of the body, without its top bit
//! 12  i32 queue id              16  i32 flag              20  i64 queue offset
//! 28  i64 commit-log offset     36  i32 sysFlag           40  i64 born timestamp
//! 48  born host: 4 or 16 bytes of address and an i32 port; then the same numbers from the broker:
//!     i64 store timestamp, store host, i32 reconsume times, i64 prepared transaction offset
//!     i32 length and body; u8 (version 1) or i16 (version 2) length and topic; i16 length and properties
//! ```
//!
//! A record may hold an inner batch: its body is then a row of smaller records, each with flag, body and
//! properties of its own, and with the next queue offset.

use std::sync::Arc;

use bytes::Bytes;

use super::ProtocolError;
use super::compression::Compression;
use super::reader::Reader;
use crate::message::property::{Properties, name};
use crate::message::{Fixed, Message, NulString, Origin, Parts, Span, host_length, namespace, sys_flag};

/// Magic number of a record whose topic length takes one byte.
pub const MAGIC_V1: i32 = 0xdaa3_20a7_u32.cast_signed();
/// Magic number of a record whose topic length takes two bytes.
pub const MAGIC_V2: i32 = 0xdaa3_20ab_u32.cast_signed();

/// Default of [`DecodeOptions::max_body`]: four times the largest frame and sixteen times the largest
/// message a broker takes unless told otherwise. More can only be a bomb.
pub const MAX_BODY: usize = 64 * 1024 * 1024;

/// Bytes of the fields that every record begins with.
const HEAD: usize = 48;
/// Bytes of a record with IPv4 hosts and nothing in it.
const MIN_RECORD: usize = HEAD + 8 + 8 + 8 + 4 + 8 + 4 + 1 + 2;
/// A broker's index counts the messages of an inner batch with 15 bits.
const MAX_CHILDREN: usize = 32767;

/// How to decode, and what the decoder cannot know from the bytes.
#[derive(Debug, Clone, Copy)]
pub struct DecodeOptions<'a> {
    /// The broker the bytes came from.
    pub broker: &'a Arc<str>,
    /// Added to each queue offset (`offsetDelta` of the pull's answer; static topics), else 0.
    pub offset_delta: i64,
    /// Compare each body with its checksum. Java never does.
    pub check_crc: bool,
    /// The largest body a compressed one may inflate to, in bytes. See [`MAX_BODY`].
    pub max_body: usize,
    /// The offset asked for: a broker sends an inner batch as a whole, its messages before this one are
    /// skipped. 0 keeps all.
    pub from_offset: i64,
    /// Taken off topics, empty for none: see [`namespace`].
    pub namespace: &'a str,
}

impl<'a> DecodeOptions<'a> {
    /// The defaults: no delta, no checksums, [`MAX_BODY`], every message, no namespace.
    pub fn new(broker: &'a Arc<str>) -> DecodeOptions<'a> {
        DecodeOptions {
            broker,
            offset_delta: 0,
            check_crc: false,
            max_body: MAX_BODY,
            from_offset: 0,
            namespace: "",
        }
    }
}

/// What a pulled body holds.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The messages in the order they are stored.
    pub messages: Vec<Message>,
    /// The records nothing could be made of.
    pub broken: Vec<BrokenRecord>,
    /// True when the last of them has no end that can be read: others may have been behind it.
    pub cut: bool,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRecord {
    /// Its place in the queue, if the record is long enough to say so.
    pub queue_offset: Option<i64>,
    /// Its place in the broker's commit log, likewise.
    pub commit_log_offset: Option<i64>,
    /// Where it begins in the pulled body.
    pub at: usize,
    /// How many bytes were skipped.
    pub size: usize,
    /// Why.
    pub error: ProtocolError,
}

impl BrokenRecord {
    /// In place of a record, where there should be one.
    pub fn nothing() -> BrokenRecord {
        let error = ProtocolError::Truncated { what: "record", needed: MIN_RECORD, left: 0 };
        BrokenRecord { queue_offset: None, commit_log_offset: None, at: 0, size: 0, error }
    }
}

/// Decodes a pull's body. Never fails as a whole: see [`Decoded::broken`].
pub fn decode_records(body: &Bytes, options: &DecodeOptions<'_>) -> Decoded {
    let mut decoder = Decoder { options, origin: None, messages: Vec::new() };
    let mut broken = Vec::new();
    let (mut at, mut cut) = (0, false);
    while at < body.len() {
        let rest = &body[at..];
        let (size, result) = match record_size(rest) {
            Ok(size) => {
                if at == 0 {
                    // Records of one pull are mostly alike; bounded, so that a lie costs little.
                    decoder.messages.reserve((body.len() / size + 1).min(1024));
                }
                (size, decoder.record(body.slice(at..at + size)))
            }
            // Without a size there is no next record: what is left is one broken one.
            Err(error) => {
                cut = true;
                (rest.len(), Err(error))
            }
        };
        if let Err(error) = result {
            let (queue_offset, commit_log_offset) = offsets(rest, options.offset_delta).unzip();
            broken.push(BrokenRecord { queue_offset, commit_log_offset, at, size, error });
        }
        at += size;
    }
    Decoded { messages: decoder.messages, broken, cut }
}

/// The size that begins a record, checked against what is there.
fn record_size(rest: &[u8]) -> Result<usize, ProtocolError> {
    let value = Reader(rest).i32("record size")?;
    match usize::try_from(value) {
        Ok(size) if size >= MIN_RECORD && size <= rest.len() => Ok(size),
        Ok(size) if size > rest.len() => {
            Err(ProtocolError::Truncated { what: "record", needed: size, left: rest.len() })
        }
        _ => Err(ProtocolError::Length {
            what: "record size",
            value: i64::from(value),
            min: MIN_RECORD as i64,
            max: super::frame::MAX_FRAME as i64,
        }),
    }
}

/// Queue offset and commit-log offset of a record that may be damaged elsewhere.
fn offsets(rest: &[u8], delta: i64) -> Option<(i64, i64)> {
    let head = rest.first_chunk::<HEAD>()?;
    Some((i64_at::<20>(head).wrapping_add(delta), i64_at::<28>(head)))
}

/// The places are constants: the compiler checks them and leaves a load.
#[inline]
fn i32_at<const AT: usize>(head: &[u8; HEAD]) -> i32 {
    i32::from_be_bytes([head[AT], head[AT + 1], head[AT + 2], head[AT + 3]])
}

#[inline]
fn i64_at<const AT: usize>(head: &[u8; HEAD]) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&head[AT..AT + 8]);
    i64::from_be_bytes(bytes)
}

/// An origin and the two topics it was made from, as they were stored.
struct LastOrigin {
    origin: Arc<Origin>,
    stored: Vec<u8>,
    first: Vec<u8>,
}

struct Decoder<'a> {
    options: &'a DecodeOptions<'a>,
    /// The origin of the last message; that of the next one is nearly always the same.
    origin: Option<LastOrigin>,
    messages: Vec<Message>,
}

impl Decoder<'_> {
    /// Reads one record; its messages are added only when all of it can be read.
    fn record(&mut self, record: Bytes) -> Result<(), ProtocolError> {
        let Layout { fixed, body, topic, properties } = layout(&record, self.options.offset_delta)?;
        if self.options.check_crc {
            check_crc(body, fixed.body_crc)?;
        }
        let compression = if body.is_empty() { None } else { Compression::of(fixed.sys_flag)? };
        let content = match compression {
            Some(kind) => Some(Bytes::from(kind.inflate(body, self.options.max_body)?)),
            None => None,
        };
        // From here on everything stands either in the record or in what was inflated.
        let body_span = match &content {
            Some(inflated) => span(inflated, inflated),
            None => span(&record, body),
        };
        const BATCH: i32 = sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP;
        if fixed.sys_flag & BATCH == BATCH {
            return self.batch(&record, content.as_ref(), body_span, fixed, topic);
        }
        let origin = self.origin(topic, Properties(properties))?;
        let properties = span(&record, properties);
        self.messages.push(Message::new(Parts {
            record,
            content,
            body: body_span,
            properties,
            properties_in_content: false,
            origin,
            fixed,
        }));
        Ok(())
    }

    /// Takes an inner batch apart: Java's `MessageDecoder#decodeMessage(MessageExt, List)`.
    fn batch(
        &mut self,
        record: &Bytes,
        content: Option<&Bytes>,
        batch: Span,
        fixed: Fixed,
        topic: &[u8],
    ) -> Result<(), ProtocolError> {
        let before = self.messages.len();
        let result = self.children(record, content, batch, fixed, topic);
        if result.is_err() {
            self.messages.truncate(before);
        }
        result
    }

    fn children(
        &mut self,
        record: &Bytes,
        content: Option<&Bytes>,
        batch: Span,
        fixed: Fixed,
        topic: &[u8],
    ) -> Result<(), ProtocolError> {
        let home = content.unwrap_or(record);
        let mut rest = Reader(batch.of(home));
        for index in 0.. {
            if rest.0.is_empty() {
                break;
            }
            if index == MAX_CHILDREN {
                return Err(ProtocolError::Length {
                    what: "count of batched messages",
                    value: index as i64 + 1,
                    min: 0,
                    max: MAX_CHILDREN as i64,
                });
            }
            // Every child is read, also one that is skipped: a damaged one makes the batch a broken record.
            let child = child(&mut rest)?;
            let queue_offset = fixed.queue_offset.wrapping_add(index as i64);
            if queue_offset < self.options.from_offset {
                continue;
            }
            let origin = self.origin(topic, Properties(child.properties))?;
            self.messages.push(Message::new(Parts {
                record: record.clone(),
                content: content.cloned(),
                body: span(home, child.body),
                properties: span(home, child.properties),
                properties_in_content: content.is_some(),
                origin,
                fixed: Fixed { flag: child.flag, queue_offset, body_crc: 0, ..fixed },
            }));
        }
        Ok(())
    }

    /// Broker and topics of a message, shared with the message before when they are the same.
    #[inline]
    fn origin(&mut self, stored: &[u8], properties: Properties<'_>) -> Result<Arc<Origin>, ProtocolError> {
        let moved = stored.first() == Some(&b'%');
        let first = if moved { first_topic(stored, properties) } else { stored };
        if let Some(last) = &self.origin
            && last.stored == stored
            && (!moved || last.first == first)
        {
            return Ok(last.origin.clone());
        }
        self.new_origin(stored, first)
    }

    #[cold]
    fn new_origin(&mut self, stored: &[u8], first: &[u8]) -> Result<Arc<Origin>, ProtocolError> {
        let stored_name = std::str::from_utf8(stored).map_err(|_| ProtocolError::Utf8("topic"))?;
        let first_name = std::str::from_utf8(first).unwrap_or(stored_name);
        // A dead letter is a message of its own topic, as in Java.
        let topic_name = if stored.starts_with(RETRY) { first_name } else { stored_name };
        let shown = |name| NulString::new(&namespace::unwrap(self.options.namespace, name));
        let origin = Arc::new(Origin {
            broker: NulString::new(self.options.broker),
            stored_topic: shown(stored_name),
            topic: shown(topic_name),
            first_topic: shown(first_name),
        });
        let (stored, first) = (stored.to_vec(), first.to_vec());
        self.origin = Some(LastOrigin { origin: origin.clone(), stored, first });
        Ok(origin)
    }
}

const RETRY: &[u8] = name::RETRY_PREFIX.as_bytes();
const DEAD_LETTERS: &[u8] = name::DEAD_LETTER_PREFIX.as_bytes();

/// The topic a retried message or a dead letter was sent to. Kept out of line: most messages are neither.
#[cold]
fn first_topic<'a>(stored: &'a [u8], properties: Properties<'a>) -> &'a [u8] {
    let find = |name: &str| properties.find(name.as_bytes());
    let first = match stored {
        _ if stored.starts_with(RETRY) => find(name::RETRY_TOPIC),
        _ if stored.starts_with(DEAD_LETTERS) => {
            find(name::DLQ_ORIGIN_TOPIC).or_else(|| find(name::RETRY_TOPIC))
        }
        _ => None,
    };
    first.unwrap_or(stored)
}

/// Where the parts of a record stand.
struct Layout<'a> {
    fixed: Fixed,
    body: &'a [u8],
    topic: &'a [u8],
    properties: &'a [u8],
}

/// Reads the fields of a record. Bytes behind the properties are left alone: later versions add there.
fn layout(record: &[u8], offset_delta: i64) -> Result<Layout<'_>, ProtocolError> {
    let Some((head, rest)) = record.split_first_chunk::<HEAD>() else {
        return Err(ProtocolError::Truncated { what: "record", needed: HEAD, left: record.len() });
    };
    let magic = i32_at::<4>(head);
    if magic != MAGIC_V1 && magic != MAGIC_V2 {
        return Err(ProtocolError::Unknown { what: "record magic", value: i64::from(magic) });
    }
    let flags = i32_at::<36>(head);
    let mut reader = Reader(rest);
    reader.take(host_length(flags, sys_flag::BORN_HOST_V6), "born host")?;
    let store_timestamp = reader.i64("store timestamp")?;
    reader.take(host_length(flags, sys_flag::STORE_HOST_V6), "store host")?;
    let reconsume_times = reader.i32("reconsume times")?;
    let prepared_transaction_offset = reader.i64("prepared transaction offset")?;
    let body_length = reader.length_i32("body length")?;
    let body = reader.take(body_length, "body")?;
    let topic_length = if magic == MAGIC_V1 {
        let [length] = reader.array("topic length")?;
        usize::from(length)
    } else {
        usize::from(u16::from_be_bytes(reader.array("topic length")?))
    };
    let topic = reader.take(topic_length, "topic")?;
    let properties = properties(&mut reader)?;
    let fixed = Fixed {
        store_size: i32_at::<0>(head),
        body_crc: i32_at::<8>(head),
        queue_id: i32_at::<12>(head),
        flag: i32_at::<16>(head),
        queue_offset: i64_at::<20>(head).wrapping_add(offset_delta),
        commit_log_offset: i64_at::<28>(head),
        sys_flag: flags,
        born_timestamp: i64_at::<40>(head),
        store_timestamp,
        reconsume_times,
        prepared_transaction_offset,
    };
    Ok(Layout { fixed, body, topic, properties })
}

/// Properties behind their signed 16-bit length; a negative one means none, as in Java.
fn properties<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ProtocolError> {
    let length = i16::from_be_bytes(reader.array("properties length")?);
    reader.take(usize::try_from(length).unwrap_or(0), "properties")
}

/// A message within an inner batch.
struct Child<'a> {
    flag: i32,
    body: &'a [u8],
    properties: &'a [u8],
}

/// Java's `MessageDecoder#decodeMessage(ByteBuffer)`; unlike it, goes on by the child's own size.
fn child<'a>(rest: &mut Reader<'a>) -> Result<Child<'a>, ProtocolError> {
    let size = rest.length_i32("batched message size")?;
    let bytes = rest.take(size.saturating_sub(4), "batched message")?;
    let mut reader = Reader(bytes);
    reader.take(8, "batched message magic and CRC")?;
    let flag = reader.i32("batched message flag")?;
    let body_length = reader.length_i32("batched message body length")?;
    let body = reader.take(body_length, "batched message body")?;
    let properties = properties(&mut reader)?;
    Ok(Child { flag, body, properties })
}

/// Java's `UtilAll#crc32` clears the top bit. A record without a body has no checksum.
fn check_crc(body: &[u8], stored: i32) -> Result<(), ProtocolError> {
    let (expected, actual) = (stored.cast_unsigned(), crc32fast::hash(body) & 0x7fff_ffff);
    if body.is_empty() || expected == actual {
        return Ok(());
    }
    Err(ProtocolError::Checksum { expected, actual })
}

/// Where `part` stands in `whole`. Both come from one frame or one inflated body, far below 4 GiB.
fn span(whole: &[u8], part: &[u8]) -> Span {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    Span { start: small(start), length: small(part.len()) }
}

#[cfg(test)]
mod tests;
