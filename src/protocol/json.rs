//! JSON in the dialect of Java's fastjson, which RocketMQ's bodies are written in.
//!
//! Two things standard parsers refuse: keys that are numbers without quotes (`{0:"127.0.0.1:10911"}`, the
//! brokers of a route) and keys that are objects (`{{"topic":"T"}:7}`, maps by queue). Here a key may be any
//! value. Members keep their order.

use std::fmt;

use super::ProtocolError;

/// How deep values may nest. RocketMQ's deepest body has about eight levels.
const MAX_DEPTH: usize = 64;
/// How many values a text may hold: a frame of 16 MiB could name eight million, each many times its size.
const MAX_VALUES: usize = 1 << 20;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction and exponent that fits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text
    String(String),
    /// Values in order.
    Array(Vec<Json>),
    /// Keys and values in order; a key is mostly a string.
    Object(Vec<(Json, Json)>),
}

impl Json {
    /// Reads one value and nothing behind it. More than 64 levels or a million values are an error, so that
    /// a hostile text exhausts neither stack nor memory.
    pub fn parse(bytes: &[u8]) -> Result<Json, ProtocolError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ProtocolError::Utf8("JSON"))?;
        let mut parser = Parser { text, at: 0, depth: 0, values: 0 };
        let value = parser.value()?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.error("more than one value"));
        }
        Ok(value)
    }

    /// An object from names and values.
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
        Json::Object(members.into_iter().map(|(name, value)| (Json::from(name), value)).collect())
    }

    /// The member of that name; the last one when it stands twice, `None` also for null and for what is no
    /// object: Java treats an absent member and null alike.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let (_, value) = self.members().iter().rev().find(|(key, _)| key.as_str() == Some(name))?;
        (*value != Json::Null).then_some(value)
    }

    /// The members of an object, nothing of another value.
    pub fn members(&self) -> &[(Json, Json)] {
        if let Json::Object(members) = self { members } else { &[] }
    }

    /// The elements of an array, nothing of another value.
    pub fn elements(&self) -> &[Json] {
        if let Json::Array(elements) = self { elements } else { &[] }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Json::String(text) = self { Some(text) } else { None }
    }

    /// A whole number, also one written as a string (keys often are).
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Int(number) => Some(*number),
            Json::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// As [`Json::as_i64`], if it fits.
    pub fn as_i32(&self) -> Option<i32> {
        self.as_i64()?.try_into().ok()
    }

    /// A truth value, also one written as a string.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            Json::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::String(text.to_owned())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<i32> for Json {
    fn from(number: i32) -> Json {
        Json::Int(i64::from(number))
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Json {
        Json::Int(number)
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<T: IntoIterator<Item = Json>>(elements: T) -> Json {
        Json::Array(elements.into_iter().collect())
    }
}

// --- writing ---------------------------------------------------------------------------------------

/// Writes the dialect: keys as the values they are, no spaces.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Int(number) => write!(f, "{number}"),
            // Java writes null for what JSON has no number for.
            Json::Float(number) if !number.is_finite() => f.write_str("null"),
            Json::Float(number) => write!(f, "{number:?}"),
            Json::String(text) => write_string(f, text),
            Json::Array(elements) => write_list(f, "[", "]", elements, |f, element| write!(f, "{element}")),
            Json::Object(members) => {
                write_list(f, "{", "}", members, |f, (key, value)| write!(f, "{key}:{value}"))
            }
        }
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    close: &str,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { "," })?;
        write(f, item)?;
    }
    f.write_str(close)
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        f.write_str(&text[plain..at])?;
        plain = at + 1;
        if escape.is_empty() {
            write!(f, "\\u{byte:04X}")?;
        } else {
            f.write_str(escape)?;
        }
    }
    f.write_str(&text[plain..])?;
    f.write_str("\"")
}

