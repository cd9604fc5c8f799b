#!/usr/bin/env node
'use strict';
/* Measures: bench.js NAMESRV GROUP TOPIC COUNT
 *
 * Prints a line of JSON: the seconds from the first message to the last; how long as many take in a loop that reads one
 * batch over and over, which is as fast as the calls of the library can be made from Node; and by how many milliseconds
 * a timer of 10 ms was late at most meanwhile. */

const { Consumer } = require('./rmq.js');

function handle(batch) {
  let touched = 0;
  for (const message of batch) touched += message.queueOffset + message.bodyLength;
  return touched;
}

function loop(batch, count) {
  const begun = performance.now();
  for (let seen = 0; seen < count; seen += batch.length) {
    batch._read();
    handle(batch);
  }
  return (performance.now() - begun) / 1000;
}

function watch() {
  const ticks = { late: 0, last: performance.now() };
  setInterval(() => {
    const now = performance.now();
    ticks.late = Math.max(ticks.late, now - ticks.last - 10);
    ticks.last = now;
  }, 10).unref();
  return ticks;
}

async function measure(consumer, count) {
  const ticks = watch();
  let [messages, begun] = [0, 0];
  for await (const batch of consumer) {
    begun ||= performance.now();
    handle(batch);
    messages += batch.length;
    if (messages >= count) {
      const [seconds, late_ms] = [(performance.now() - begun) / 1000, ticks.late];
      const loop_seconds = loop(batch, messages);
      batch.ack();
      return { language: 'node', messages, seconds, loop_seconds, late_ms };
    }
    batch.ack();
  }
}

async function main(namesrv, group, topic, count) {
  const consumer = new Consumer({ 'namesrv.addr': namesrv, 'consumer.group': group, 'consume.from': 'first_offset' });
  try {
    consumer.subscribe(topic);
    await consumer.start();
    console.log(JSON.stringify(await measure(consumer, count)));
  } finally {
    await consumer.close();
  }
}

const [names, count] = [process.argv.slice(2, 5), Number(process.argv[5])];
if (process.argv.length !== 6 || !(count > 0)) {
  console.error('usage: bench NAMESRV GROUP TOPIC COUNT');
  process.exitCode = 2;
} else {
  main(...names, count).catch((error) => {
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
  });
}
