//! Properties that are set one by one, or as JSON.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use rmq::config::{Config, Kind, table};
use rmq::error::ErrorKind;

/// Keys and Java's names: a line may begin with the number of one, as a character from [`FIRST`] on.
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let java = table::all().map(|property| property.java).filter(|name| !name.is_empty());
    table::all().map(|property| property.key).chain(java).collect()
});

/// Behind the characters that keys have.
const FIRST: usize = 0x100;

/// Either one JSON object, or lines of `name=value`, or of the number of a name and a value.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut config = Config::new();
    if text.trim_start().starts_with('{') {
        let loaded = config.load_json(text).is_ok();
        assert!(loaded || config == Config::new(), "all or nothing");
    } else {
        // An unknown name ends the input: it changes nothing, and finding the nearest one takes longer than all else.
        let _ = text.lines().try_for_each(|line| set(&mut config, line));
    }
    // What was refused altogether leaves what was there, and most inputs are refused.
    if config != Config::new() {
        can_be_used(&config);
    }
}

/// Sets what a line says; breaks when there is no such property.
fn set(config: &mut Config, line: &str) -> ControlFlow<()> {
    let first =
        line.chars().next().and_then(|c| NAMES.get((c as usize).checked_sub(FIRST)?).zip(Some(c.len_utf8())));
    let Some((name, value)) = first.map(|(name, at)| (*name, &line[at..])).or_else(|| line.split_once('='))
    else {
        return ControlFlow::Continue(());
    };
    let before = config.clone();
    if let Err(error) = config.set(name, value) {
        assert_eq!(*config, before, "a refusal changes nothing");
        assert!(!error.text().is_empty() && error.text().len() < 4096, "{error}");
        return match error.kind() {
            ErrorKind::ConfigKey => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
    }
    let kept = config.get(name).unwrap();
    let secret = table::all().any(|p| p.secret && (p.key == name || p.java == name));
    if !secret {
        config.set(name, &kept).unwrap();
        assert_eq!(config.get(name).unwrap(), kept, "what is kept is kept as it is");
    }
    ControlFlow::Continue(())
}

fn can_be_used(config: &Config) {
    let dumped = config.dump_json();
    let mut again = Config::new();
    again.load_json(&dumped).unwrap();
    assert_eq!(again.dump_json(), dumped);
    // Whatever is no object is the path of a file, and not every file of this machine should be read.
    let is_path = |p: &&rmq::config::Property| {
        matches!(p.kind, Kind::Json) && !config.get(p.key).is_ok_and(|v| v.is_empty() || v.starts_with('{'))
    };
    if !table::all().any(|property| is_path(&property)) {
        match config.snapshot_with(Some("127.0.0.1:9876")) {
            Ok(snapshot) => {
                assert!(!snapshot.group.is_empty() && !snapshot.name_servers.is_empty());
                assert!(snapshot.thread_min <= snapshot.thread_max);
            }
            Err(error) => assert!(!error.text().is_empty() && error.text().len() < 4096, "{error}"),
        }
    }
}
