//! What the table says of one property, and the short forms in which the table is written.

/// One property: everything the parser, the error texts, the JSON listing and CONFIGURATION.md know of it.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// The name, dotted, with its unit as the last part (`consume.timeout.ms`).
    pub key: &'static str,
    /// Java's name for it; `""` when Java has none.
    pub java: &'static str,
    /// How many of the property's own units one of Java's is, when the two differ.
    pub java_unit: Option<JavaUnit>,
    /// More names, besides Java's, its snake_case form and the key written with underscores.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// What holds when it is not set, as text; `""` when nothing does.
    pub default: &'static str,
    /// How likely an application is to want another value.
    pub importance: Importance,
    /// True for credentials: masked wherever they could be read.
    pub secret: bool,
    /// True when a consumer cannot be made without it.
    pub required: bool,
    /// Which way of consuming it matters to.
    pub applies_to: AppliesTo,
    /// The first version that knows it.
    pub since: &'static str,
    /// What it does, in a sentence or two.
    pub help: &'static str,
    /// Set while the behaviour is not built: why any value but the default is refused.
    pub unsupported: Option<&'static str>,
}

/// A Java name that counts in another unit than the key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JavaUnit {
    /// The property's units in one of Java's.
    pub factor: i64,
    /// The unit in words, plural.
    pub name: &'static str,
}

/// The values a property takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number of `unit`, from `min` to `max`.
    Integer {
        /// What it counts.
        unit: Unit,
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
        /// One more value outside the range, and its meaning.
        also: Option<(i64, &'static str)>,
    },
    /// `true` or `false`.
    Bool,
    /// One of a few words, in any case.
    Words(&'static [Word]),
    /// Printable text without blanks or `@`, at most 255 bytes; empty means not set.
    Text,
    /// A consumer group's name.
    Group,
    /// `host:port`, several separated by `;`.
    Addresses,
    /// Names separated by `,`.
    Names,
    /// A JSON object, or the path of a file with one; empty means not set.
    Json,
    /// Milliseconds since 1970, or 14 digits `yyyyMMddHHmmss` in local time, or 0.
    Timestamp,
    /// A folder; `~` at its beginning is the home directory.
    Folder,
}

/// A word a property takes, and the other spellings of it.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// How it is written here.
    pub name: &'static str,
    /// How Java and others write it.
    pub also: &'static [&'static str],
}

/// What an integer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds.
    Millis,
    /// Bytes.
    Bytes,
    /// Units of 1024 bytes.
    Kib,
    /// Units of 1024 × 1024 bytes.
    Mib,
}

impl Unit {
    /// The unit as texts write it after a number; `""` for a count.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::Millis => "ms",
            Unit::Bytes => "bytes",
            Unit::Kib => "KiB",
            Unit::Mib => "MiB",
        }
    }
}

/// How likely an application is to set a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Nearly every application decides it.
    High,
    /// Worth knowing when tuning.
    Medium,
    /// For special cases.
    Low,
}

impl Importance {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Importance::High => "high",
            Importance::Medium => "medium",
            Importance::Low => "low",
        }
    }
}

/// Which way of consuming a property matters to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliesTo {
    /// Callbacks and polling.
    Both,
    /// Callbacks only.
    Push,
    /// Polling only.
    Poll,
}

impl AppliesTo {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            AppliesTo::Both => "both",
            AppliesTo::Push => "push",
            AppliesTo::Poll => "poll",
        }
    }
}

impl Property {
    /// A property of `kind`; what the other methods do not say is the usual case.
    pub(super) const fn new(
        key: &'static str,
        java: &'static str,
        kind: Kind,
        default: &'static str,
    ) -> Property {
        Property {
            key,
            java,
            java_unit: None,
            aliases: &[],
            kind,
            default,
            importance: Importance::Medium,
            secret: false,
            required: false,
            applies_to: AppliesTo::Both,
            since: "0.1",
            help: "",
            unsupported: None,
        }
    }

    pub(super) const fn help(mut self, help: &'static str) -> Property {
        self.help = help;
        self
    }

    pub(super) const fn high(mut self) -> Property {
        self.importance = Importance::High;
        self
    }

    pub(super) const fn low(mut self) -> Property {
        self.importance = Importance::Low;
        self
    }

    pub(super) const fn required(mut self) -> Property {
        self.required = true;
        self.high()
    }

    pub(super) const fn secret(mut self) -> Property {
        self.secret = true;
        self
    }

    pub(super) const fn only(mut self, applies_to: AppliesTo) -> Property {
        self.applies_to = applies_to;
        self
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Property {
        self.aliases = aliases;
        self
    }

    /// Java counts it in `name`, each of which is `factor` of the property's unit.
    pub(super) const fn java_counts(mut self, factor: i64, name: &'static str) -> Property {
        self.java_unit = Some(JavaUnit { factor, name });
        self
    }

    /// The behaviour behind it is not built yet: only the default is accepted.
    pub(super) const fn unsupported(mut self, why: &'static str) -> Property {
        self.unsupported = Some(why);
        self
    }

    /// A value outside the range that is accepted too.
    pub(super) const fn also(mut self, value: i64, meaning: &'static str) -> Property {
        if let Kind::Integer { unit, min, max, .. } = self.kind {
            self.kind = Kind::Integer { unit, min, max, also: Some((value, meaning)) };
        }
        self
    }
}

pub(super) const fn count(
    key: &'static str,
    java: &'static str,
    default: &'static str,
    min: i64,
    max: i64,
) -> Property {
    integer(key, java, default, min, max, Unit::Count)
}

pub(super) const fn millis(
    key: &'static str,
    java: &'static str,
    default: &'static str,
    min: i64,
    max: i64,
) -> Property {
    integer(key, java, default, min, max, Unit::Millis)
}

pub(super) const fn mib(
    key: &'static str,
    java: &'static str,
    default: &'static str,
    min: i64,
    max: i64,
) -> Property {
    integer(key, java, default, min, max, Unit::Mib)
}

pub(super) const fn integer(
    key: &'static str,
    java: &'static str,
    default: &'static str,
    min: i64,
    max: i64,
    unit: Unit,
) -> Property {
    Property::new(key, java, Kind::Integer { unit, min, max, also: None }, default)
}

pub(super) const fn flag(key: &'static str, java: &'static str, default: &'static str) -> Property {
    Property::new(key, java, Kind::Bool, default)
}

pub(super) const fn text(key: &'static str, java: &'static str, default: &'static str) -> Property {
    Property::new(key, java, Kind::Text, default)
}

pub(super) const fn words(
    key: &'static str,
    java: &'static str,
    default: &'static str,
    words: &'static [Word],
) -> Property {
    Property::new(key, java, Kind::Words(words), default)
}
