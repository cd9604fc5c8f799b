//! What a broadcasting consumer says to brokers, and what it leaves unsaid.

use std::path::Path;
use std::time::Duration;

use rmq::protocol::command::{Heartbeat, MessageModel};
use rmq::{ErrorKind, EventKind};
use rmq_mock::{MockCluster, RequestCode};
use rmq_testbed::{temp_dir, wait_until};

use crate::member::Setup;
use crate::tools::{WITHIN, fill};

fn broadcasting(cluster: &MockCluster, store: &Path) -> Setup {
    Setup::new(cluster, "g")
        .set("message.model", "broadcasting")
        .set("offset.store.path", store.to_str().unwrap())
        .set("client.ip", "10.0.0.1")
        .set("offset.persist.interval.ms", "100")
        .subscribe("T", "*")
}

#[test]
fn it_is_known_as_broadcasting_and_asks_for_no_locks_or_offsets() {
    let (cluster, store) = (MockCluster::start(), temp_dir("mock-broadcast"));
    cluster.create_topic("T", 3);
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    fill(&cluster, "T", 0, 5);
    let member = broadcasting(&cluster, store.path()).start();
    assert_eq!(member.consumer.client_id(), "10.0.0.1@DEFAULT");
    member.record.wait_for(5, WITHIN);
    wait_until("every queue", WITHIN, || member.queues("T") == [0, 1, 2]);
    member.stop();
    let beat = cluster.requests(RequestCode::HeartBeat)[0].read::<Heartbeat>().unwrap();
    assert_eq!(beat.consumers[0].message_model, MessageModel::Broadcasting);
    let topics: Vec<&str> = beat.consumers[0].subscriptions.iter().map(|s| s.topic.as_str()).collect();
    assert_eq!(topics, ["T"], "no retry topic");
    for unsaid in [
        RequestCode::LockBatchMq,
        RequestCode::UnlockBatchMq,
        RequestCode::QueryConsumerOffset,
        RequestCode::UpdateConsumerOffset,
    ] {
        assert!(cluster.requests(unsaid).is_empty(), "{unsaid:?}");
    }
    assert!(store.path().join("10.0.0.1@DEFAULT/g/offsets.json").exists());
}

#[test]
fn a_polled_message_that_is_not_settled_is_told_but_at_the_stop_it_is_kept_for_the_next_start() {
    let (cluster, store) = (MockCluster::start(), temp_dir("mock-broadcast"));
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    let file = store.path().join("10.0.0.1@DEFAULT/g/offsets.json");
    let holds = |offset: &str| {
        std::fs::read_to_string(&file).unwrap_or_default().contains(&format!("\"topic\":\"T\"}}:{offset}}}"))
    };
    let member = broadcasting(&cluster, store.path()).polling().start();
    let batch = member.consumer.poll(2, Some(WITHIN)).unwrap();
    batch.ack_at(0).unwrap();
    drop(batch);
    wait_until("the file to pass it", WITHIN, || holds("2"));
    wait_until("the warning", WITHIN, || member.record.events(EventKind::Warning).len() == 1);
    assert_eq!(member.record.events(EventKind::Warning)[0]["queue_offset"], 1);
    let kept = member.consumer.poll(3, Some(WITHIN)).unwrap();
    kept.ack_at(0).unwrap();
    member.consumer.shutdown(Some(Duration::from_millis(50))).unwrap_err();
    drop(kept);
    member.stop();
    assert!(holds("3"), "{}", std::fs::read_to_string(&file).unwrap());
    assert!(cluster.requests(RequestCode::ConsumerSendMsgBack).is_empty());
    assert_eq!(member.record.events(EventKind::Warning).len(), 1);
}

#[test]
fn a_full_disk_holds_nothing_up_is_told_once_and_the_offsets_are_saved_when_there_is_room() {
    let (cluster, store) = (MockCluster::start(), temp_dir("mock-broadcast"));
    cluster.create_topic("T", 1);
    let file = store.path().join("10.0.0.1@DEFAULT/g/offsets.json");
    let saved = || std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    // What is written first is written nowhere: the disk has room for no byte.
    let new = file.with_extension("json.tmp");
    std::os::unix::fs::symlink("/dev/full", &new).unwrap();
    let member = broadcasting(&cluster, store.path()).start();
    let errors = || member.record.events(EventKind::Error);
    fill(&cluster, "T", 0, 5);
    wait_until("the report", WITHIN, || !errors().is_empty());
    for round in 2..6 {
        fill(&cluster, "T", 0, 5);
        member.record.wait_for(round * 5, WITHIN);
    }
    assert_eq!((errors().len(), saved()), (1, String::new()));
    assert_eq!(errors()[0]["code"], ErrorKind::Io.number());
    assert!(errors()[0]["text"].as_str().unwrap().contains("No space left on device"), "{:?}", errors());
    std::fs::remove_file(&new).unwrap();
    wait_until("the offsets to be saved", WITHIN, || saved().contains("\"topic\":\"T\"}:25}"));
    member.stop();
    assert_eq!((errors().len(), member.record.count()), (1, 25));
}
