//! Stored records taken apart by their sizes alone.

/// Where a record of an IPv4 producer and broker says how long its body is.
const BODY_LENGTH_AT: usize = 84;

/// The records in the answer to a pull.
pub(super) fn records(mut body: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let size = u32::from_be_bytes(*body.first_chunk()?) as usize;
        let (record, rest) = body.split_at_checked(size.max(4))?;
        body = rest;
        Some(record)
    })
}

/// The stamp a record's body begins with, in nanoseconds since 1970.
pub(super) fn stamp(record: &[u8]) -> Option<i64> {
    let at = record.get(BODY_LENGTH_AT..)?;
    let length = u32::from_be_bytes(*at.first_chunk()?) as usize;
    let body = at.get(4..4 + length)?;
    let digits = body.split(|&byte| byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(BODY_LENGTH_AT + 4 + body.len()).unwrap();
        let mut record = size.to_be_bytes().to_vec();
        record.resize(BODY_LENGTH_AT, 0);
        record.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        record.extend(body);
        record
    }

    #[test]
    fn stamps_are_read_and_other_bodies_have_none() {
        let answer = [record(b"1790000000000000001 .."), record(b"Topic-1"), record(b"")].concat();
        let stamps: Vec<_> = records(&answer).map(stamp).collect();
        assert_eq!(stamps, [Some(1_790_000_000_000_000_001), None, None]);
    }

    #[test]
    fn a_cut_answer_ends_at_the_cut() {
        let answer = [record(b"1 "), record(b"2 ")].concat();
        assert_eq!(records(&answer[..answer.len() - 1]).count(), 1);
        assert_eq!(records(&[0, 0, 0, 0]).count(), 1);
        assert_eq!(records(b"abc").count(), 0);
    }
}
