"""Counts the ticks of a 10 ms timer while messages pour in, then while none come: ticks.py NAMESRV GROUP TOPIC COUNT"""

import asyncio
import json
import sys
import time

import rmq

IDLE = 0.5


async def tick(ticks):
    while True:
        await asyncio.sleep(0.01)
        ticks[0] += 1


async def main(namesrv, group, topic, count):
    properties = {"namesrv.addr": namesrv, "consumer.group": group, "consume.from": "first_offset"}
    ticks, seen, begun, report = [0], 0, 0.0, {}

    def measure(what):
        report[what] = {"ticks": ticks[0], "ms": (time.monotonic() - begun) * 1000}

    async with rmq.Consumer(properties) as consumer:
        consumer.subscribe(topic)
        await consumer.start_async()
        timer = asyncio.create_task(tick(ticks))

        def end():
            measure("idle")
            consumer.stop()

        async for batch in consumer:
            if seen == 0:
                ticks[0], begun = 0, time.monotonic()
            for message in batch:
                message.body.decode()
            seen += len(batch)
            batch.ack()
            if seen >= int(count):
                measure("load")
                ticks[0], begun = 0, time.monotonic()
                asyncio.get_running_loop().call_later(IDLE, end)
        timer.cancel()
    print(json.dumps({**report, "seen": seen}))


asyncio.run(main(*sys.argv[1:]))
