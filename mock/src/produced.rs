//! A message to be stored.

use rmq::message::property::name;

/// What a producer would send.
#[derive(Debug, Clone, Default)]
pub struct Produced {
    pub(crate) body: Vec<u8>,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) sys_flag: i32,
    pub(crate) store_timestamp: Option<i64>,
}

impl Produced {
    /// A message with a body and nothing else.
    pub fn new(body: impl Into<Vec<u8>>) -> Produced {
        Produced { body: body.into(), ..Produced::default() }
    }

    /// Its tag.
    #[must_use]
    pub fn tag(self, tag: &str) -> Produced {
        self.property(name::TAGS, tag)
    }

    /// Its business key.
    #[must_use]
    pub fn key(self, key: &str) -> Produced {
        self.property(name::KEYS, key)
    }

    /// A property.
    #[must_use]
    pub fn property(mut self, key: &str, value: &str) -> Produced {
        self.properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Bit set of the record, see [`rmq::message::sys_flag`]; the body is stored as it is.
    #[must_use]
    pub fn sys_flag(mut self, sys_flag: i32) -> Produced {
        self.sys_flag = sys_flag;
        self
    }

    /// When the broker claims to have stored it, in milliseconds since 1970.
    #[must_use]
    pub fn stored_at(mut self, epoch_ms: i64) -> Produced {
        self.store_timestamp = Some(epoch_ms);
        self
    }
}

impl From<&str> for Produced {
    fn from(body: &str) -> Produced {
        Produced::new(body)
    }
}
