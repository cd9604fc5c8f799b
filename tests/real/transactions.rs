//! Messages of transactions: those of committed ones, and no others.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rmq_testbed::{Cluster, Version, wait_until};

use crate::delayed::cluster;
use crate::member::{Setup, committed};
use crate::support::{compile_example, program, run};

const WITHIN: Duration = Duration::from_secs(60);

on_both_versions! {
    of_a_thousand_committed_and_a_thousand_rolled_back_exactly_the_committed_arrive,
    an_open_transaction_comes_when_its_producer_commits_on_being_asked_and_never_when_it_refuses,
    a_message_of_a_transaction_is_what_java_shows,
    the_example_of_transactions_shows_them,
}

fn of_a_thousand_committed_and_a_thousand_rolled_back_exactly_the_committed_arrive(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Ledger", 4);
    let member = Setup::new(cluster, "ledger").subscribe("Ledger", "*").start();
    wait_until("its queues", WITHIN, || member.queues("Ledger").len() == 4);
    let sent = cluster.send("Ledger", 2000).tags(&["commit", "rollback"]).transactions().run();
    assert_eq!(sent.stored, 2000, "{sent:?}");
    // Behind them all, in every queue.
    cluster.send("Ledger", 4).keys("end").run();
    member.record.wait_for(1004, WITHIN);
    let end = || (0..4).map(|queue| cluster.max_offset("Ledger", queue)).sum::<i64>();
    wait_until("the commits", WITHIN, || committed(cluster, "ledger", "Ledger", 4) == end());
    member.stop();
    assert_eq!(end(), 1004, "no half message is in the topic");
    let keys = member.record.by_key();
    assert_eq!((member.record.count(), keys.len()), (1004, 1004));
    assert!((0..2000).step_by(2).all(|n| keys.contains_key(&format!("Ledger-{n}"))));
    assert!(member.record.deliveries().iter().all(|d| d.tag.as_deref() != Some("rollback")));
}

fn an_open_transaction_comes_when_its_producer_commits_on_being_asked_and_never_when_it_refuses(
    version: Version,
) {
    let cluster = cluster(version);
    cluster.create_topic("Open", 1);
    let member = Setup::new(cluster, "open").subscribe("Open", "*").start();
    wait_until("its queue", WITHIN, || member.queues("Open") == [0]);
    let sent = cluster.send("Open", 6).tags(&["refuse", "check"]).transactions().run();
    assert_eq!(sent.stored, 6, "{sent:?}");
    assert_eq!((member.record.count(), cluster.max_offset("Open", 0)), (0, 0), "half messages");
    wait_until("the committed ones", WITHIN, || member.record.by_key().len() == 3);
    member.stop();
    // 5.5.0 may ask, and deliver, twice.
    let times =
        |delivery: &crate::member::Delivery| delivery.property("TRANSACTION_CHECK_TIMES").map(str::to_owned);
    for delivery in member.record.deliveries() {
        assert_eq!((delivery.tag.as_deref(), delivery.topic.as_str()), (Some("check"), "Open"));
        assert!(times(&delivery).is_some_and(|times| times != "0"), "{delivery:?}");
    }
}

fn a_message_of_a_transaction_is_what_java_shows(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Booked", 1);
    let java = cluster.java_consumer("booked-java", "Booked").start();
    let ids = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&ids);
    let member = Setup::new(cluster, "booked")
        .subscribe("Booked", "commit")
        .answer(move |batch, _| {
            let message = batch.message(0).unwrap();
            let transaction = message.transaction_id().map(str::to_owned);
            seen.lock().unwrap().push((
                transaction,
                message.message_id().to_owned(),
                message.sys_flag() & 0xc,
            ));
            rmq::Outcome::Success
        })
        .start();
    cluster.send("Booked", 4).tags(&["commit", "rollback"]).property("color", "red").transactions().run();
    member.record.wait_for(2, WITHIN);
    java.wait_for(2, WITHIN);
    member.stop();
    for (transaction, id, flag) in ids.lock().unwrap().iter() {
        assert_eq!((transaction.as_ref(), *flag), (Some(id), 0x8), "committed");
    }
    let deliveries = member.record.deliveries();
    assert!(deliveries.iter().all(|d| d.topic == "Booked" && d.property("color") == Some("red")));
    assert!(
        deliveries.iter().all(|d| d.property("PGROUP").is_some() && d.property("TRAN_MSG") == Some("true"))
    );
    let mut theirs: Vec<_> = java.deliveries().into_iter().map(|d| (d.topic, d.msg_id, d.keys)).collect();
    let mut ours: Vec<_> = deliveries
        .iter()
        .map(|d| (d.topic.clone(), d.property("UNIQ_KEY").unwrap().to_owned(), d.key.clone().unwrap()))
        .collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
}

fn the_example_of_transactions_shows_them(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Payments", 1);
    cluster.send("Payments", 4).tags(&["commit", "rollback"]).transactions().run();
    cluster.send("Payments", 1).keys("plain").run();
    static TRANSACTIONAL: LazyLock<PathBuf> = LazyLock::new(|| compile_example("transactional"));
    let mut command = program(&*TRANSACTIONAL);
    let printed = run(command.args(["payments", "Payments", "3"]).env("NAMESRV_ADDR", cluster.namesrv()));
    for key in ["Payments-0", "Payments-2"] {
        assert!(printed.contains(&format!("Payments {key} transaction ")), "{printed}");
    }
    assert_eq!(
        printed.matches(" of driver-producer-tx-tag, its producer was asked 0 times\n").count(),
        2,
        "{printed}"
    );
    assert!(printed.contains("Payments plain-0 no transaction\n"), "{printed}");
    assert!(printed.ends_with("\n3 messages\n"), "{printed}");
}
