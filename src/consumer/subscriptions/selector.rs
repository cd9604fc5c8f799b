//! How a subscription selects messages at the broker: by tags or by an SQL condition over properties.

use crate::error::{Error, ErrorKind, Result};

/// Selects by tags: RocketMQ's name of the type.
const TAG: &str = "TAG";

/// Selects by a condition over properties.
const SQL92: &str = "SQL92";

/// The language of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpressionType {
    /// Tags separated by `||`, or `*`.
    Tag,
    /// A condition such as `price > 10 AND region = 'eu'`, which only the broker evaluates.
    Sql92,
}

impl ExpressionType {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ExpressionType::Tag => TAG,
            ExpressionType::Sql92 => SQL92,
        }
    }
}

/// A type and an expression of it, as Java's `MessageSelector`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSelector {
    pub(crate) kind: ExpressionType,
    pub(crate) expression: String,
}

impl MessageSelector {
    /// Messages with one of these tags: `a || b`; `*` or nothing takes all.
    pub fn by_tag(expression: &str) -> MessageSelector {
        MessageSelector { kind: ExpressionType::Tag, expression: expression.to_owned() }
    }

    /// Messages whose properties meet a condition. Needs brokers with `enablePropertyFilter=true`.
    pub fn by_sql(expression: &str) -> MessageSelector {
        MessageSelector { kind: ExpressionType::Sql92, expression: expression.to_owned() }
    }

    /// By the name of the type: nothing or TAG, or SQL92, in upper or lower case.
    pub fn new(expression_type: &str, expression: &str) -> Result<MessageSelector> {
        if is_tag_type(expression_type) {
            return Ok(MessageSelector::by_tag(expression));
        }
        if expression_type.eq_ignore_ascii_case(SQL92) {
            return Ok(MessageSelector::by_sql(expression));
        }
        let text = format!("type is {expression_type:?}, a selector's type is TAG (or nothing) or SQL92");
        Err(Error::new(ErrorKind::InvalidArgument, text))
    }
}

/// True for the types that select by tag: nothing, and `TAG` in any case.
pub fn is_tag_type(expression_type: &str) -> bool {
    expression_type.is_empty() || expression_type.eq_ignore_ascii_case(TAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_tag_in_any_case_select_by_tag() {
        for name in ["", "TAG", "tag", "Tag"] {
            assert!(is_tag_type(name), "{name}");
            assert_eq!(MessageSelector::new(name, "a").unwrap(), MessageSelector::by_tag("a"));
        }
        for name in ["SQL92", "TAGS", " TAG", "sql"] {
            assert!(!is_tag_type(name), "{name}");
        }
    }

    #[test]
    fn sql_is_named_in_any_case_and_nothing_else_is_taken() {
        for name in ["SQL92", "sql92"] {
            assert_eq!(MessageSelector::new(name, "a > 1").unwrap(), MessageSelector::by_sql("a > 1"));
        }
        for name in ["SQL", "TAGS", "JSONPATH"] {
            let error = MessageSelector::new(name, "a").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.text().contains(name), "{error}");
        }
    }
}
