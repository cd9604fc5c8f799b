//! Where a group's dead letters are.

use crate::config::check_group;
use crate::error::Result;
use crate::message::property::name;

/// The topic of what `group` has given up. In a namespace it is wrapped as every other topic is.
pub fn dead_letter_topic(group: &str) -> Result<String> {
    check_group("group", group)?;
    Ok(format!("{}{group}", name::DEAD_LETTER_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::message::namespace;

    #[test]
    fn it_is_the_groups_own_also_in_a_namespace() {
        let topic = dead_letter_topic("billing").unwrap();
        assert_eq!(topic, "%DLQ%billing");
        assert_eq!(namespace::wrap("shop", &topic), "%DLQ%shop%billing");
    }

    #[test]
    fn what_is_no_group_is_refused_by_name() {
        let error = dead_letter_topic("a b").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(
            error.text(),
            "group is \"a b\": allowed is 1 to 120 of the characters a-z A-Z 0-9 _ - | %"
        );
        assert!(dead_letter_topic("").unwrap_err().text().starts_with("group is \"\": allowed is "));
    }
}
