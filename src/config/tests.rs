//! The table as a whole, and a configuration from setting to snapshot.

use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::log::Level;

fn minimal() -> Config {
    let mut config = Config::new();
    config.set("consumer.group", "G").unwrap();
    config.set("namesrv.addr", "127.0.0.1:9876").unwrap();
    config
}

fn refusal(name: &str, value: &str) -> (ErrorKind, String) {
    let error = Config::new().set(name, value).unwrap_err();
    (error.kind(), error.text().to_owned())
}

#[test]
fn the_table_is_consistent() {
    let mut keys = HashSet::new();
    for property in table::all() {
        let key = property.key;
        assert!(keys.insert(key), "{key} is there twice");
        assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b == b'.'), "{key}");
        assert!(property.help.ends_with('.'), "{key} has no help, or no full stop");
        let suffix = match property.kind {
            Kind::Integer { unit: Unit::Millis, .. } => ".ms",
            Kind::Integer { unit: Unit::Mib, .. } => ".mib",
            Kind::Integer { unit: Unit::Kib, .. } => ".kib",
            Kind::Integer { unit: Unit::Bytes, .. } => ".bytes",
            _ => "",
        };
        assert!(key.ends_with(suffix), "{key} does not say its unit");
        if !property.default.is_empty() {
            let kept = value::canonical(property, key, property.default, None).unwrap();
            assert_eq!(kept, property.default, "{key}");
        }
    }
    assert_eq!(keys.len(), 62, "a property was lost; raise the number when one is added");
}

#[test]
fn committing_by_hand_is_for_clustering() {
    let mut config = minimal();
    config.set("autoCommit", "false").unwrap();
    assert!(!config.snapshot_with(None).unwrap().auto_commit);
    config.set("message.model", "broadcasting").unwrap();
    let error = config.snapshot_with(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigValue);
    assert_eq!(error.text(), "auto.commit=false: in message.model=broadcasting it must be true");
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = minimal().snapshot_with(None).unwrap();
    let mib = |n: usize| n * 1024 * 1024;
    assert_eq!(
        config,
        ConsumerConfig {
            group: "G".to_owned(),
            namespace: String::new(),
            namespace_prefix: String::new(),
            name_servers: vec!["127.0.0.1:9876".to_owned()],
            instance_name: None,
            client_ip: None,
            model: MessageModel::Clustering,
            offset_store_path: "~/.rocketmq_offsets".to_owned(),
            auto_commit: true,
            consume_from: ConsumeFrom::LastOffset,
            consume_timestamp_ms: 0,
            thread_min: 20,
            thread_max: 64,
            batch_size: 1,
            consume_timeout: Duration::from_secs(15 * 60),
            span_max: 2000,
            reconsume_max: 16,
            pull_batch_size: 32,
            pull_batch_bytes: 262_144,
            pull_interval: Duration::ZERO,
            queue_limit: Limit { messages: 1000, bytes: mib(100) },
            topic_limit: Limit { messages: 10_000, bytes: mib(100) },
            all_limit: Limit { messages: 50_000, bytes: mib(64) },
            pull_error_backoff: Duration::from_secs(1),
            pull_suspend: Duration::from_secs(15),
            name_server_interval: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(30),
            offset_persist_interval: Duration::from_secs(5),
            offset_commit_interval: Duration::from_millis(100),
            rebalance_interval: Duration::from_secs(20),
            handover_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(3),
            start_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(15),
            io_threads: 1,
            thread_stack_bytes: 0,
            check_crc: false,
            slow_message: Duration::from_secs(30),
            watchdog: Duration::from_secs(60),
            orderly: false,
            orderly_reconsume_max: None,
            orderly_auto_commit: true,
            suspend_queue: Duration::from_secs(1),
            poll_ack_on_destroy: false,
            unsettled_max: 1000,
            log_level: Level::Warn,
            log_queue: false,
            stats_interval: Duration::ZERO,
            strategy: Strategy::Avg,
        }
    );
}

