//! NUL-terminated texts of a message for C: made when first asked for, kept as long as the message.

use std::ffi::c_char;
use std::net::SocketAddr;
use std::sync::OnceLock;

use super::Message;
use super::property::{Properties, name};

/// A text of a message that C may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// See [`super::Message::topic`].
    Topic,
    /// See [`super::Message::stored_topic`].
    StoredTopic,
    /// See [`super::Message::tags`].
    Tags,
    /// See [`super::Message::keys`].
    Keys,
    /// See [`super::Message::message_id`].
    MessageId,
    /// See [`super::Message::offset_message_id`].
    OffsetMessageId,
    /// See [`super::Message::transaction_id`].
    TransactionId,
    /// See [`super::Message::broker_name`].
    BrokerName,
    /// `ip:port` of [`super::Message::born_host`].
    BornHost,
    /// `ip:port` of [`super::Message::store_host`].
    StoreHost,
    /// See [`super::Message::origin_topic`].
    OriginTopic,
    /// See [`super::Message::origin_message_id`].
    OriginMessageId,
    /// See [`super::Message::origin_offset_message_id`].
    OriginOffsetMessageId,
}

impl Message {
    /// A text that ends with NUL and lives as long as the message. `None` when the message has none.
    pub fn c_text(&self, which: Text) -> Option<CText<'_>> {
        let origin = &self.parts.origin;
        match which {
            Text::Topic => Some(origin.topic.as_c()),
            Text::StoredTopic => Some(origin.stored_topic.as_c()),
            Text::OriginTopic => Some(origin.first_topic.as_c()),
            Text::OriginMessageId => self.c_origin_message_id(),
            Text::OriginOffsetMessageId => self.c_origin_offset_message_id(),
            Text::BrokerName => Some(origin.broker.as_c()),
            Text::Tags => self.c_property(name::TAGS),
            Text::Keys => self.c_property(name::KEYS),
            Text::MessageId => self.c_property(name::UNIQ_KEY).or_else(|| Some(self.offset_id().as_c())),
            Text::OffsetMessageId => Some(self.offset_id().as_c()),
            Text::TransactionId => self.in_transaction().then(|| self.c_property(name::UNIQ_KEY)).flatten(),
            Text::BornHost => self
                .cache()
                .born_host
                .get_or_init(|| host_text(self.born_host()))
                .as_ref()
                .map(NulString::as_c),
            Text::StoreHost => self
                .cache()
                .store_host
                .get_or_init(|| host_text(self.store_host()))
                .as_ref()
                .map(NulString::as_c),
        }
    }

    /// The value of a property, the last one when the key stands twice. Bytes are as stored.
    pub fn c_property(&self, key: &str) -> Option<CText<'_>> {
        self.c_properties().find(key.as_bytes())
    }

    /// The key and value of a property by its place; `None` behind the last one.
    pub fn c_property_at(&self, index: usize) -> Option<(CText<'_>, CText<'_>)> {
        self.c_properties().at(index)
    }

    /// How many [`Message::c_property_at`] has.
    pub fn property_count(&self) -> usize {
        self.c_properties().len()
    }

    fn c_properties(&self) -> &CProperties {
        self.cache().properties.get_or_init(|| CProperties::new(self.raw_properties()))
    }
}

/// Bytes followed by a NUL that is not part of them. Bytes before it may be NUL too: the length counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CText<'a>(&'a [u8]);

impl<'a> CText<'a> {
    /// The address of the first byte; valid as long as the message.
    pub fn as_ptr(self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// Bytes before the final NUL.
    pub fn len(self) -> usize {
        self.as_bytes().len()
    }

    /// True when only the NUL is there.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes without the final NUL.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0.split_last().map_or(self.0, |(_, text)| text)
    }
}

/// A string that carries the NUL C wants behind it.
#[derive(Debug)]
pub(crate) struct NulString(Box<str>);

impl NulString {
    pub(crate) fn new(text: &str) -> NulString {
        let mut owned = String::with_capacity(text.len() + 1);
        owned.push_str(text);
        owned.push('\0');
        NulString(owned.into_boxed_str())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.strip_suffix('\0').unwrap_or(&self.0)
    }

    pub(crate) fn as_c(&self) -> CText<'_> {
        CText(self.0.as_bytes())
    }
}

/// What was made for C (or computed) on demand; each part once, by whichever thread asks first.
#[derive(Debug, Default)]
pub(super) struct TextCache {
    pub(super) properties: OnceLock<CProperties>,
    pub(super) offset_id: OnceLock<NulString>,
    pub(super) born_host: OnceLock<Option<NulString>>,
    pub(super) store_host: OnceLock<Option<NulString>>,
}

/// A copy of the properties in which every key and value ends with NUL instead of its separator.
#[derive(Debug)]
pub(super) struct CProperties {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a key and its value stand; properties are at most 32767 bytes.
#[derive(Debug)]
struct Entry {
    key: u32,
    value: u32,
    end: u32,
}

impl CProperties {
    pub(super) fn new(properties: Properties<'_>) -> CProperties {
        let mut text = Vec::with_capacity(properties.0.len() + 1);
        // Few messages have more; shrinking afterwards would cost another allocation.
        let mut entries = Vec::with_capacity(12);
        for (key, value) in properties.iter() {
            let start = text.len();
            text.extend_from_slice(key);
            text.push(0);
            let middle = text.len();
            text.extend_from_slice(value);
            text.push(0);
            entries.push(Entry { key: position(start), value: position(middle), end: position(text.len()) });
        }
        CProperties { text, entries }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn at(&self, index: usize) -> Option<(CText<'_>, CText<'_>)> {
        let entry = self.entries.get(index)?;
        Some((self.text(entry.key, entry.value), self.text(entry.value, entry.end)))
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<CText<'_>> {
        let entry = self.entries.iter().rev().find(|e| self.text(e.key, e.value).as_bytes() == key)?;
        Some(self.text(entry.value, entry.end))
    }

    fn text(&self, start: u32, end: u32) -> CText<'_> {
        CText(&self.text[start as usize..end as usize])
    }
}

/// Properties are bounded by their 16-bit length.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn host_text(host: Option<SocketAddr>) -> Option<NulString> {
    Some(NulString::new(&host?.to_string()))
}
