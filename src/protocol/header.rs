//! The header of a command: fixed members and a list of string fields, as JSON or as RocketMQ's binary
//! form. Mirrors Java's `RemotingCommand` and `RocketMQSerializable`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::ProtocolError;
use super::reader::Reader;

/// `MQVersion` ordinal of 5.3.0, the protocol level this library speaks. Brokers gate features on it.
pub const VERSION: i32 = 473;

/// Bit 0 of `flag`: this is a response.
const FLAG_RESPONSE: i32 = 0x1;
/// Bit 1 of `flag`: nobody waits for a response.
const FLAG_ONEWAY: i32 = 0x2;

/// How a header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Understood by every version, and the only one that carries codes above 65535.
    Json,
    /// Smaller; truncates the code to 16 bits.
    Binary,
}

impl Encoding {
    /// The encoding named by a frame's first header byte.
    pub fn from_wire(byte: u8) -> Result<Encoding, ProtocolError> {
        match byte {
            0 => Ok(Encoding::Json),
            1 => Ok(Encoding::Binary),
            _ => Err(ProtocolError::Unknown { what: "header encoding", value: i64::from(byte) }),
        }
    }

    /// The byte that names this encoding.
    pub fn to_wire(self) -> u8 {
        match self {
            Encoding::Json => 0,
            Encoding::Binary => 1,
        }
    }
}

/// The implementation language a peer names. Only its number matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(pub u8);

impl Language {
    /// What this library sends. Claiming CPP would change the body of an admin reset.
    pub const RUST: Language = Language(12);

    /// Java's enum names, in the order of their wire numbers.
    const NAMES: [&str; 13] = [
        "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS",
        "RUST",
    ];

    /// The enum name; a number nobody knows is OTHER, as a broker would show it.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or("OTHER")
    }

    fn from_name(name: &str) -> Language {
        (0u8..).zip(Self::NAMES).find(|(_, n)| *n == name).map_or(Language(7), |(i, _)| Language(i))
    }
}

/// Everything of a command but its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Request code, or response code when [`Header::is_response`].
    pub code: i32,
    /// Who wrote it.
    pub language: Language,
    /// `MQVersion` ordinal of the writer.
    pub version: i32,
    /// Correlates a response with its request; unique per connection.
    pub opaque: i32,
    /// Bit set: response, oneway.
    pub flag: i32,
    /// A sentence from the broker, usually with an error.
    pub remark: Option<String>,
    /// The named string fields (`extFields`).
    pub fields: Fields,
}

impl Header {
    /// A request from us. The connection gives it its `opaque`.
    pub fn request(code: i32, fields: Fields) -> Header {
        Header { code, language: Language::RUST, version: VERSION, opaque: 0, flag: 0, remark: None, fields }
    }

    /// A response of ours to `request`.
    pub fn response(request: &Header, code: i32, remark: Option<String>, fields: Fields) -> Header {
        Header { opaque: request.opaque, flag: FLAG_RESPONSE, remark, ..Header::request(code, fields) }
    }

    /// Marks a request as one that nobody answers.
    #[must_use]
    pub fn oneway(mut self) -> Header {
        self.flag |= FLAG_ONEWAY;
        self
    }

    /// True for an answer to a request of ours.
    pub fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    /// True for a request that wants no answer.
    pub fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }

    pub(super) fn decode(encoding: Encoding, bytes: &[u8]) -> Result<Header, ProtocolError> {
        match encoding {
            Encoding::Json => decode_json(bytes),
            Encoding::Binary => decode_binary(bytes),
        }
    }

    pub(super) fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => encode_json(self, out),
            Encoding::Binary => encode_binary(self, out),
        }
    }
}

/// The named string fields of a header, in the order they came or were added.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<(Cow<'static, str>, String)>);

impl Fields {
    /// Adds a field; names are not checked for repetition, the table of a command has none.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// The value of a field. A field sent twice has its last value, as in Java's map.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_ref(), v.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

// --- JSON ------------------------------------------------------------------------------------------

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonHeader<'a> {
    code: i32,
    #[serde(default)]
    flag: i32,
    #[serde(borrow, default)]
    language: Cow<'a, str>,
    #[serde(default)]
    opaque: i32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    remark: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ext_fields: Option<Cow<'a, Fields>>,
    #[serde(rename = "serializeTypeCurrentRPC", skip_deserializing)]
    serialize_type: &'static str,
    #[serde(default)]
    version: i32,
}

