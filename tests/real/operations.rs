//! What administrators ask of a running group: our consumer shows them the same fields as a Java one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use rmq::protocol::json::Json;
use rmq::{Consumer, Outcome};
use rmq_testbed::{Cluster, JavaConsumer, Version, wait_until};

use crate::member::{Member, Setup, committed};
use crate::support::{compile_example, program, run};

const WITHIN: Duration = Duration::from_secs(40);

on_both_versions! {
    consumer_status_shows_the_same_fields_for_ours_as_for_java,
    consumer_status_finds_a_mixed_group_in_order,
    consumer_status_with_threads_shows_what_callbacks_run,
    consumer_progress_and_connection_show_the_same_columns_for_ours_as_for_java,
    a_brokers_question_for_the_status_is_answered_as_java_does,
    direct_consumption_tells_what_the_callback_made_of_the_message,
    a_shutdown_waits_for_a_callback_that_an_administrator_began,
    a_cloned_group_goes_on_where_the_other_one_is,
    the_route_names_brokers_and_queues,
    the_status_example_tells_all_of_it_as_json,
}

/// A Java member and one of ours, each in a group of its own, that have consumed the same 20 messages.
struct Pair {
    java: JavaConsumer,
    ours: Member,
    java_group: String,
    our_group: String,
}

fn pair(cluster: &Cluster, topic: &str) -> Pair {
    cluster.create_topic(topic, 2);
    let (java_group, our_group) = (format!("{topic}-java"), format!("{topic}-ours"));
    let java = cluster.java_consumer(&java_group, topic).start();
    let ours = Setup::new(cluster, &our_group).subscribe(topic, "*").start();
    cluster.send(topic, 20).run();
    ours.record.wait_for(20, WITHIN);
    java.wait_for(20, WITHIN);
    // Both own their retry topic too, and both have committed.
    wait_until("Java to own its three queues", WITHIN, || java.queues().len() == 3);
    for group in [&java_group, &our_group] {
        wait_until("the commit", WITHIN, || committed(cluster, group, topic, 2) == 20);
    }
    wait_until("ours to own its three queues", WITHIN, || {
        ours.queues(&format!("%RETRY%{our_group}")).len() == 1
    });
    Pair { java, ours, java_group, our_group }
}

fn consumer_status_shows_the_same_fields_for_ours_as_for_java(version: Version) {
    let cluster = Cluster::shared(version);
    let Pair { java, ours, java_group, our_group } = pair(cluster, "Shown");
    let status = |group: &str, id: &str| cluster.admin(&format!("consumerStatus -g {group} -i {id}"));
    let theirs = status(&java_group, java.client_id());
    let shown = status(&our_group, ours.consumer.client_id());
    assert_eq!(names(&theirs), names(&shown), "\n{theirs}\n{shown}");
    for value in [
        format!("PROP_CLIENT_VERSION                     : librmq {}", env!("CARGO_PKG_VERSION")),
        format!("consumerGroup                           : {our_group}"),
        "PROP_CONSUME_TYPE                       : CONSUME_PASSIVELY".to_owned(),
        "language                                : RUST".to_owned(),
        "commitOffset=10, cachedMsgMinOffset=0".to_owned(),
        "002 Topic: Shown ".to_owned(),
    ] {
        assert!(shown.contains(&value), "{value} is missing in\n{shown}");
    }
    let rates: Vec<f64> = row(&shown, "Shown").iter().map(|word| word.parse().unwrap()).collect();
    assert!(rates[1] > 0.0 && rates[3] > 0.0, "pull TPS and consume TPS are counted: {rates:?}");
    // The whole body, key by key: tools other than mqadmin read it too.
    assert_eq!(
        keys(&running_info(cluster, &java_group, java.client_id())),
        keys(&running_info(cluster, &our_group, ours.consumer.client_id()))
    );
}

