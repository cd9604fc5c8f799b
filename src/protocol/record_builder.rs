//! Writes stored messages as a broker does: for the mock broker, tests and benches.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::record::{MAGIC_V1, MAGIC_V2};
use crate::message::sys_flag;

/// Every field of a stored record. `Default` is an empty message of queue 0 from 127.0.0.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBuilder {
    /// The stored topic; longer than 255 bytes makes a record of version 2.
    pub topic: String,
    /// The body as stored: compressed if `sys_flag` says so.
    pub body: Vec<u8>,
    /// Properties as stored, see [`crate::message::property::encode`]. At most 32767 bytes are written.
    pub properties: Vec<u8>,
    /// The queue.
    pub queue_id: i32,
    /// The place in the queue.
    pub queue_offset: i64,
    /// The place in the commit log.
    pub commit_log_offset: i64,
    /// Bit set, see [`crate::message::sys_flag`]; the host bits are added as needed.
    pub sys_flag: i32,
    /// The producer's number.
    pub flag: i32,
    /// Milliseconds since 1970.
    pub born_timestamp: i64,
    /// The producer's address.
    pub born_host: SocketAddr,
    /// Milliseconds since 1970.
    pub store_timestamp: i64,
    /// The broker's address.
    pub store_host: SocketAddr,
    /// How often it was sent back.
    pub reconsume_times: i32,
    /// The prepared half of a transaction.
    pub prepared_transaction_offset: i64,
}

impl Default for RecordBuilder {
    fn default() -> RecordBuilder {
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10911);
        RecordBuilder {
            topic: String::new(),
            body: Vec::new(),
            properties: Vec::new(),
            queue_id: 0,
            queue_offset: 0,
            commit_log_offset: 0,
            sys_flag: 0,
            flag: 0,
            born_timestamp: 0,
            born_host: local,
            store_timestamp: 0,
            store_host: local,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
        }
    }
}

impl RecordBuilder {
    /// Appends the record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let v2 = self.topic.len() > usize::from(u8::MAX);
        let mut flags = self.sys_flag & !(sys_flag::BORN_HOST_V6 | sys_flag::STORE_HOST_V6);
        flags |= if self.born_host.is_ipv6() { sys_flag::BORN_HOST_V6 } else { 0 };
        flags |= if self.store_host.is_ipv6() { sys_flag::STORE_HOST_V6 } else { 0 };
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(if v2 { MAGIC_V2 } else { MAGIC_V1 }).to_be_bytes());
        out.extend_from_slice(&(crc32fast::hash(&self.body) & 0x7fff_ffff).to_be_bytes());
        out.extend_from_slice(&self.queue_id.to_be_bytes());
        out.extend_from_slice(&self.flag.to_be_bytes());
        out.extend_from_slice(&self.queue_offset.to_be_bytes());
        out.extend_from_slice(&self.commit_log_offset.to_be_bytes());
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&self.born_timestamp.to_be_bytes());
        push_host(out, self.born_host);
        out.extend_from_slice(&self.store_timestamp.to_be_bytes());
        push_host(out, self.store_host);
        out.extend_from_slice(&self.reconsume_times.to_be_bytes());
        out.extend_from_slice(&self.prepared_transaction_offset.to_be_bytes());
        push_length_i32(out, self.body.len());
        out.extend_from_slice(&self.body);
        let topic = &self.topic.as_bytes()[..self.topic.len().min(usize::from(u16::MAX))];
        let length = u16::try_from(topic.len()).unwrap_or(u16::MAX).to_be_bytes();
        out.extend_from_slice(if v2 { &length } else { &length[1..] });
        out.extend_from_slice(topic);
        push_properties(out, &self.properties);
        let size = i32::try_from(out.len() - start).unwrap_or(i32::MAX);
        out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    }

    /// The record alone.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.topic.len() + self.body.len() + self.properties.len());
        self.encode(&mut out);
        out
    }
}

/// Appends a message of an inner batch: Java's `MessageDecoder#encodeMessage`.
pub fn encode_child(out: &mut Vec<u8>, flag: i32, body: &[u8], properties: &[u8]) {
    let properties = &properties[..properties.len().min(32767)];
    push_length_i32(out, 4 + 4 + 4 + 4 + 4 + body.len() + 2 + properties.len());
    // Magic and CRC of a batched message are always 0.
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&flag.to_be_bytes());
    push_length_i32(out, body.len());
    out.extend_from_slice(body);
    push_properties(out, properties);
}

fn push_host(out: &mut Vec<u8>, host: SocketAddr) {
    match host.ip() {
        IpAddr::V4(v4) => out.extend_from_slice(&v4.octets()),
        IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
    }
    out.extend_from_slice(&u32::from(host.port()).to_be_bytes());
}

fn push_length_i32(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
}

fn push_properties(out: &mut Vec<u8>, properties: &[u8]) {
    let properties = &properties[..properties.len().min(32767)];
    out.extend_from_slice(&u16::try_from(properties.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(properties);
}
