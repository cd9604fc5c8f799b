//! One group, one client id, two consumers: the second is refused.

use std::time::{Duration, Instant};

use rmq::{ErrorKind, State};
use rmq_testbed::{Cluster, Version, wait_until};

use crate::member::Setup;

const WITHIN: Duration = Duration::from_secs(30);

on_both_versions! {
    a_second_consumer_with_the_same_client_id_is_refused_and_the_first_keeps_its_queues,
    a_second_consumer_that_does_not_wait_joins_when_the_first_has_left,
    a_successor_of_the_same_client_id_starts_as_soon_as_the_first_has_left,
}

fn a_second_consumer_with_the_same_client_id_is_refused_and_the_first_keeps_its_queues(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("Twins", 4);
    let setup = || Setup::new(cluster, "twins").set("instance.name", "same").subscribe("Twins", "*");
    let first = setup().start();
    wait_until("the first to own all", WITHIN, || first.queues("Twins").len() == 4);
    let second = setup().build();
    let begun = Instant::now();
    let error = second.consumer.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateClient);
    let wanted = format!("client id {} is in group twins already", first.consumer.client_id());
    assert!(error.text().contains(&wanted), "{error}");
    assert!(error.text().contains("instance.name"), "the remedy is told: {error}");
    assert!(begun.elapsed() >= Duration::from_secs(2) && begun.elapsed() < Duration::from_secs(6));
    assert_eq!(second.consumer.state(), State::Created);
    cluster.send("Twins", 40).run();
    first.record.wait_for(40, WITHIN);
    assert_eq!(second.record.count(), 0);
    // Other groups may have a member of the same client id.
    Setup::new(cluster, "twins-other").set("instance.name", "same").subscribe("Twins", "*").start().stop();
}

fn a_second_consumer_that_does_not_wait_joins_when_the_first_has_left(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("TwinsLater", 2);
    let setup =
        || Setup::new(cluster, "twins-later").set("instance.name", "same").subscribe("TwinsLater", "*");
    let first = setup().start();
    wait_until("the first to own all", WITHIN, || first.queues("TwinsLater").len() == 2);
    let second = setup().set("start.timeout.ms", "0").start();
    let told = || second.consumer.last_error().is_some_and(|e| e.kind() == ErrorKind::DuplicateClient);
    wait_until("the error to be reported", WITHIN, told);
    assert!(second.queues("TwinsLater").is_empty());
    assert_eq!(first.queues("TwinsLater").len(), 2);
    first.stop();
    wait_until("the second to own all", WITHIN, || second.queues("TwinsLater").len() == 2);
}

fn a_successor_of_the_same_client_id_starts_as_soon_as_the_first_has_left(version: Version) {
    let cluster = Cluster::shared(version);
    cluster.create_topic("TwinsNext", 2);
    let setup = || Setup::new(cluster, "twins-next").set("instance.name", "same").subscribe("TwinsNext", "*");
    let first = setup().start();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| setup().start());
        wait_until("the second to ask", WITHIN, || first.queues("TwinsNext").len() == 2);
        first.stop();
        let second = second.join().unwrap();
        wait_until("the second to own all", WITHIN, || second.queues("TwinsNext").len() == 2);
    });
}