fn consumer_status_finds_a_mixed_group_in_order(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Mixed", 4);
    let java = cluster.java_consumer("mixed-status", "Mixed").start();
    let failed = AtomicUsize::new(0);
    let answer = move |_: &rmq::Batch, _: &mut rmq::Context| match failed.fetch_add(1, Ordering::Relaxed) {
        0 => Outcome::Later,
        _ => Outcome::Success,
    };
    let ours = Setup::new(cluster, "mixed-status").subscribe("Mixed", "*").answer(answer).start();
    wait_until("two queues each", WITHIN, || ours.queues("Mixed").len() == 2);
    cluster.send("Mixed", 40).run();
    ours.record.wait_for(20, WITHIN);
    let all = cluster.admin("consumerStatus -g mixed-status");
    for part in [
        ours.consumer.client_id(),
        java.client_id(),
        "Same subscription in the same group of consumer",
        "Rebalance OK",
    ] {
        assert!(all.contains(part), "{part} is missing in\n{all}");
    }
    assert!(!all.contains("can't consume"), "{all}");
    let id = ours.consumer.client_id();
    let shown = cluster.admin(&format!("consumerStatus -g mixed-status -i {id}"));
    let row = row(&shown, "Mixed");
    assert_eq!(row[5], "1", "one message failed within the hour: {row:?}");
    assert!(row[4].parse::<f64>().unwrap() > 0.0, "and that is a rate: {row:?}");
}

fn consumer_status_with_threads_shows_what_callbacks_run(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Threads", 1);
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let wait = Arc::clone(&gate);
    let setup = Setup::new(cluster, "threads").subscribe("Threads", "*");
    let ours = setup.answer(move |_, _| wait.lock().map_or(Outcome::Later, |_| Outcome::Success)).start();
    cluster.send("Threads", 2).run();
    ours.record.wait_for(2, WITHIN);
    let id = ours.consumer.client_id();
    let shown = cluster.admin(&format!("consumerStatus -g threads -s -i {id}"));
    drop(closed);
    let held = "cachedMsgMinOffset=0, cachedMsgMaxOffset=1, cachedMsgCount=2";
    for part in [
        "#Consumer jstack#",
        "rmq-io-1 ",
        "rmq-work-1 ",
        "in the callback for Threads/broker-a/0 offset 1 for",
        held,
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

fn consumer_progress_and_connection_show_the_same_columns_for_ours_as_for_java(version: Version) {
    let cluster = Cluster::shared(version);
    let Pair { java, ours, java_group, our_group } = pair(cluster, "Columns");
    let ask = |command: &str| {
        let of = |group: &str| cluster.admin(&format!("{command} -g {group}"));
        (of(&java_group), of(&our_group))
    };
    for command in ["consumerProgress", "consumerProgress -s true"] {
        let (theirs, shown) = ask(command);
        // Where the retry topic is listed depends on what was committed for it: Java commits an idle start never.
        let table = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with("%RETRY%")).map(columns).collect()
        };
        assert_eq!(table(&theirs), table(&shown), "{command}\n{theirs}\n{shown}");
        let row = shown.lines().find(|line| line.starts_with("Columns ")).unwrap();
        assert!(row.contains(" 10 "), "{row}");
        let ip = ours.consumer.client_id().split('@').next().unwrap();
        assert_eq!(row.contains(ip), command.ends_with("true"), "{row}");
    }
    let (theirs, shown) = ask("consumerConnection");
    let labels = |text: &str, id: &str, group: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.replace(id, "ID").replace(group, "GROUP"));
        let mut lines: Vec<String> = lines.map(|line| columns(&line)).collect();
        // The order of the subscriptions is that of a hash.
        lines.sort();
        lines
    };
    let theirs = labels(&theirs, java.client_id(), &java_group);
    assert_eq!(theirs, labels(&shown, ours.consumer.client_id(), &our_group), "{shown}");
    let line = shown.lines().find(|line| line.contains(ours.consumer.client_id())).unwrap();
    assert!(line.contains("RUST") && line.contains("V5_3_0"), "{line}");
}

