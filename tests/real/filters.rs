//! Selecting by SQL92 and by a regular expression of the client.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rmq::{Consumer, ErrorKind, MessageSelector};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::{Member, Setup, committed};
use crate::support::{both, compile_example, end, program};

const WITHIN: Duration = Duration::from_secs(30);

on_both_versions! {
    sql_conditions_select_by_properties,
    a_condition_the_broker_cannot_read_fails_the_start_and_disturbs_nobody,
    a_condition_on_a_running_consumer_is_checked_and_takes_effect_at_once,
    a_condition_for_a_topic_that_does_not_exist_yet_is_checked_when_it_appears,
    a_broker_without_sql_is_told_at_start_and_on_a_running_consumer,
    a_java_member_and_ours_share_a_topic_by_sql,
    regular_expressions_filter_by_tag_keys_and_property_and_acknowledge_the_rest,
    the_example_of_selectors_chooses_by_condition_keys_and_pattern,
}

/// Messages with property `price` 1 to `count`, keys `<topic>-<price>-0`.
fn send_prices(cluster: &Cluster, topic: &str, count: u32) {
    for price in 1..=count {
        let price = price.to_string();
        cluster.send(topic, 1).keys(&format!("{topic}-{price}")).property("price", &price).run();
    }
}

/// The prices that were delivered, sorted.
fn prices(member: &Member) -> Vec<i32> {
    let deliveries = member.record.deliveries();
    let mut prices: Vec<i32> =
        deliveries.iter().map(|d| d.property("price").unwrap().parse().unwrap()).collect();
    prices.sort_unstable();
    prices
}

fn sql(consumer: &Consumer, topic: &str, condition: &str) -> rmq::Result<()> {
    consumer.subscribe_selector(topic, &MessageSelector::by_sql(condition))
}

fn broker_code(error: &rmq::Error) -> i32 {
    let ErrorKind::Broker(code) = error.kind() else { panic!("not a broker's refusal: {error}") };
    code.into()
}

fn sql_conditions_select_by_properties(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Sql", 4);
    send_prices(cluster, "Sql", 8);
    let member = Setup::new(cluster, "sql").build();
    sql(&member.consumer, "Sql", "price > 2 AND price <= 5").unwrap();
    member.consumer.start().unwrap();
    member.record.wait_for(3, WITHIN);
    wait_until("what the broker filters to be committed too", WITHIN, || {
        committed(cluster, "sql", "Sql", 4) == 8
    });
    assert_eq!(prices(&member), [3, 4, 5]);
    let connection = cluster.admin("consumerConnection -g sql");
    assert!(connection.contains("price > 2 AND price <= 5"), "{connection}");
}