#[test]
fn every_number_fits_its_field_at_both_ends() {
    for property in table::all() {
        let Kind::Integer { min, max, also, .. } = property.kind else { continue };
        if property.unsupported.is_some() {
            continue;
        }
        for number in [Some(min), Some(max), also.map(|(value, _)| value)].into_iter().flatten() {
            let mut config = minimal();
            config.set(property.key, &number.to_string()).unwrap();
            config.snapshot_with(None).unwrap_or_else(|e| panic!("{}={number}: {e}", property.key));
        }
        for number in [min - 1, max + 1] {
            if also.is_none_or(|(value, _)| value != number) {
                let (kind, text) = refusal(property.key, &number.to_string());
                assert_eq!(kind, ErrorKind::ConfigValue);
                assert!(text.contains(property.key) && text.contains(&number.to_string()), "{text}");
                assert!(text.contains(&min.to_string()) && text.contains(&max.to_string()), "{text}");
            }
        }
    }
}

#[test]
fn a_bad_value_is_named_with_its_key_and_what_is_allowed() {
    let text = |name: &str, value: &str| refusal(name, value).1;
    assert_eq!(text("consume.thread.max", "1001"), "consume.thread.max=\"1001\": allowed is 1 to 1000");
    assert_eq!(text("consumeThreadMax", "many"), "consumeThreadMax=\"many\": allowed is 1 to 1000");
    assert_eq!(text("pull.interval.ms", "-1"), "pull.interval.ms=\"-1\": allowed is 0 to 65535 ms");
    assert_eq!(
        text("reconsume.max", "-2"),
        "reconsume.max=\"-2\": allowed is 0 to 2147483647, or -1 (16, as in Java)"
    );
    assert_eq!(
        text("consume.from", "somewhere"),
        "consume.from=\"somewhere\": allowed is one of first_offset, last_offset, timestamp, min_offset, max_offset"
    );
    assert_eq!(text("check.crc", "yes"), "check.crc=\"yes\": allowed is true or false");
    assert_eq!(text("consume_timeout", "0"), "consume_timeout=\"0\": allowed is 1 to 10080 minutes");
    assert!(text("instance.name", "a b").contains("without blanks"));
    let long = text("consumer.group", &"x".repeat(10_000));
    assert!(long.len() < 200 && long.contains('…'), "{long}");
    assert!(text("instance.name", "a\u{1b}[2J").contains("\\u{1b}"));
}

#[test]
fn what_other_systems_call_it_leads_to_the_property() {
    for (foreign, key) in [("bootstrap.servers", "namesrv.addr"), ("group.id", "consumer.group")] {
        let (kind, text) = refusal(foreign, "x");
        assert_eq!(kind, ErrorKind::ConfigKey);
        assert!(text.ends_with(&format!("did you mean \"{key}\"?")), "{text}");
    }
}

#[test]
fn javas_names_and_snake_case_name_the_same_and_keep_javas_unit() {
    let mut config = minimal();
    for (name, value, key, kept) in [
        ("consumeTimeout", "2", "consume.timeout.ms", "120000"),
        ("consume_timeout", "3", "consume.timeout.ms", "180000"),
        ("consume_timeout_ms", "500", "consume.timeout.ms", "500"),
        ("consume_thread_min", "3", "consume.thread.min", "3"),
        ("consumeThreadMax", "7", "consume.thread.max", "7"),
        ("pull_batch_size", "8", "pull.batch.size", "8"),
        ("max_reconsume_times", "5", "reconsume.max", "5"),
        ("consume_timestamp", "1767225600000", "consume.timestamp", "1767225600000"),
        ("pull_interval", "9", "pull.interval.ms", "9"),
        ("pull_threshold_for_all", "11", "pull.threshold.all", "11"),
        ("pull_threshold_for_topic", "12", "pull.threshold.topic", "12"),
        ("pull_threshold_size_for_topic", "13", "pull.threshold.topic.mib", "13"),
        ("pull_threshold_for_queue", "14", "pull.threshold.queue", "14"),
        ("pull_threshold_of_queue", "15", "pull.threshold.queue", "15"),
        ("pull_threshold_size_for_queue", "16", "pull.threshold.queue.mib", "16"),
        ("pull_threshold_size_of_queue", "17", "pull.threshold.queue.mib", "17"),
        ("consume_message_batch_max_size", "18", "consume.batch.size", "18"),
        ("consume_from_where", "CONSUME_FROM_FIRST_OFFSET", "consume.from", "first_offset"),
        ("message_model", "CLUSTERING", "message.model", "clustering"),
        ("allocate_message_queue_strategy", "AllocateMessageQueueAveragely", "allocate.strategy", "avg"),
        ("strategy", "AVG", "allocate.strategy", "avg"),
        ("consume.from", "Last_Offset", "consume.from", "last_offset"),
        ("group", "H", "consumer.group", "H"),
        ("use_tls", "FALSE", "tls.enable", "false"),
    ] {
        config.set(name, value).unwrap();
        assert_eq!(config.get(key).unwrap(), kept, "{name}={value}");
    }
    assert_eq!(config.snapshot_with(None).unwrap().topic_limit, Limit { messages: 12, bytes: 13 << 20 });
}

