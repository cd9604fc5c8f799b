#!/usr/bin/env python3
"""Prints messages as QUEUE_ID QUEUE_OFFSET TAGS KEYS BODY: consume.py [--async] NAMESRV GROUP TOPIC [COUNT]

Ends after COUNT messages, without it at Ctrl-C or SIGTERM. A batch is acknowledged when its lines are out.
"""

import asyncio
import signal
import sys

import rmq


def show(batch):
    out = sys.stdout.buffer
    for message in batch:
        place = f"{message.queue_id} {message.queue_offset} {message.tags or '-'} {message.keys or '-'} "
        out.write(place.encode() + message.body + b"\n")
    out.flush()
    return len(batch)


def new_consumer(namesrv, group):
    properties = {"namesrv.addr": namesrv, "consumer.group": group, "consume.from": "first_offset"}
    return rmq.Consumer(properties)


def consume(namesrv, group, topic, count):
    with new_consumer(namesrv, group) as consumer:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: consumer.stop())
        consumer.subscribe(topic)
        consumer.start()
        while count > 0:
            consumer.batch_size = min(count, 32)
            batch = consumer.poll(None)
            if batch is None:
                break
            count -= show(batch)
            batch.ack()


async def consume_async(namesrv, group, topic, count):
    async with new_consumer(namesrv, group) as consumer:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, consumer.stop)
        consumer.subscribe(topic)
        await consumer.start_async()
        consumer.batch_size = min(count, 32)
        async for batch in consumer:
            count -= show(batch)
            batch.ack()
            if count == 0:
                break
            consumer.batch_size = min(count, 32)


def main(arguments):
    asynchronous = arguments[:1] == ["--async"]
    names, count = arguments[asynchronous:][:3], arguments[asynchronous:][3:]
    if len(names) != 3 or len(count) > 1 or not all(text.isdecimal() and int(text) > 0 for text in count):
        print("usage: consume NAMESRV GROUP TOPIC [COUNT], with --async before it in asyncio", file=sys.stderr)
        return 2
    count = int(count[0]) if count else sys.maxsize
    try:
        if asynchronous:
            asyncio.run(consume_async(*names, count))
        else:
            consume(*names, count)
    except (rmq.Error, OSError) as error:
        print(f"consume: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
