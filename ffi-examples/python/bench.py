#!/usr/bin/env python3
"""Measures: bench.py NAMESRV GROUP TOPIC COUNT

Prints a line of JSON: the seconds from the first message to the last, and how long as many take in a loop that reads
one batch over and over, which is as fast as the calls of the library can be made from Python.
"""

import json
import sys
import time

import rmq


def handle(batch):
    touched = 0
    for message in batch:
        touched += message.queue_offset + message.body_len
    return touched


def loop(batch, count):
    begun = time.perf_counter()
    for _ in range(0, count, len(batch)):
        batch._views = None  # so that it is read again
        handle(batch)
    return time.perf_counter() - begun


def main(namesrv, group, topic, count):
    properties = {"namesrv.addr": namesrv, "consumer.group": group, "consume.from": "first_offset"}
    seen, begun = 0, None
    with rmq.Consumer(properties) as consumer:
        consumer.subscribe(topic)
        consumer.start()
        while seen < count:
            batch = consumer.poll(None)
            begun = begun or time.perf_counter()
            handle(batch)
            batch.ack()
            seen += len(batch)
        seconds = time.perf_counter() - begun
        loop_seconds = loop(batch, seen)
    print(json.dumps(
        {"language": "python", "messages": seen, "seconds": seconds, "loop_seconds": loop_seconds}))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print("usage: bench NAMESRV GROUP TOPIC COUNT", file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:4], int(sys.argv[4]))
