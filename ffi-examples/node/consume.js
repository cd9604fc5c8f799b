#!/usr/bin/env node
'use strict';
/* Prints messages as QUEUE_ID QUEUE_OFFSET TAGS KEYS BODY: consume.js NAMESRV GROUP TOPIC [COUNT]
 *
 * Ends after COUNT messages, without it at Ctrl-C or SIGTERM. A batch is acknowledged when its lines are out. */

const { Consumer } = require('./rmq.js');

function show(batch) {
  const lines = [];
  for (const message of batch) {
    const place = [message.queueId, message.queueOffset, message.tags ?? '-', message.keys ?? '-', ''];
    lines.push(Buffer.from(place.join(' ')), message.body, Buffer.from('\n'));
  }
  return new Promise((resolve, reject) => {
    process.stdout.write(Buffer.concat(lines), (error) => (error ? reject(error) : resolve()));
  });
}

async function consume(namesrv, group, topic, count) {
  const consumer = new Consumer({ 'namesrv.addr': namesrv, 'consumer.group': group, 'consume.from': 'first_offset' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => consumer.stop());
  try {
    consumer.subscribe(topic);
    await consumer.start();
    consumer.batchSize = Math.min(count, 32);
    for await (const batch of consumer) {
      await show(batch);
      batch.ack();
      count -= batch.length;
      if (count === 0) break;
      consumer.batchSize = Math.min(count, 32);
    }
  } finally {
    await consumer.close();
  }
}

async function main(names, counts) {
  if (names.length !== 3 || counts.length > 1 || !counts.every((text) => /^[1-9][0-9]*$/.test(text))) {
    console.error('usage: consume NAMESRV GROUP TOPIC [COUNT]');
    return 2;
  }
  try {
    await consume(...names, counts.length ? Number(counts[0]) : Infinity);
    return 0;
  } catch (error) {
    console.error(`consume: ${error.message}`);
    return 1;
  }
}

process.stdout.on('error', () => {}); // told by the write that failed
main(process.argv.slice(2, 5), process.argv.slice(5)).then((status) => { process.exitCode = status; });