fn a_brokers_question_for_the_status_is_answered_as_java_does(version: Version) {
    let cluster = Cluster::shared(version);
    let Pair { java, ours, java_group, our_group } = pair(cluster, "Asked");
    let ask = |group: &str, id: &str| {
        let fields = [("group", group), ("topic", "Asked"), ("clientAddr", id)];
        let response = cluster.request(223, &fields, &[]).unwrap();
        assert_eq!(response.code, 0, "{}", response.remark);
        response.text()
    };
    let told = ask(&our_group, ours.consumer.client_id()).replace(ours.consumer.client_id(), "ID");
    assert_eq!(ask(&java_group, java.client_id()).replace(java.client_id(), "ID"), told);
    assert!(told.contains(r#"{"brokerName":"broker-a","queueId":1,"topic":"Asked"}:10"#), "{told}");
    // All members at once, as a console asks.
    assert!(ask(&our_group, "").contains(ours.consumer.client_id()));
}

fn direct_consumption_tells_what_the_callback_made_of_the_message(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Direct", 1);
    let handle = Arc::new(OnceLock::<Consumer>::new());
    let threads = Arc::new(Mutex::new(Vec::new()));
    let calls = AtomicUsize::new(0);
    let (inside, seen) = (Arc::clone(&handle), Arc::clone(&threads));
    let setup = Setup::new(cluster, "direct-ours").subscribe("Direct", "*");
    let ours = setup.answer(move |batch, context| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let known = inside.get().is_some_and(Consumer::is_callback_thread);
        seen.lock().unwrap().push((name, known));
        assert_eq!((batch.topic(), batch.broker(), batch.queue_id()), ("Direct", "broker-a", 0));
        match calls.fetch_add(1, Ordering::Relaxed) {
            2 => Outcome::Later,
            3 => Outcome::Unknown(7),
            // Without the panic hook, for which the test bed would keep its folders.
            4 => std::panic::resume_unwind(Box::new("on purpose")),
            5 => {
                context.delay_level = 1;
                Outcome::Success
            }
            6 => {
                let kept = batch.retain().unwrap();
                kept.retry(0).unwrap();
                Outcome::Deferred
            }
            _ => Outcome::Success,
        }
    });
    let ours = ours.start();
    handle.set(ours.consumer.clone()).ok().unwrap();
    let java = cluster.java_consumer("direct-java", "Direct").start();
    let failing = cluster.java_consumer("direct-failing", "Direct").fail(99).option("from", "last").start();
    cluster.send("Direct", 1).run();
    ours.record.wait_for(1, WITHIN);
    java.wait_for(1, WITHIN);
    wait_until("the commit", WITHIN, || committed(cluster, "direct-ours", "Direct", 1) == 1);
    let id = offset_id(cluster, "Direct");
    let consume = |group: &str, client: &str| {
        // The tool of 5.5.0 wants to know the topic, that of 4.9.7 has no such option.
        let topic = if version == Version::V4_9_7 { "" } else { " -t Direct" };
        let printed = cluster.admin(&format!("queryMsgById -i {id} -g {group} -d {client}{topic}"));
        let line = printed.lines().find(|line| line.contains("ConsumeMessageDirectlyResult"));
        line.unwrap_or_else(|| panic!("no result in\n{printed}")).to_owned()
    };
    let shape = |line: &str| -> Vec<String> {
        let names = line.split([',', '[']).filter_map(|part| part.split_once('='));
        names.map(|(name, _)| name.trim().to_owned()).collect()
    };
    let ask = || consume("direct-ours", ours.consumer.client_id());
    let (theirs, first) = (consume("direct-java", java.client_id()), ask());
    assert_eq!(shape(&theirs), shape(&first), "{theirs}\n{first}");
    let value = |line: &str, name: &str| line.split(&format!("{name}=")).nth(1).unwrap().to_owned();
    for name in ["order", "autoCommit", "consumeResult", "remark"] {
        let word = |line: &str| value(line, name).split(',').next().unwrap().to_owned();
        assert_eq!(word(&theirs), word(&first), "{name}");
    }
    assert!(first.contains("CR_SUCCESS"), "{first}");
    let later = ask();
    assert!(later.contains("CR_LATER"), "{later}");
    assert!(consume("direct-failing", failing.client_id()).contains("CR_LATER"));
    let odd = ask();
    assert!(odd.contains("CR_RETURN_NULL") && odd.contains("returned 7"), "{odd}");
    let thrown = ask();
    assert!(thrown.contains("CR_THROW_EXCEPTION") && thrown.contains("on purpose"), "{thrown}");
    assert!(ask().contains("CR_SUCCESS"));
    assert!(ask().contains("has kept the message"));
    // Six calls on threads of their own, which know that they are callbacks; nothing else came of them.
    let seen = threads.lock().unwrap().clone();
    assert!(seen[0].0.starts_with("rmq-work-") && seen[0].0 != "rmq-work-direct");
    assert_eq!(seen[1..], vec![("rmq-work-direct".to_owned(), true); 6]);
    assert_eq!(committed(cluster, "direct-ours", "Direct", 1), 1);
    assert_eq!(cluster.max_offset("%RETRY%direct-ours", 0), 0, "nothing was sent back");
    assert_eq!((ours.total("consumed"), ours.total("failed")), (1, 0));
    ours.stop();
}

fn a_shutdown_waits_for_a_callback_that_an_administrator_began(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Awaited", 1);
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let wait = Arc::clone(&gate);
    let setup = Setup::new(cluster, "awaited").subscribe("Awaited", "*");
    let ours = setup.answer(move |batch, _| match std::thread::current().name() {
        Some("rmq-work-direct") => wait.lock().map_or(Outcome::Later, |_| Outcome::Success),
        _ => {
            assert_eq!(batch.len(), 1);
            Outcome::Success
        }
    });
    let ours = ours.start();
    cluster.send("Awaited", 1).run();
    ours.record.wait_for(1, WITHIN);
    let id = offset_id(cluster, "Awaited");
    let client = ours.consumer.client_id().to_owned();
    std::thread::scope(|scope| {
        // The broker passes it on, whether or not an administrator's tool sent it.
        scope.spawn(move || {
            let fields = [
                ("consumerGroup", "awaited"),
                ("clientId", &client),
                ("msgId", &id),
                ("brokerName", "broker-a"),
                ("topic", "Awaited"),
            ];
            // Answered when the gate opens, if the test lasts that long.
            let _ = cluster.request(309, &fields, &[]);
        });
        wait_until("the direct call", WITHIN, || ours.record.count() == 2);
        let refused = ours.consumer.shutdown(Some(Duration::from_millis(300))).unwrap_err();
        // Workers that are about to end may be named too.
        assert!(refused.text().contains("rmq-work-direct"), "{}", refused.text());
        drop(closed);
        ours.stop();
    });
}

/// The id under which an administrator finds the first message of a topic.
fn offset_id(cluster: &Cluster, topic: &str) -> String {
    let printed = cluster.admin(&format!("queryMsgByOffset -t {topic} -b broker-a -i 0 -o 0"));
    let line = printed.lines().find_map(|line| line.strip_prefix("OffsetID:"));
    line.unwrap_or_else(|| panic!("no id in\n{printed}")).trim().to_owned()
}

fn a_cloned_group_goes_on_where_the_other_one_is(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Cloned", 2);
    cluster.send("Cloned", 20).run();
    let first = Setup::new(cluster, "clone-from").subscribe("Cloned", "*").start();
    first.record.wait_for(20, WITHIN);
    wait_until("the commit", WITHIN, || committed(cluster, "clone-from", "Cloned", 2) == 20);
    cluster.create_group("clone-to", 16);
    let printed = cluster.admin("cloneGroupOffset -s clone-from -d clone-to -t Cloned -o true");
    assert!(printed.contains("clone group offset success"), "{printed}");
    let second = Setup::new(cluster, "clone-to").subscribe("Cloned", "*").start();
    cluster.send("Cloned", 4).starting_at(20).run();
    second.record.wait_for(4, WITHIN);
    second.stop();
    assert_eq!(second.record.count(), 4, "what the other group has consumed is not consumed again");
}

fn the_route_names_brokers_and_queues(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Routed", 3);
    let ours = Setup::new(cluster, "routed").subscribe("Routed", "*").build();
    let refusal = |topic: &str| ours.consumer.route_json(topic).unwrap_err().text().to_owned();
    assert_eq!(refusal("Routed"), "route: the consumer is created; start it first");
    ours.consumer.start().unwrap();
    wait_until("the route", WITHIN, || ours.consumer.route_json("Routed").is_ok());
    let route: serde_json::Value =
        serde_json::from_str(&ours.consumer.route_json("Routed").unwrap()).unwrap();
    let wanted = serde_json::json!({
        "topic": "Routed",
        "brokers": [{ "broker": "broker-a", "addresses": { "0": cluster.broker().to_string() } }],
        "queues": (0..3).map(|id| serde_json::json!({ "broker": "broker-a", "queue_id": id })).collect::<Vec<_>>(),
    });
    assert_eq!(route, wanted);
    assert!(refusal("Elsewhere").contains("\"Elsewhere\": it has no route here"), "{}", refusal("Elsewhere"));
}

fn the_status_example_tells_all_of_it_as_json(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Example", 2);
    cluster.send("Example", 10).run();
    // Once for both brokers: a program cannot be written while it runs.
    static STATUS: LazyLock<PathBuf> = LazyLock::new(|| compile_example("status.c"));
    let command = &mut program(&*STATUS);
    let printed =
        run(command.args(["example", "Example", "10", "30"]).env("NAMESRV_ADDR", cluster.namesrv()));
    let told: BTreeMap<&str, serde_json::Value> = printed
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(title, json)| (title, serde_json::from_str(json).unwrap()))
        .collect();
    let subscription = &told["subscriptions"][1];
    assert_eq!((&subscription["topic"], &subscription["expression"]), (&"Example".into(), &"*".into()));
    assert_eq!(told["route"]["queues"].as_array().unwrap().len(), 2);
    assert_eq!(told["stats"]["totals"]["consumed"], 10);
    let assigned = told["assignment"].as_array().unwrap();
    assert_eq!(
        assigned.iter().filter(|queue| queue["topic"] == "Example" && queue["position"] == 5).count(),
        2
    );
}

