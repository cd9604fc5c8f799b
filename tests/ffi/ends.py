"""Ways in which a Python program ends that consumes: ends.py HOW NAMESRV GROUP TOPIC

Each takes a batch of ten at most and acknowledges its first message only, so that the others must come again.
"""

import signal
import sys
import threading
import time

import rmq


def new_consumer():
    namesrv, group, topic = sys.argv[2:]
    consumer = rmq.Consumer({"namesrv.addr": namesrv, "consumer.group": group, "consume.from": "first_offset"})
    consumer.batch_size = 10
    consumer.subscribe(topic)
    consumer.start()
    return consumer


def first(consumer):
    batch = consumer.poll(30)
    assert batch is not None and batch.unsettled == len(batch) > 1
    batch[0].ack()
    assert batch.unsettled == len(batch) - 1
    return batch


def read_all(consumer):
    try:
        for batch in consumer:
            for message in batch:
                message.body
    except ValueError:
        pass  # closed while it was read


def leaves_the_block():
    with new_consumer() as consumer:
        batch = first(consumer)
        view, body = batch[1].body_view(), batch[1].body
    assert bytes(view) == body  # of a copy and of the batch's own memory, which outlives the consumer
    for call in (lambda: batch[1].body, batch.ack, lambda: len(consumer.stats())):
        try:
            call()
        except (ValueError, rmq.Error):
            continue
        raise AssertionError("what is closed still answers")


def exits_while_running():
    consumer = new_consumer()
    for _ in range(2):
        threading.Thread(target=read_all, args=[consumer], daemon=True).start()
    global kept  # alive when the interpreter ends
    kept = first(consumer)
    sys.exit(0)


def is_interrupted_anywhere():
    """A KeyboardInterrupt comes anywhere, and nobody handles it: the block is left soon, and nothing is lost."""
    began = None
    # A shell that starts the tests in its background lets them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with new_consumer() as consumer:
            # A real signal, for the thread that a terminal's comes to: it ends a wait, too.
            main, number = threading.main_thread().ident, signal.SIGINT
            threading.Timer(0.05, signal.pthread_kill, [main, number]).start()
            for batch in consumer:
                for message in batch:
                    began = time.monotonic()
                    place = f"{message.queue_id} {message.queue_offset} {message.tags} {message.keys} "
                    print(place + bytes(message.body_view()).decode(), flush=True)
                batch.ack()
    except KeyboardInterrupt:
        assert began is None or time.monotonic() - began < 5
        return
    raise AssertionError("no KeyboardInterrupt")


globals()[sys.argv[1]]()
