//! The file of a broadcasting consumer's offsets: its path, its text, and which of two copies counts. All as in
//! Java's `LocalFileOffsetStore`, so that either continues where the other stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cluster::Json;
use crate::cluster::queue_json::{offsets_from_json, offsets_to_json};
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageQueue;

/// The first offset of each queue that is not consumed.
pub type Offsets = BTreeMap<MessageQueue, i64>;

/// `<store>/<client id>/<group>/offsets.json`; a `~` at the beginning of `store` is `home`.
pub(super) fn path(store: &str, home: Option<&Path>, client_id: &str, group: &str) -> Result<PathBuf> {
    let refused = |text: String| Error::new(ErrorKind::ConfigValue, text);
    // Names of groups have no slash; a client id consists of what the user likes.
    if client_id.contains('/') {
        let text = format!(
            "client id {client_id:?}: in broadcasting it names a folder, so client.ip and instance.name must have no /"
        );
        return Err(refused(text));
    }
    let folder = match store.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = home.ok_or_else(|| {
                refused(format!("offset.store.path={store}: there is no home directory for the ~"))
            })?;
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(store),
    };
    Ok(folder.join(client_id).join(group).join("offsets.json"))
}

/// The text of the file. Java reads it with and without its line breaks; it is written without.
pub fn text(offsets: &Offsets) -> String {
    let table = offsets_to_json(offsets.iter().map(|(queue, offset)| (queue, *offset)));
    Json::object([("offsetTable", table)]).to_string()
}

/// The offsets of a text, or what is wrong with it.
pub fn parse(text: &[u8]) -> std::result::Result<Offsets, String> {
    if text.trim_ascii().is_empty() {
        return Err("is empty".to_owned());
    }
    let json = Json::parse(text).map_err(|error| error.to_string())?;
    match json.get("offsetTable") {
        Some(table @ (Json::Object(_) | Json::Array(_))) => {
            let offsets = offsets_from_json(table).map_err(|error| error.to_string())?;
            Ok(offsets.into_iter().filter(|(_, offset)| *offset >= 0).collect())
        }
        _ => Err("has no offsetTable".to_owned()),
    }
}

/// What reading one of the two files gave.
pub enum Read {
    /// There is no such file.
    Absent,
    /// Its bytes.
    Text(Vec<u8>),
    /// The operating system refused.
    Failed(String),
}

/// What the two files hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Neither is there: the consumer is new.
    Nothing,
    /// The file's offsets.
    Offsets(Offsets),
    /// The backup's offsets, and why the file itself does not count; `None` when it is not there.
    Backup(Offsets, Option<String>),
    /// Neither can be used: what is wrong with the file, and with the backup.
    Bad(String, String),
}

/// The file counts if it can be read, else the backup.
pub fn choose(file: Read, backup: Read) -> Found {
    let file = match understand(file) {
        Ok(Some(offsets)) => return Found::Offsets(offsets),
        Ok(None) => None,
        Err(why) => Some(why),
    };
    match (understand(backup), file) {
        (Ok(Some(offsets)), why) => Found::Backup(offsets, why),
        (Ok(None), None) => Found::Nothing,
        (Ok(None), Some(why)) => Found::Bad(why, NOT_THERE.to_owned()),
        (Err(backup), why) => Found::Bad(why.unwrap_or_else(|| NOT_THERE.to_owned()), backup),
    }
}

const NOT_THERE: &str = "is not there";

