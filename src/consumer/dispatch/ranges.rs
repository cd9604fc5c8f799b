//! Indexes of a batch, as ranges.

use std::ops::Range;

/// Joins indexes that ascend.
pub(crate) fn ranges(indexes: impl IntoIterator<Item = usize>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some(last) if last.end == index => last.end += 1,
            _ => ranges.push(index..index + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined() {
        assert!(ranges([]).is_empty());
        assert_eq!(ranges([1, 2, 3, 5, 7, 8]), [1..4, 5..6, 7..9]);
    }
}
