//! The two ids of a message, taken apart: where it is stored, and who made it when.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::ProtocolError;
use super::reader::Reader;
use crate::message::offset_id;

/// Where a message is stored: Java's `MessageId`. Written as 32 hex digits, or 56 with an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetId {
    /// The broker that stored it.
    pub host: SocketAddr,
    /// The position in that broker's commit log, in bytes.
    pub commit_log_offset: i64,
}

impl OffsetId {
    /// Java's `MessageDecoder#decodeMessageId`.
    pub fn parse(text: &str) -> Result<OffsetId, ProtocolError> {
        let (bytes, length) = id_bytes(text, "offset message id")?;
        let mut reader = Reader(&bytes[..length]);
        let ip = ip(&mut reader, length - 12)?;
        let port = reader.i32("port")?;
        let port = u16::try_from(port).map_err(|_| ProtocolError::Length {
            what: "port of an offset message id",
            value: i64::from(port),
            min: 0,
            max: i64::from(u16::MAX),
        })?;
        Ok(OffsetId { host: SocketAddr::new(ip, port), commit_log_offset: reader.i64("offset")? })
    }
}

impl fmt::Display for OffsetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut host = match self.host.ip() {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        host.extend_from_slice(&u32::from(self.host.port()).to_be_bytes());
        f.write_str(&offset_id(&host, self.commit_log_offset))
    }
}

/// What a Java client puts into UNIQ_KEY: `MessageClientIDSetter`. Other clients may write anything there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueId {
    /// The producer's address.
    pub ip: IpAddr,
    /// The low 16 bits of its process id.
    pub pid: u16,
    /// Hash code of the class loader; tells clients of one process apart.
    pub loader_hash: i32,
    /// Milliseconds from the first of the producer's month, in its own time zone, to when the id was made.
    pub millis_in_month: u32,
    /// Counts the ids made.
    pub counter: u16,
}

impl UniqueId {
    /// Takes an id apart; an error for one that no Java client made.
    pub fn parse(text: &str) -> Result<UniqueId, ProtocolError> {
        let (bytes, length) = id_bytes(text, "unique message id")?;
        let mut reader = Reader(&bytes[..length]);
        Ok(UniqueId {
            ip: ip(&mut reader, length - 12)?,
            pid: u16::from_be_bytes(reader.array("pid")?),
            loader_hash: reader.i32("hash")?,
            millis_in_month: u32::from_be_bytes(reader.array("time")?),
            counter: u16::from_be_bytes(reader.array("counter")?),
        })
    }
}

/// Both ids are an address and twelve bytes more.
const V4_ID: usize = 4 + 12;
const V6_ID: usize = 16 + 12;

/// The bytes of 32 or 56 hex digits, and how many there are.
fn id_bytes(text: &str, what: &'static str) -> Result<([u8; V6_ID], usize), ProtocolError> {
    let digits = text.as_bytes();
    if digits.len() != 2 * V4_ID && digits.len() != 2 * V6_ID {
        let (min, max) = (2 * V4_ID as i64, 2 * V6_ID as i64);
        let value = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        return Err(ProtocolError::Length { what, value, min, max });
    }
    let mut bytes = [0; V6_ID];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                b'A'..=b'F' => digit - b'A' + 10,
                other => return Err(ProtocolError::Unknown { what: "hex digit", value: i64::from(*other) }),
            };
            *byte = *byte << 4 | value;
        }
    }
    Ok((bytes, digits.len() / 2))
}

fn ip(reader: &mut Reader<'_>, length: usize) -> Result<IpAddr, ProtocolError> {
    if length == 4 {
        return Ok(IpAddr::from(reader.array::<4>("address")?));
    }
    Ok(IpAddr::from(reader.array::<16>("address")?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offset_ids_round_trip() {
        for (text, host, offset) in [
            ("7F00000100002A9F0000000000001234", "127.0.0.1:10911", 0x1234),
            ("0000000000000000000000000000000100002A9F7FFFFFFFFFFFFFFF", "[::1]:10911", i64::MAX),
        ] {
            let id = OffsetId { host: host.parse().unwrap(), commit_log_offset: offset };
            assert_eq!(OffsetId::parse(text), Ok(id));
            assert_eq!(OffsetId::parse(&text.to_lowercase()), Ok(id));
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn unique_ids_are_taken_apart() {
        let id = UniqueId::parse("0A0102031F4018B4AAC2001122330007").unwrap();
        assert_eq!(id.ip, "10.1.2.3".parse::<IpAddr>().unwrap());
        assert_eq!((id.pid, id.loader_hash), (0x1f40, 0x18b4_aac2));
        assert_eq!((id.millis_in_month, id.counter), (0x0011_2233, 7));
        let v6 = format!("20010DB8{}1F4018B4AAC2001122330007", "0".repeat(24));
        assert_eq!(UniqueId::parse(&v6).unwrap().ip, "2001:db8::".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn other_texts_are_refused() {
        let port_70000 = "7F000001000111700000000000001234";
        for text in [
            "",
            "7F",
            &"G".repeat(32),
            &"é".repeat(16),
            &"0".repeat(31),
            port_70000,
            "-7F0000010000A9F0000000000001234",
        ] {
            assert!(OffsetId::parse(text).is_err(), "{text}");
        }
        assert!(UniqueId::parse("my own key").is_err());
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in "[0-9a-fA-Fgé]{0,60}") {
            let _ = (OffsetId::parse(&text), UniqueId::parse(&text));
        }
    }
}
