//! What a broadcasting consumer says to brokers, and what it leaves unsaid.

use rmq::protocol::command::{Heartbeat, MessageModel};
use rmq_mock::{MockCluster, RequestCode};
use rmq_testbed::{temp_dir, wait_until};

use crate::member::Setup;
use crate::tools::{WITHIN, fill};

#[test]
fn it_is_known_as_broadcasting_and_asks_for_no_members_locks_or_offsets() {
    let (cluster, store) = (MockCluster::start(), temp_dir("mock-broadcast"));
    cluster.create_topic("T", 3);
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    fill(&cluster, "T", 0, 5);
    let member = Setup::new(&cluster, "g")
        .set("message.model", "broadcasting")
        .set("offset.store.path", store.path().to_str().unwrap())
        .set("client.ip", "10.0.0.1")
        .subscribe("T", "*")
        .start();
    assert_eq!(member.consumer.client_id(), "10.0.0.1@DEFAULT");
    member.record.wait_for(5, WITHIN);
    wait_until("every queue", WITHIN, || member.queues("T") == [0, 1, 2]);
    member.stop();
    let beat = cluster.requests(RequestCode::HeartBeat)[0].read::<Heartbeat>().unwrap();
    assert_eq!(beat.consumers[0].message_model, MessageModel::Broadcasting);
    let topics: Vec<&str> = beat.consumers[0].subscriptions.iter().map(|s| s.topic.as_str()).collect();
    assert_eq!(topics, ["T"], "no retry topic");
    for unsaid in [
        RequestCode::GetConsumerListByGroup,
        RequestCode::LockBatchMq,
        RequestCode::UnlockBatchMq,
        RequestCode::QueryConsumerOffset,
        RequestCode::UpdateConsumerOffset,
    ] {
        assert!(cluster.requests(unsaid).is_empty(), "{unsaid:?}");
    }
    assert!(store.path().join("10.0.0.1@DEFAULT/g/offsets.json").exists());
}
