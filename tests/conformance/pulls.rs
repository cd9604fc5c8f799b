//! Pulls: what is answered, refused, filtered and held.

use std::time::Duration;

use rmq::protocol::command::PullMessage;

use super::scene::{NEVER, Scene, code, messages, pulled};
use super::{Scenario, differs, same};

pub const TABLE: &[Scenario] = &[
    same(
        "a pull of messages that are there",
        of_messages,
        "0 next 3 of 0..3 broker 0 0:m0 1:m1 2:m2; 0 next 2 of 0..3 broker 0 0:m0 1:m1",
    ),
    same("a pull of more messages than one answer has", of_many, "0 nextBeginOffset=32"),
    same(
        "a pull that limits the bytes",
        of_few_bytes,
        "0 nextBeginOffset=3; 0 nextBeginOffset=3; 0 nextBeginOffset=3",
    ),
    same("a pull at the end that is not held", at_the_end, "19 next 3 of 0..3 broker 0"),
    same(
        "a held pull that a message answers",
        held_until_a_message,
        "false; true; 0 next 2 of 0..2 broker 0 1:m1",
    ),
    same("a held pull that runs out", held_in_vain, "false; 19 next 1 of 0..1 broker 0"),
    same(
        "a held pull that only the wanted tag answers",
        held_for_a_tag,
        "false; 0 next 3 of 0..3 broker 0 2:m2",
    ),
    same("a held pull whose topic's subscription changes", held_while_the_subscription_changes, "false; 1"),
    same("a pull behind the end", behind_the_end, "21 next 3 of 0..3 broker 0; 21 next 3 of 0..3 broker 0"),
    same("a pull before the beginning", before_the_beginning, "21 next 0 of 0..3 broker 0"),
    same(
        "a pull from an empty queue",
        from_an_empty_queue,
        "19 next 0 of 0..0 broker 0; 21 next 0 of 0..0 broker 0; 21 next 0 of 0..0 broker 0",
    ),
    same(
        "a pull of tags that the group subscribes to",
        of_tags,
        "0 next 4 of 0..4 broker 0 0:m0 2:m2; 0 next 1 of 0..4 broker 0 0:m0",
    ),
    same(
        "a pull of which nothing matches",
        of_nothing_that_matches,
        "20 next 2 of 0..2 broker 0; 20 next 2 of 0..2 broker 0",
    ),
    same(
        "a pull that brings its tags along",
        with_its_own_tags,
        "0 next 3 of 0..3 broker 0 0:m0 2:m2; 0 next 3 of 0..3 broker 0 0:m0 1:m1 2:m2; 0 next 3 of 0..3 broker 0 0:m0 1:m1 2:m2; 0 next 3 of 0..3 broker 0 0:m0",
    ),
    same("a pull without a heartbeat", without_heartbeat, "24"),
    same(
        "a pull on another connection than the heartbeat",
        on_another_connection,
        "0 next 1 of 0..1 broker 0 0:m0",
    ),
    same("a pull of a topic that the group has not subscribed to", not_subscribed, "0; 24"),
    same(
        "a pull by a subscription that is newer, the same, and older than the heartbeat's",
        versions,
        "25; 0; 0",
    ),
    differs(
        "a pull of a topic and a queue that are not there",
        of_nothing,
        "17; 29",
        "17; 1",
        "4.9.7 says SYSTEM_ERROR of a wrong queue",
    ),
];

fn of_messages(scene: &mut Scene<'_>) {
    scene.filled(&["A", "A", "A"]);
    let mut client = scene.member("c1");
    scene.saw(pulled(&client.ask(&scene.pull(0))));
    scene.saw(pulled(&client.ask(&PullMessage { max_messages: 2, ..scene.pull(0) })));
}

fn of_many(scene: &mut Scene<'_>) {
    scene.filled(&["A"; 40]);
    let mut client = scene.member("c1");
    let answer = client.ask(&PullMessage { max_messages: 100, ..scene.pull(0) });
    scene.saw(super::scene::fields(&answer, &["nextBeginOffset"]));
}

fn of_few_bytes(scene: &mut Scene<'_>) {
    scene.topic(1);
    for letter in ["a", "b", "c"] {
        scene.stored(&letter.repeat(1000), "A");
    }
    let mut client = scene.member("c1");
    for max_bytes in [10, 1500, 2600] {
        let answer = client.ask(&PullMessage { max_bytes: Some(max_bytes), ..scene.pull(0) });
        scene.saw(super::scene::fields(&answer, &["nextBeginOffset"]));
    }
}

fn at_the_end(scene: &mut Scene<'_>) {
    scene.filled(&["A", "A", "A"]);
    let mut client = scene.member("c1");
    scene.saw(pulled(&client.ask(&scene.pull(3))));
}