// --- reading ---------------------------------------------------------------------------------------

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Json, ProtocolError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error("too many values"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Parser::object),
            Some(b'[') => self.nested(Parser::array),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z') => self.word(),
            _ => Err(self.error("a value is expected")),
        }
    }

    /// Reads an object or an array, one level deeper.
    fn nested(
        &mut self,
        read: fn(&mut Parser<'a>) -> Result<Json, ProtocolError>,
    ) -> Result<Json, ProtocolError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Json, ProtocolError> {
        let mut members = Vec::new();
        if self.accept(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            let key = self.value()?;
            if !self.accept(b':') {
                return Err(self.error("':' is expected"));
            }
            let value = self.value()?;
            members.push((key, value));
            if self.accept(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.accept(b',') {
                return Err(self.error("',' or '}' is expected"));
            }
        }
    }

    fn array(&mut self) -> Result<Json, ProtocolError> {
        let mut elements = Vec::new();
        if self.accept(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.accept(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.accept(b',') {
                return Err(self.error("',' or ']' is expected"));
            }
        }
    }

    /// Long numbers stay exact as integers; 5.x writes those beyond 2^53 as strings in some bodies, which
    /// [`Json::as_i64`] takes as well.
    fn number(&mut self) -> Result<Json, ProtocolError> {
        let is_part = |b: u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let text = self.take_while(is_part);
        if let Ok(number) = text.parse() {
            return Ok(Json::Int(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Json::Float(number)),
            _ => Err(self.error("not a number")),
        }
    }

    fn word(&mut self) -> Result<Json, ProtocolError> {
        match self.take_while(|b| b.is_ascii_alphabetic()) {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ => Err(self.error("an unknown word")),
        }
    }

    fn string(&mut self) -> Result<String, ProtocolError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            out.push_str(self.take_while(|b| b != b'"' && b != b'\\'));
            match self.next() {
                Some(b'"') => return Ok(out),
                Some(_) => out.push(self.escape()?),
                None => return Err(self.error("the string does not end")),
            }
        }
    }

    /// What follows a backslash, in standard JSON and as fastjson also writes it.
    fn escape(&mut self) -> Result<char, ProtocolError> {
        match self.next() {
            Some(b'n') => Ok('\n'),
            Some(b't') => Ok('\t'),
            Some(b'r') => Ok('\r'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'v') => Ok('\u{b}'),
            Some(plain @ (b'"' | b'\\' | b'/' | b'\'')) => Ok(char::from(plain)),
            Some(b'u') => self.unicode(),
            _ => Err(self.error("an unknown escape")),
        }
    }

    /// A code unit of UTF-16, or a pair of them. Half a pair becomes U+FFFD, as when Java writes UTF-8.
    fn unicode(&mut self) -> Result<char, ProtocolError> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let behind_first = self.at;
        if self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let scalar = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = behind_first;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, ProtocolError> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|b| char::from(b).to_digit(16));
            number = number * 16 + digit.ok_or_else(|| self.error("four hex digits are expected"))?;
        }
        Ok(number)
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        self.take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// `wanted` treats all bytes above 0x7f alike, so that the text is never cut within a character.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| !wanted(b));
        let taken = &rest[..length.unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn error(&self, problem: &str) -> ProtocolError {
        ProtocolError::Json { at: self.at, problem: problem.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    fn problem(text: impl AsRef<[u8]>) -> String {
        Json::parse(text.as_ref()).unwrap_err().to_string()
    }

    #[test]
    fn keys_may_be_numbers_and_objects() {
        let text = r#"{"brokerAddrs":{0:"127.0.0.1:10911",-1:"x"},{"topic":"T","queueId":1}:200}"#;
        let json = parse(text);
        let addresses = json.get("brokerAddrs").unwrap().members();
        assert_eq!(addresses[0], (Json::Int(0), Json::from("127.0.0.1:10911")));
        let (key, value) = &json.members()[1];
        assert_eq!((key.get("queueId").unwrap().as_i32(), value.as_i64()), (Some(1), Some(200)));
        assert_eq!(json.to_string(), text);
    }

    #[test]
    fn scalars_are_read_as_java_writes_them() {
        let json = parse(" [ -1 , 9223372036854775807, 1.5, 1e3, true, false, null, \"\" ] ");
        let expected = [
            Json::Int(-1),
            Json::Int(i64::MAX),
            Json::Float(1.5),
            Json::Float(1000.0),
            Json::Bool(true),
            Json::Bool(false),
            Json::Null,
            Json::from(""),
        ];
        assert_eq!(json.elements(), expected);
        assert_eq!(json.to_string(), r#"[-1,9223372036854775807,1.5,1000.0,true,false,null,""]"#);
        assert_eq!(parse("9223372036854775808").as_i64(), None);
        assert_eq!(Json::Float(f64::NAN).to_string(), "null");
        assert_eq!((parse("\"12\"").as_i64(), parse("\"true\"").as_bool()), (Some(12), Some(true)));
        assert_eq!((parse("3000000000").as_i32(), parse("1.5").as_i64()), (None, None));
    }

    #[test]
    fn strings_are_unescaped_and_escaped() {
        let text = r#""\"\\\/\b\f\n\r\t\v\u0041\u00e4\uD83D\ude00ü\u0001""#;
        let json = parse(text);
        assert_eq!(json.as_str(), Some("\"\\/\u{8}\u{c}\n\r\t\u{b}Aä😀ü\u{1}"));
        assert_eq!(parse(&json.to_string()), json);
        for half in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#] {
            assert!(parse(half).as_str().unwrap().starts_with('\u{fffd}'), "{half}");
        }
        assert_eq!(parse(r#""\ud83d\u0041""#).as_str(), Some("\u{fffd}A"));
    }

    #[test]
    fn members_are_found_by_name() {
        let json = parse(r#"{"a":1,"b":null,"a":2}"#);
        assert_eq!((json.get("a"), json.get("b"), json.get("c")), (Some(&Json::Int(2)), None, None));
        assert_eq!((Json::Null.get("a"), Json::Null.elements().len()), (None, 0));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "[",
            "[1",
            "[1,",
            "[1 2]",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\" 1}",
            "\"abc",
            "\"\\",
            "\"\\u12",
            "\"\\x\"",
            "nul",
            "tru",
            "1 2",
            "-",
            "1e999",
            "}",
            "]",
            "é",
            "\"\\é\"",
            "{\"a\":1,}",
        ] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(problem(b"\xff"), "JSON is not valid UTF-8");
    }

    #[test]
    fn depth_and_count_are_limited() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(Json::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(problem(nested(MAX_DEPTH + 1)).contains("too deeply"));
        assert!(problem("{".repeat(1 << 20)).contains("too deeply"));
        let wide = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert!(problem(wide).contains("too many"));
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::Int),
            (-1.0e300..1.0e300f64).prop_map(Json::Float),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
                prop::collection::vec((inner.clone(), inner), 0..6).prop_map(Json::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(json in any_json()) {
            prop_assert_eq!(Json::parse(json.to_string().as_bytes()), Ok(json));
        }

        #[test]
        fn random_text_never_panics(text in r#"[\[\]{}:,"\\u0-9a-f\-. é😀tn]{0,60}"#) {
            let _ = Json::parse(text.as_bytes());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Json::parse(&bytes);
        }
    }
}