fn a_condition_the_broker_cannot_read_fails_the_start_and_disturbs_nobody(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("BadSql", 2);
    let running = Setup::new(cluster, "bad-sql").build();
    sql(&running.consumer, "BadSql", "price > 2").unwrap();
    running.consumer.start().unwrap();
    let bad = Setup::new(cluster, "bad-sql").build();
    sql(&bad.consumer, "BadSql", "price > > 2").unwrap();
    let begun = Instant::now();
    let error = bad.consumer.start().unwrap_err();
    assert_eq!(broker_code(&error), 23, "{error}");
    assert!(error.text().contains("SQL92 \"price > > 2\" for topic BadSql"), "{error}");
    assert!(error.remark().unwrap().contains("Encountered"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "not tried again: {:?}", begun.elapsed());
    send_prices(cluster, "BadSql", 4);
    running.record.wait_for(2, WITHIN);
    assert_eq!(running.record.logged("FILTER_DATA"), 0);
    // Once it is right, it starts.
    sql(&bad.consumer, "BadSql", "price > 2").unwrap();
    bad.consumer.start().unwrap();
}

fn a_condition_on_a_running_consumer_is_checked_and_takes_effect_at_once(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("RunSql", 2);
    cluster.create_topic("RunTag", 2);
    let member = Setup::new(cluster, "run-sql").subscribe("RunTag", "*").start();
    let consumer = &member.consumer;
    sql(consumer, "RunSql", "price = 1").unwrap();
    wait_until("the queues", WITHIN, || member.queues("RunSql").len() == 2);
    send_prices(cluster, "RunSql", 2);
    member.record.wait_for(1, WITHIN);
    assert_eq!(prices(&member), [1]);
    let before = consumer.subscriptions_json();
    let error = sql(consumer, "RunSql", "price = = 2").unwrap_err();
    assert_eq!(broker_code(&error), 23, "{error}");
    assert_eq!(consumer.subscriptions_json(), before, "a refusal changes nothing");
    // Pulls that wait at the broker have the old filter; the new one counts for what comes now.
    wait_until("all to be committed", WITHIN, || committed(cluster, "run-sql", "RunSql", 2) == 2);
    sql(consumer, "RunSql", "price = 2").unwrap();
    let begun = Instant::now();
    wait_until("a message by the new condition", WITHIN, || {
        send_prices(cluster, "RunSql", 2);
        prices(&member).contains(&2)
    });
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Back to tags.
    consumer.subscribe("RunSql", "A").unwrap();
    wait_until("a message by tag", WITHIN, || {
        cluster.send("RunSql", 2).tags(&["A", "B"]).run();
        member.record.deliveries().iter().any(|d| d.tag.as_deref() == Some("A"))
    });
    assert!(member.record.deliveries().iter().all(|d| d.tag.as_deref() != Some("B")));
    consumer.unsubscribe("RunSql").unwrap();
    wait_until("RunSql to be given up", WITHIN, || member.has_given_up("RunSql"));
}

fn a_condition_for_a_topic_that_does_not_exist_yet_is_checked_when_it_appears(version: Version) {
    let cluster = Cluster::shared(version);
    let member = Setup::new(cluster, "late-sql").build();
    sql(&member.consumer, "LateSql", "price = 2").unwrap();
    sql(&member.consumer, "LateBad", "price = = 2").unwrap();
    member.consumer.start().unwrap();
    cluster.create_topic("LateSql", 2);
    cluster.create_topic("LateBad", 2);
    send_prices(cluster, "LateSql", 3);
    member.record.wait_for(1, WITHIN);
    wait_until("the refusal", WITHIN, || {
        member.record.logged("SQL92 \"price = = 2\" for topic LateBad: CHECK_CLIENT_CONFIG") == 1
    });
    assert_eq!(prices(&member), [2]);
}

fn a_broker_without_sql_is_told_at_start_and_on_a_running_consumer(version: Version) {
    let cluster = Cluster::builder(version).broker_property("enablePropertyFilter", "false").start();
    cluster.create_topic("NoSql", 2);
    // The first messages of a new broker may fail while it makes its files.
    let send = || usize::try_from(cluster.send("NoSql", 3).run().stored).unwrap();
    let first = send();
    let member = Setup::new(&cluster, "no-sql").build();
    sql(&member.consumer, "NoSql", "price > 2").unwrap();
    let refused = |error: rmq::Error| {
        assert_eq!(broker_code(&error), 1, "{error}");
        assert_eq!(error.remark(), Some("The broker does not support consumer to filter message by SQL92"));
        assert!(error.text().contains("enablePropertyFilter=true"), "{error}");
    };
    let begun = Instant::now();
    refused(member.consumer.start().unwrap_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "not tried again: {:?}", begun.elapsed());
    // A pattern takes every topic but RocketMQ's own, here among all that a new cluster has.
    member.consumer.unsubscribe("NoSql").unwrap();
    member.consumer.subscribe_pattern(".*", &MessageSelector::by_sql("price > 2")).unwrap();
    refused(member.consumer.start().unwrap_err());
    member.consumer.subscribe_pattern(".*", &MessageSelector::by_tag("*")).unwrap();
    member.consumer.start().unwrap();
    let mut topics: Vec<String> = crate::patterns::topics(&member);
    topics.retain(|topic| topic != "TESTBED_REGISTRATION");
    assert_eq!(topics, ["NoSql"]);
    member.record.wait_for(first, WITHIN);
    refused(sql(&member.consumer, "NoSql", "price > 2").unwrap_err());
    let second = send();
    assert_eq!(second, 3);
    member.record.wait_for(first + second, WITHIN);
}

fn a_java_member_and_ours_share_a_topic_by_sql(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("SqlShared", 4);
    let java = cluster.java_consumer("sql-shared", "SqlShared").option("sql", "price > 5").start();
    let ours = Setup::new(cluster, "sql-shared").build();
    sql(&ours.consumer, "SqlShared", "price > 5").unwrap();
    ours.consumer.start().unwrap();
    wait_until("two queues each", WITHIN, || {
        let java = java.queues().iter().filter(|queue| queue.topic == "SqlShared").count();
        java == 2 && ours.queues("SqlShared").len() == 2
    });
    for price in ["5", "6"] {
        cluster.send("SqlShared", 8).keys(price).property("price", price).run();
    }
    wait_until("8 in both", WITHIN, || java.count() + ours.record.count() as u64 == 8);
    assert_eq!((java.count(), ours.record.count()), (4, 4));
    assert!(prices(&ours).iter().all(|price| *price == 6));
    assert_eq!(ours.record.logged("subscribe differently"), 0);
}

fn regular_expressions_filter_by_tag_keys_and_property_and_acknowledge_the_rest(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Regex", 4);
    let member = Setup::new(cluster, "regex").subscribe("Regex", "*").start();
    let consumer = &member.consumer;
    let mut sent = 0;
    let mut expect = |field: &str, regex: &str, send: &dyn Fn(), count: u32, passed: usize| {
        // The pulls that wait at the broker are filtered by what holds when their messages come.
        consumer.filter_regex("Regex", field, regex).unwrap();
        let (before, filtered) = (member.record.count(), member.total("filtered"));
        send();
        sent += i64::from(count);
        wait_until("all to be committed", WITHIN, || committed(cluster, "regex", "Regex", 4) == sent);
        assert_eq!(member.record.count() - before, passed, "{field} {regex}");
        assert_eq!(member.total("filtered") - filtered, u64::from(count) - passed as u64);
        consumer.filter_regex("Regex", field, "").unwrap();
    };
    let tags = || _ = cluster.send("Regex", 40).tags(&["paid", "unpaid", "new", "x-paid"]).run();
    expect("tag", "^paid|^new$", &tags, 40, 20);
    let keys = || _ = cluster.send("Regex", 12).keys("order").run();
    expect("keys", "^order-1[01]?$", &keys, 12, 3);
    expect("keys", "^other", &keys, 12, 0);
    let colours = || {
        cluster.send("Regex", 4).property("colour", "dark blue").run();
        cluster.send("Regex", 4).property("colour", "red").run();
        cluster.send("Regex", 4).run();
    };
    expect("property:colour", "(?i)BLUE", &colours, 12, 4);
    expect("property:colour", "", &colours, 12, 12);
}

fn the_example_of_selectors_chooses_by_condition_keys_and_pattern(version: Version) {
    let cluster = Cluster::shared(version);
    static SELECTORS: LazyLock<PathBuf> = LazyLock::new(|| compile_example("selectors.c"));
    for topic in ["Goods", "Goods-eu"] {
        cluster.create_topic(topic, 2);
        for keys in ["order", "other"] {
            cluster.send(topic, 2).keys(keys).property("price", "11").run();
            cluster.send(topic, 2).keys(keys).property("price", "9").run();
        }
    }
    let run = |condition: &str| {
        let mut command = program(&*SELECTORS);
        command.env("NAMESRV_ADDR", cluster.namesrv());
        end(command.args(["goods", "Goods", condition, "^order-", "10", "30"]))
    };
    let refused = run("price > > 10");
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    assert!(both(&refused).contains("SQL92 \"price > > 10\" for topic Goods"), "{}", both(&refused));
    let output = run("price > 10");
    assert!(output.status.success(), "{}", both(&output));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = |topic: &str| printed.lines().filter(|line| line.starts_with(topic)).collect::<Vec<_>>();
    assert_eq!((lines("Goods key").len(), lines("Goods-eu key").len()), (2, 8), "{printed}");
    assert!(lines("Goods key").iter().all(|line| line.contains("key order-") && line.ends_with("price 11")));
    assert!(printed.contains("\"pattern\":\"Goods-.*\""), "{printed}");
}