#[test]
fn a_value_is_read_in_the_unit_of_the_name() {
    let mut config = Config::new();
    assert_eq!(config.get("consumeTimeout").unwrap(), "15");
    assert_eq!(config.get("consume.timeout.ms").unwrap(), "900000");
    config.set("consume.timeout.ms", "90000").unwrap();
    let error = config.get("consumeTimeout").unwrap_err();
    assert_eq!(
        error.text(),
        "consumeTimeout counts minutes, and consume.timeout.ms=90000 is no whole number of them"
    );
}

#[test]
fn what_is_not_built_is_refused_and_its_default_accepted() {
    for (name, value, why) in [
        ("tls.enable", "true", "TLS is not built yet"),
        ("access.key", "me", "signed requests are not built yet"),
    ] {
        let (kind, text) = refusal(name, value);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(text.ends_with(&format!("not supported in this version, {why}")), "{text}");
    }
    for property in table::all().filter(|p| p.unsupported.is_some()) {
        Config::new().set(property.key, property.default).unwrap();
    }
    assert_eq!(refusal("tls.enable", "maybe").0, ErrorKind::ConfigValue);
}

#[test]
fn a_namespace_that_would_end_itself_is_refused() {
    let mut config = Config::new();
    config.set("consumer.group", "g").unwrap();
    config.set("namesrv.addr", "h:1").unwrap();
    config.set("namespaceV1", "a%b").unwrap();
    let error = config.snapshot().unwrap_err();
    assert_eq!(error.text(), "namespace.prefix=\"a%b\": allowed are the characters a-z A-Z 0-9 _ - |");
    config.set("namespace_v1", "a-b").unwrap();
    assert_eq!(config.snapshot().unwrap().namespace_prefix, "a-b");
}

#[test]
fn secrets_are_in_no_text() {
    let (_, text) = refusal("secret.key", "hunter2");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!Config::properties_json().contains("hunter2"));
    let mut config = Config::new();
    let index = table::all().position(|p| p.key == "secret.key").unwrap();
    config.values = vec![None; index + 1];
    config.values[index] = Some("hunter2".to_owned());
    for text in [config.get("secret.key").unwrap(), config.dump_json(), format!("{config:?}")] {
        assert!(!text.contains("hunter2") && text.contains(value::MASK), "{text}");
    }
}

#[test]
fn what_is_required_is_named_when_it_is_missing() {
    let error = |config: &Config, default| config.snapshot_with(default).unwrap_err();
    let mut config = Config::new();
    assert_eq!(error(&config, None).text(), "consumer.group is not set");
    assert_eq!(error(&config, None).kind(), ErrorKind::ConfigMissing);
    config.set("consumer.group", "G").unwrap();
    let text = "namesrv.addr is not set, nor is the environment variable NAMESRV_ADDR";
    assert_eq!(error(&config, None).text(), text);
    assert_eq!(error(&config, Some(" ")).text(), text);
    assert!(
        error(&config, Some("nonsense"))
            .text()
            .starts_with("NAMESRV_ADDR of the environment: allowed is host:port")
    );
    assert_eq!(config.snapshot_with(Some("a:1; b:2")).unwrap().name_servers, ["a:1", "b:2"]);
    config.set("namesrv.addr", "c:3").unwrap();
    assert_eq!(config.snapshot_with(Some("a:1")).unwrap().name_servers, ["c:3"]);
}

#[test]
fn thread_numbers_contradict_each_other_only_when_both_are_set() {
    let threads = |min: Option<&str>, max: Option<&str>| {
        let mut config = minimal();
        if let Some(n) = min {
            config.set("consume.thread.min", n).unwrap();
        }
        if let Some(n) = max {
            config.set("consume.thread.max", n).unwrap();
        }
        config.snapshot_with(None).map(|c| (c.thread_min, c.thread_max))
    };
    assert_eq!(threads(None, Some("4")).unwrap(), (4, 4));
    assert_eq!(threads(Some("100"), None).unwrap(), (100, 100));
    assert_eq!(threads(Some("2"), Some("2")).unwrap(), (2, 2));
    let error = threads(Some("5"), Some("4")).unwrap_err();
    assert_eq!(error.text(), "consume.thread.min=5 is larger than consume.thread.max=4");
}

