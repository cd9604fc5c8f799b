//! The file of a broadcasting consumer's offsets, and its backup.

use rmq::consumer::fuzzing::{Found, Offsets, Read, choose, parse, text};

/// The first byte tells of both files whether they are there, and where the second one begins.
pub fn run(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let middle = usize::from(first >> 2).min(rest.len());
    let (backup, file) = rest.split_at(middle);
    let (file, backup) = (Copy::of(first & 1 != 0, file), Copy::of(first & 2 != 0, backup));
    assert_eq!(choose(file.read(), backup.read()), expected(&file, &backup));
    for offsets in [&file, &backup].into_iter().filter_map(Copy::offsets) {
        assert!(offsets.values().all(|offset| *offset >= 0));
        assert_eq!(parse(text(&offsets).as_bytes()), Ok(offsets), "what is written is read");
    }
}

/// One of the two files. An empty one stands for one that cannot be read.
enum Copy<'a> {
    Absent,
    Text(&'a [u8]),
    Failed,
}

impl<'a> Copy<'a> {
    fn of(there: bool, bytes: &'a [u8]) -> Copy<'a> {
        match there {
            true if bytes.is_empty() => Copy::Failed,
            true => Copy::Text(bytes),
            false => Copy::Absent,
        }
    }

    fn read(&self) -> Read {
        match self {
            Copy::Absent => Read::Absent,
            Copy::Text(bytes) => Read::Text(bytes.to_vec()),
            Copy::Failed => Read::Failed("refused".to_owned()),
        }
    }

    fn offsets(&self) -> Option<Offsets> {
        if let Copy::Text(bytes) = self { parse(bytes).ok() } else { None }
    }

    /// What is wrong with a file that holds no offsets; nothing, with one that is absent.
    fn problem(&self) -> Option<String> {
        match self {
            Copy::Absent => None,
            Copy::Text(bytes) => parse(bytes).err(),
            Copy::Failed => Some("refused".to_owned()),
        }
    }
}

/// The rules once more: a good file counts, else a good backup, and only if both are absent is there nothing.
fn expected(file: &Copy<'_>, backup: &Copy<'_>) -> Found {
    if let Some(offsets) = file.offsets() {
        return Found::Offsets(offsets);
    }
    if let Some(offsets) = backup.offsets() {
        return Found::Backup(offsets, file.problem());
    }
    match (file.problem(), backup.problem()) {
        (None, None) => Found::Nothing,
        (file, backup) => {
            let gone = || "is not there".to_owned();
            Found::Bad(file.unwrap_or_else(gone), backup.unwrap_or_else(gone))
        }
    }
}