/// Every name that `consumerStatus -i` prints: sections with their columns, properties, the members of a
/// queue's state, and how many columns a topic's rates have.
fn names(status: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut section = "";
    for line in status.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with('#') {
            section = if line.starts_with("#Topic") { section } else { line };
            names.insert(columns(line));
        } else if section.contains("Properties") {
            names.insert(line.split_once(" : ").or(line.split_once(": ")).unwrap().0.trim().to_owned());
        } else if section.contains("Detail") {
            let state = line.split_once('[').unwrap().1;
            names.extend(state.split(", ").map(|member| member.split('=').next().unwrap().to_owned()));
        } else if !section.contains("User Consume Info") {
            // Java has nothing to tell in that one; ours tells its counters.
            names.insert(format!("{section} of {} columns", line.split_whitespace().count()));
        }
    }
    assert!(names.len() > 60, "{names:?}\n{status}");
    names
}

/// A line by the kinds of its words: numbers and times are alike.
fn columns(line: &str) -> String {
    let kind = |word: &str| match word.chars().any(|c| c.is_ascii_digit()) {
        true => "0".to_owned(),
        false => word.replace("JAVA", "LANGUAGE").replace("RUST", "LANGUAGE"),
    };
    line.split_whitespace().map(kind).collect::<Vec<_>>().join(" ")
}