#[test]
fn special_values_get_their_meaning() {
    let mut config = minimal();
    for (name, value) in [
        ("instance.name", "DEFAULT"),
        ("max_reconsume_times", "-1"),
        ("pull_threshold_for_topic", "-1"),
        ("pull_threshold_size_for_topic", "-1"),
        ("consume.timestamp", "20260701120000"),
        ("thread.stack.kib", "64"),
    ] {
        config.set(name, value).unwrap();
    }
    let config = config.snapshot_with(None).unwrap();
    assert_eq!(config.instance_name, None);
    assert_eq!(config.reconsume_max, 16);
    assert_eq!(config.topic_limit, Limit { messages: usize::MAX, bytes: usize::MAX });
    assert!(config.consume_timestamp_ms > 1_782_800_000_000);
    assert_eq!(config.thread_stack_bytes, 65_536);
}

#[test]
fn json_is_loaded_whole_or_not_at_all() {
    let mut config = Config::new();
    config
        .load_json(r#"{"consumer.group":"G","consume.thread.max":8,"check.crc":true,"consumeTimeout":"1"}"#)
        .unwrap();
    assert_eq!(config.get("consume.thread.max").unwrap(), "8");
    assert_eq!(config.get("consume.timeout.ms").unwrap(), "60000");
    for (text, says) in [
        (r#"{"consume.thread.max":9,"consume.thread.min":0}"#, "consume.thread.min=\"0\""),
        (r#"{"consume.thread.max":9,"nonsense":0}"#, "unknown property"),
        (r#"{"consume.thread.max":null}"#, "a text, a number or a boolean is expected"),
        (r#"{"consume.thread.max":1.5}"#, "consume.thread.max=\"1.5\""),
        (
            r#"{"consumer":{"group":"G"}}"#,
            "\"consumer\" is an object; expected is one flat object of property names",
        ),
        (r#"["consume.thread.max"]"#, "not a JSON object"),
        ("{", "not a JSON object"),
    ] {
        let error = config.load_json(text).unwrap_err();
        assert!(error.text().contains(says), "{}", error.text());
        assert_eq!(config.get("consume.thread.max").unwrap(), "8");
    }
}

#[test]
fn what_is_dumped_can_be_loaded() {
    let mut config = minimal();
    config.set("consume.from", "timestamp").unwrap();
    let mut copy = Config::new();
    copy.load_json(&config.dump_json()).unwrap();
    assert_eq!(copy.snapshot_with(None).unwrap(), config.snapshot_with(None).unwrap());
    assert!(!Config::new().dump_json().contains("consumer.group"));
}

#[test]
fn the_listing_tells_each_property() {
    let list: Vec<serde_json::Value> = serde_json::from_str(&Config::properties_json()).unwrap();
    assert_eq!(list.len(), table::all().count());
    let timeout = list.iter().find(|p| p["key"] == "consume.timeout.ms").unwrap();
    assert_eq!(timeout["aliases"][0], serde_json::json!({ "name": "consumeTimeout", "unit": "minutes" }));
    assert_eq!((timeout["min"].as_i64(), timeout["unit"].as_str()), (Some(100), Some("ms")));
    let tls = list.iter().find(|p| p["key"] == "tls.enable").unwrap();
    assert_eq!((tls["supported"].as_bool(), tls["type"].as_str()), (Some(false), Some("boolean")));
}

proptest::proptest! {
    #[test]
    fn no_name_value_or_json_brings_it_down(name in ".{0,80}", value in ".{0,200}", pick in 0_usize..61) {
        let mut config = Config::new();
        let key = table::all().nth(pick).unwrap().key;
        for name in [name.as_str(), key] {
            if let Err(error) = config.set(name, &value) {
                proptest::prop_assert!(error.text().len() < 1200, "{}", error.text());
                proptest::prop_assert!(!error.text().contains(char::is_control), "{:?}", error.text());
            }
            let _ = config.get(name);
        }
        let _ = config.load_json(&value);
        let _ = config.snapshot_with(Some(&value));
    }
}