fn decode_json(bytes: &[u8]) -> Result<Header, ProtocolError> {
    let json: JsonHeader<'_> = serde_json::from_slice(bytes)
        .map_err(|e| ProtocolError::Json { at: e.column(), problem: format!("command header: {e}") })?;
    Ok(Header {
        code: json.code,
        language: Language::from_name(&json.language),
        version: json.version,
        opaque: json.opaque,
        flag: json.flag,
        remark: json.remark.map(Cow::into_owned),
        fields: json.ext_fields.map(Cow::into_owned).unwrap_or_default(),
    })
}

fn encode_json(header: &Header, out: &mut Vec<u8>) {
    let json = JsonHeader {
        code: header.code,
        flag: header.flag,
        language: Cow::Borrowed(header.language.name()),
        opaque: header.opaque,
        remark: header.remark.as_deref().map(Cow::Borrowed),
        ext_fields: (!header.fields.is_empty()).then_some(Cow::Borrowed(&header.fields)),
        serialize_type: "JSON",
        version: header.version,
    };
    // Writing strings and numbers to memory has no way to fail.
    let _ = serde_json::to_writer(out, &json);
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header fields")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields(Vec::with_capacity(8));
                while let Some(name) = map.next_key::<String>()? {
                    if let FieldText(Some(value)) = map.next_value::<FieldText>()? {
                        fields.push(name, value);
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A field's value: Java always writes strings; numbers and booleans are taken too, null is no field.
struct FieldText(Option<String>);

impl<'de> Deserialize<'de> for FieldText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FieldText, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = FieldText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, v: &str) -> Result<FieldText, E> {
                Ok(FieldText(Some(v.to_owned())))
            }
            fn visit_string<E>(self, v: String) -> Result<FieldText, E> {
                Ok(FieldText(Some(v)))
            }
            fn visit_i64<E>(self, v: i64) -> Result<FieldText, E> {
                Ok(FieldText(Some(v.to_string())))
            }
            fn visit_u64<E>(self, v: u64) -> Result<FieldText, E> {
                Ok(FieldText(Some(v.to_string())))
            }
            fn visit_f64<E>(self, v: f64) -> Result<FieldText, E> {
                Ok(FieldText(Some(v.to_string())))
            }
            fn visit_bool<E>(self, v: bool) -> Result<FieldText, E> {
                Ok(FieldText(Some(v.to_string())))
            }
            fn visit_unit<E>(self) -> Result<FieldText, E> {
                Ok(FieldText(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldText, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(FieldText(None))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

// --- binary ----------------------------------------------------------------------------------------

/// Codes, version, opaque, flag and the two lengths of an empty binary header.
const BINARY_MINIMUM: usize = 21;

fn decode_binary(bytes: &[u8]) -> Result<Header, ProtocolError> {
    if bytes.len() < BINARY_MINIMUM {
        return Err(ProtocolError::Truncated {
            what: "binary header",
            needed: BINARY_MINIMUM,
            left: bytes.len(),
        });
    }
    let mut reader = Reader(bytes);
    let code = i32::from(i16::from_be_bytes(reader.array("code")?));
    let [language] = reader.array("language")?;
    let version = i32::from(i16::from_be_bytes(reader.array("version")?));
    let opaque = reader.i32("opaque")?;
    let flag = reader.i32("flag")?;
    let remark_length = reader.length_i32("remark length")?;
    let remark = reader.text(remark_length, "remark")?;
    let fields_length = reader.length_i32("fields length")?;
    let mut reader = Reader(reader.take(fields_length, "fields")?);
    let mut fields = Fields::default();
    while !reader.0.is_empty() {
        let name_length = usize::from(u16::from_be_bytes(reader.array("field name length")?));
        let name = reader.text(name_length, "field name")?;
        let value_length = reader.length_i32("field value length")?;
        let value = reader.text(value_length, "field value")?;
        // Java reads an empty string of this encoding as null, which is no field.
        if !value.is_empty() {
            fields.push(name.to_owned(), value);
        }
    }
    Ok(Header {
        code,
        language: Language(language),
        version,
        opaque,
        flag,
        remark: (!remark.is_empty()).then(|| remark.to_owned()),
        fields,
    })
}

fn encode_binary(header: &Header, out: &mut Vec<u8>) {
    // The 16-bit truncation is the protocol's own; callers send codes above it as JSON.
    #[allow(clippy::cast_possible_truncation)]
    let (code, version) = (header.code as i16, header.version as i16);
    out.extend_from_slice(&code.to_be_bytes());
    out.push(header.language.0);
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&header.opaque.to_be_bytes());
    out.extend_from_slice(&header.flag.to_be_bytes());
    let remark = header.remark.as_deref().unwrap_or("");
    push_text(out, remark);
    let fields_at = out.len();
    out.extend_from_slice(&[0; 4]);
    for (name, value) in header.fields.iter().filter(|(n, _)| u16::try_from(n.len()).is_ok()) {
        out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        push_text(out, value);
    }
    let fields_length = u32::try_from(out.len() - fields_at - 4).unwrap_or(u32::MAX);
    out[fields_at..fields_at + 4].copy_from_slice(&fields_length.to_be_bytes());
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        let mut header = Header::request(14, Fields::default());
        header.opaque = -5;
        header.remark = Some("says \"why\"\n".to_owned());
        header.fields.push("topic", "%RETRY%G");
        header.fields.push("text", "a\u{1}ä😀");
        header
    }

    fn encoded(encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::new();
        header().encode(encoding, &mut out);
        out
    }

    #[test]
    fn both_encodings_round_trip() {
        for encoding in [Encoding::Json, Encoding::Binary] {
            assert_eq!(Header::decode(encoding, &encoded(encoding)).unwrap(), header());
        }
    }

    #[test]
    fn json_of_other_writers_is_read() {
        let text = r#"{"code":0,"extFields":{"n":7,"b":true,"none":null,"o":{},"s":"x"},"flag":1,"language":"KOTLIN",
            "opaque":9,"serializeTypeCurrentRPC":"JSON","version":513,"later":[1]}"#;
        let header = Header::decode(Encoding::Json, text.as_bytes()).unwrap();
        assert_eq!((header.opaque, header.version, header.language.name()), (9, 513, "OTHER"));
        assert!(header.is_response() && !header.is_oneway() && header.remark.is_none());
        let fields: Vec<_> = header.fields.iter().collect();
        assert_eq!(fields, [("n", "7"), ("b", "true"), ("s", "x")]);
    }

    #[test]
    fn repeated_field_has_its_last_value() {
        let mut fields = Fields::default();
        fields.push("a", "1");
        fields.push("a", "2");
        assert_eq!((fields.find("a"), fields.find("b")), (Some("2"), None));
    }

    #[test]
    fn cut_headers_are_refused() {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let bytes = encoded(encoding);
            for cut in 0..bytes.len() {
                assert!(Header::decode(encoding, &bytes[..cut]).is_err(), "{encoding:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn hostile_binary_lengths_are_refused() {
        let good = encoded(Encoding::Binary);
        let fields_at = 17 + header().remark.unwrap().len();
        // Remark length, fields length, and the first field's name length.
        for at in [13, fields_at] {
            for length in [-1, i32::MIN, i32::MAX, 1 << 24] {
                let mut bad = good.clone();
                bad[at..at + 4].copy_from_slice(&i32::to_be_bytes(length));
                assert!(Header::decode(Encoding::Binary, &bad).is_err(), "{length} at {at}");
            }
        }
        let mut bad = good.clone();
        bad[fields_at + 4] = 0xff;
        assert!(Header::decode(Encoding::Binary, &bad).is_err());
        let mut bad = good;
        bad[17] = 0xff;
        assert_eq!(Header::decode(Encoding::Binary, &bad), Err(ProtocolError::Utf8("remark")));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Header::decode(Encoding::Binary, &bytes);
            let _ = Header::decode(Encoding::Json, &bytes);
        }

        #[test]
        fn flipped_bits_never_panic(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            for encoding in [Encoding::Json, Encoding::Binary] {
                let mut bytes = encoded(encoding);
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
                let _ = Header::decode(encoding, &bytes);
            }
        }
    }
}