fn understand(read: Read) -> std::result::Result<Option<Offsets>, String> {
    match read {
        Read::Absent => Ok(None),
        Read::Text(text) => parse(&text).map(Some),
        Read::Failed(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(of: &[(i32, i64)]) -> Offsets {
        let queue = |id| MessageQueue { topic: "T".into(), broker: "broker-a".into(), id };
        of.iter().map(|(id, offset)| (queue(*id), *offset)).collect()
    }

    fn good(id: i32) -> Read {
        Read::Text(text(&offsets(&[(id, 7)])).into_bytes())
    }

    fn bad() -> Read {
        Read::Text(b"{\"offsetTable\":{{\"brokerNa".to_vec())
    }

    #[test]
    fn the_path_is_javas() {
        let home = Some(Path::new("/home/me"));
        let of = |store| path(store, home, "10.0.0.1@DEFAULT", "g").map(|path| path.display().to_string());
        let below = "10.0.0.1@DEFAULT/g/offsets.json";
        assert_eq!(of("~/.rocketmq_offsets").unwrap(), format!("/home/me/.rocketmq_offsets/{below}"));
        assert_eq!(of("~").unwrap(), format!("/home/me/{below}"));
        assert_eq!(of("/var/lib/my offsets/").unwrap(), format!("/var/lib/my offsets/{below}"));
        assert_eq!(of("~other/x").unwrap(), format!("~other/x/{below}"), "as a shell's, but not expanded");
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let error = path("/x", None, "ip@../../etc", "g").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigValue);
        assert!(error.text().contains("instance.name must have no /"), "{error}");
        let error = path("~/x", None, "ip@DEFAULT", "g").unwrap_err();
        assert!(error.text().starts_with("offset.store.path=~/x: there is no home directory"), "{error}");
    }

    #[test]
    fn javas_text_is_read_with_its_line_breaks_and_ours_is_compact() {
        let java = "{\n\t\"offsetTable\":{{\n\t\t\t\"brokerName\":\"broker-a\",\n\t\t\t\"queueId\":3,\n\t\t\t\"topic\":\"T\"\n\t\t}:36,{\n\t\t\t\"brokerName\":\"broker-a\",\n\t\t\t\"queueId\":0,\n\t\t\t\"topic\":\"T\"\n\t\t}:37\n\t}\n}";
        let read = parse(java.as_bytes()).unwrap();
        assert_eq!(read, offsets(&[(0, 37), (3, 36)]));
        let ours = text(&read);
        assert_eq!(
            ours,
            r#"{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:37,{"brokerName":"broker-a","queueId":3,"topic":"T"}:36}}"#
        );
        assert_eq!(parse(ours.as_bytes()).unwrap(), read);
        assert_eq!(parse(text(&Offsets::new()).as_bytes()), Ok(Offsets::new()));
    }

    #[test]
    fn a_negative_offset_is_none() {
        assert_eq!(parse(text(&offsets(&[(0, -1), (1, 5)])).as_bytes()), Ok(offsets(&[(1, 5)])));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(parse(b" \n"), Err("is empty".to_owned()));
        for text in ["{}", "[]", "7", "{\"offsetTable\":null}", "{\"offsetTable\":5}"] {
            assert_eq!(parse(text.as_bytes()), Err("has no offsetTable".to_owned()), "{text}");
        }
        for text in ["{\"offsetTable\":{", "\0\0\0\0", "{\"offsetTable\":{{\"topic\":\"T\"}:1}}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_backup_stands_in_for_a_file_that_is_bad_or_gone() {
        assert_eq!(choose(Read::Absent, Read::Absent), Found::Nothing);
        assert_eq!(choose(good(1), good(2)), Found::Offsets(offsets(&[(1, 7)])));
        assert_eq!(choose(good(1), bad()), Found::Offsets(offsets(&[(1, 7)])));
        assert_eq!(choose(Read::Absent, good(2)), Found::Backup(offsets(&[(2, 7)]), None));
        assert!(matches!(choose(bad(), good(2)), Found::Backup(_, Some(_))));
        assert!(matches!(choose(Read::Failed("no".into()), good(2)), Found::Backup(_, Some(_))));
        assert!(matches!(choose(bad(), bad()), Found::Bad(..)));
        assert!(matches!(choose(Read::Absent, bad()), Found::Bad(..)));
        assert!(matches!(choose(bad(), Read::Absent), Found::Bad(_, gone) if gone == "is not there"));
    }
}
