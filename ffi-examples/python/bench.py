#!/usr/bin/env python3
"""Measures: bench.py [--async] NAMESRV GROUP TOPIC COUNT

Prints a line of JSON: the seconds from the first message to the last, and how long as many take in a loop that reads
one batch over and over, which is as fast as the calls of the library can be made from Python.
"""

import asyncio
import json
import sys
import time

import rmq


def handle(batch):
    touched = 0
    for message in batch:
        touched += message.queue_offset + message.body_len
    return touched


class Bench:
    def __init__(self, language, count):
        self.report = {"language": language, "messages": 0}
        self.count, self.begun = count, None

    def take(self, batch):
        """Tells whether it was the last one."""
        self.begun = self.begun or time.perf_counter()
        handle(batch)
        batch.ack()
        self.report["messages"] += len(batch)
        if self.report["messages"] < self.count:
            return False
        self.report["seconds"] = time.perf_counter() - self.begun
        begun = time.perf_counter()
        for _ in range(0, self.report["messages"], len(batch)):
            batch._views = None  # so that it is read again
            handle(batch)
        self.report["loop_seconds"] = time.perf_counter() - begun
        return True


def run(bench, consumer, topic):
    with consumer:
        consumer.subscribe(topic)
        consumer.start()
        for batch in consumer:
            if bench.take(batch):
                break


async def run_async(bench, consumer, topic):
    async with consumer:
        consumer.subscribe(topic)
        await consumer.start_async()
        async for batch in consumer:
            if bench.take(batch):
                break


def main(arguments):
    asynchronous = arguments[:1] == ["--async"]
    arguments = arguments[asynchronous:]
    if len(arguments) != 4 or not arguments[3].isdecimal():
        print("usage: bench NAMESRV GROUP TOPIC COUNT, with --async before it in asyncio", file=sys.stderr)
        return 2
    namesrv, group, topic, count = arguments
    bench = Bench("python-async" if asynchronous else "python", int(count))
    try:
        consumer = rmq.Consumer({"namesrv.addr": namesrv, "consumer.group": group, "consume.from": "first_offset"})
        if asynchronous:
            asyncio.run(run_async(bench, consumer, topic))
        else:
            run(bench, consumer, topic)
    except rmq.Error as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps(bench.report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