fn held_until_a_message(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut client = scene.member("c1");
    let held = client.send(&scene.held_pull(1, 20_000));
    scene.saw(client.is_answered(held, NEVER));
    scene.stored("m1", "A");
    scene.saw(client.is_answered(held, Duration::from_secs(4)));
    scene.saw(pulled(&client.response(held)));
}

fn held_in_vain(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut client = scene.member("c1");
    let held = client.send(&scene.held_pull(1, 1000));
    scene.saw(client.is_answered(held, NEVER));
    scene.saw(pulled(&client.response(held)));
}

fn held_for_a_tag(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut client = scene.member_for("c1", "A");
    let held = client.send(&scene.held_pull(1, 20_000));
    scene.saw(client.is_answered(held, NEVER));
    scene.stored("m1", "B");
    scene.stored("m2", "A");
    let mut answer = client.response(held);
    // A real broker looks at all held pulls every 5 s, without their tags.
    while code(&answer) == "20" {
        answer = client.ask(&scene.held_pull(2, 20_000));
    }
    scene.saw(pulled(&answer));
}

fn held_while_the_subscription_changes(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut client = scene.member_for("c1", "A");
    let held = client.send(&PullMessage { sub_version: 1000, ..scene.held_pull(1, 20_000) });
    scene.saw(client.is_answered(held, NEVER));
    client.ask(&scene.beat("c1", "B", 2000));
    scene.stored("m1", "B");
    scene.stored("m2", "A");
    // Woken by the old tag (or by the look every 5 s), answered by the new one.
    let bodies = messages(&client.response(held));
    for message in bodies {
        scene.saw(message.queue_offset());
    }
}

fn behind_the_end(scene: &mut Scene<'_>) {
    scene.filled(&["A", "A", "A"]);
    let mut client = scene.member("c1");
    scene.saw(pulled(&client.ask(&scene.pull(10))));
    scene.saw(pulled(&client.ask(&scene.held_pull(10, 20_000))));
}

fn before_the_beginning(scene: &mut Scene<'_>) {
    scene.filled(&["A", "A", "A"]);
    let mut client = scene.member("c1");
    scene.saw(pulled(&client.ask(&scene.pull(-1))));
}

fn from_an_empty_queue(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut client = scene.member("c1");
    for offset in [0, 5, -1] {
        scene.saw(pulled(&client.ask(&scene.pull(offset))));
    }
}

fn of_tags(scene: &mut Scene<'_>) {
    scene.filled(&["A", "B", "C", "B"]);
    let mut client = scene.member_for("c1", "A || C");
    scene.saw(pulled(&client.ask(&scene.pull(0))));
    scene.saw(pulled(&client.ask(&PullMessage { max_messages: 1, ..scene.pull(0) })));
}

fn of_nothing_that_matches(scene: &mut Scene<'_>) {
    scene.filled(&["B", "B"]);
    let mut client = scene.member_for("c1", "A");
    scene.saw(pulled(&client.ask(&scene.pull(0))));
    scene.saw(pulled(&client.ask(&scene.held_pull(0, 20_000))));
}

fn with_its_own_tags(scene: &mut Scene<'_>) {
    scene.filled(&["A", "B", "C"]);
    let mut client = scene.to_broker();
    for expression in ["A || C", "*", ""] {
        let subscription = Some(expression.to_owned());
        scene.saw(pulled(&client.ask(&PullMessage { sys_flag: 4, subscription, ..scene.pull(0) })));
    }
    let mut member = scene.member_for("c1", "B");
    let subscription = Some("A".to_owned());
    scene.saw(pulled(&member.ask(&PullMessage { sys_flag: 4, subscription, ..scene.pull(0) })));
}

fn without_heartbeat(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    scene.saw(pulled(&scene.to_broker().ask(&scene.pull(0))));
}

fn on_another_connection(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let _member = scene.member("c1");
    scene.saw(pulled(&scene.to_broker().ask(&scene.pull(0))));
}

fn not_subscribed(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut beat = scene.beat("c1", "*", 1000);
    beat.consumers[0].subscriptions[0].topic = format!("{}-other", scene.topic);
    let mut client = scene.to_broker();
    scene.saw(code(&client.ask(&beat)));
    scene.saw(pulled(&client.ask(&scene.pull(0))));
}

fn versions(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut client = scene.member("c1");
    for sub_version in [1001, 1000, 999] {
        scene.saw(code(&client.ask(&PullMessage { sub_version, ..scene.pull(0) })));
    }
}

fn of_nothing(scene: &mut Scene<'_>) {
    let mut client = scene.member("c1");
    scene.saw(pulled(&client.ask(&scene.pull(0))));
    scene.topic(1);
    scene.saw(pulled(&client.ask(&PullMessage { queue_id: 7, ..scene.pull(0) })));
}