/// The numbers of a topic's line in the table of rates.
fn row<'a>(status: &'a str, topic: &str) -> Vec<&'a str> {
    let table = status.split("#Consumer RT&TPS#").nth(1).unwrap();
    let line = table.lines().find(|line| line.starts_with(&format!("{topic} ")));
    line.unwrap_or_else(|| panic!("{topic} is missing in\n{status}")).split_whitespace().skip(1).collect()
}

fn running_info(cluster: &Cluster, group: &str, client: &str) -> Json {
    let fields = [("consumerGroup", group), ("clientId", client), ("jstackEnable", "false")];
    let response = cluster.request(307, &fields, &[]).unwrap();
    assert_eq!(response.code, 0, "{}", response.remark);
    Json::parse(&response.body).unwrap()
}

/// The names at every level of a running info; queues and topics stand for each other.
fn keys(info: &Json) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    let names =
        |json: &Json| json.members().iter().filter_map(|(k, _)| Some(k.as_str()?.to_owned())).collect();
    keys.insert("body".to_owned(), names(info));
    keys.insert("properties".to_owned(), names(info.get("properties").unwrap()));
    for table in ["mqTable", "statusTable"] {
        let entries = info.get(table).unwrap().members();
        assert!(!entries.is_empty(), "{table} is empty");
        keys.insert(table.to_owned(), entries.iter().flat_map(|(_, v)| names(v)).collect());
    }
    let subscriptions = info.get("subscriptionSet").unwrap().elements();
    keys.insert("subscriptionSet".to_owned(), subscriptions.iter().flat_map(names).collect());
    keys
}
