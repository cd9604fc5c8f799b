//! Masters that die, move, or send their readers to a slave.

use rmq_mock::{MockCluster, Options, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{WITHIN, fill};

fn pair() -> MockCluster {
    let cluster = MockCluster::with(&Options { slaves: 1, ..Options::default() });
    cluster.create_topic("T", 1);
    cluster
}

fn start(cluster: &MockCluster) -> Member {
    Setup::new(cluster, "g").set("pollNameServerInterval", "200").subscribe("T", "*").start()
}

#[test]
fn a_slave_is_read_while_its_master_is_dead_and_takes_the_commits() {
    let cluster = pair();
    fill(&cluster, "T", 0, 10);
    let member = start(&cluster);
    member.record.wait_for(10, WITHIN);
    let (master, slave) = (cluster.broker(), cluster.slaves().remove(0));
    assert_eq!((master.id(), slave.id(), slave.name()), (0, 1, master.name()));
    wait_until("the commit at the master", WITHIN, || master.committed("g", "T", 0) == Some(10));
    master.kill();
    // What the master had, and the slave has copied.
    fill(&cluster, "T", 0, 10);
    member.record.wait_for(20, WITHIN);
    wait_until("the commit at the slave", WITHIN, || slave.committed("g", "T", 0) == Some(20));
    assert_eq!(master.committed("g", "T", 0), Some(10));
    master.restart();
    wait_until("the commit at the master", WITHIN, || master.committed("g", "T", 0) == Some(20));
    cluster.produce("T", 0, "after");
    member.record.wait_for(21, WITHIN);
    assert_eq!(member.record.count(), 21);
}

#[test]
fn a_reader_goes_where_its_broker_sends_it_and_commits_at_the_master() {
    let cluster = pair();
    let (master, slave) = (cluster.broker(), cluster.slaves().remove(0));
    master.suggest_broker(1);
    slave.suggest_broker(1);
    fill(&cluster, "T", 0, 1);
    let member = start(&cluster);
    member.record.wait_for(1, WITHIN);
    let from_slave = || member.record.logged(&format!("is read from {} now", slave.address()));
    wait_until("the change to the slave", WITHIN, || from_slave() >= 1);
    fill(&cluster, "T", 0, 5);
    member.record.wait_for(6, WITHIN);
    wait_until("the commit", WITHIN, || master.committed("g", "T", 0) == Some(6));
    assert_eq!(slave.committed("g", "T", 0), None);
}

#[test]
fn a_broker_that_came_back_at_another_address_is_found_by_its_route() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 3);
    let member = start(&cluster);
    member.record.wait_for(3, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(3));
    let before = cluster.broker().address();
    cluster.broker().restart_elsewhere();
    assert_ne!(cluster.broker().address(), before);
    fill(&cluster, "T", 0, 3);
    member.record.wait_for(6, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(6));
    assert_eq!(member.record.count(), 6);
}

#[test]
fn an_offset_that_is_moved_while_the_group_runs_is_followed() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 10);
    let member = Setup::new(&cluster, "g").set("pull.suspend.ms", "1000").subscribe("T", "*").start();
    member.record.wait_for(10, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    cluster.broker().reset_offset("g", "T", 0, 6);
    assert_eq!(cluster.committed("g", "T", 0), Some(6));
    member.record.wait_for(14, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    let again: Vec<i64> = member.record.deliveries()[10..].iter().map(|d| d.offset).collect();
    assert_eq!(again, [6, 7, 8, 9]);
    cluster.broker().reset_to_time("g", "T", 0);
    member.record.wait_for(24, WITHIN);
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(10));
    assert_eq!(cluster.requests(RequestCode::ResetConsumerClientOffset).len(), 0);
}
