'use strict';
/* Counts the ticks of a 10 ms timer while messages pour in, then while none come: ticks.js NAMESRV GROUP TOPIC COUNT */
const { Consumer } = require('../../ffi-examples/node/rmq.js');

const [namesrv, group, topic, count] = process.argv.slice(2);
const IDLE = 500;

async function main() {
  const consumer = new Consumer({ 'namesrv.addr': namesrv, 'consumer.group': group, 'consume.from': 'first_offset' });
  consumer.subscribe(topic);
  await consumer.start();
  let [ticks, seen, begun] = [0, 0, 0];
  setInterval(() => { ticks++; }, 10).unref();
  const measure = () => ({ ticks, ms: performance.now() - begun });
  const report = {};
  for await (const batch of consumer) {
    if (seen === 0) [ticks, begun] = [0, performance.now()];
    for (const message of batch) message.body.toString();
    seen += batch.length;
    batch.ack();
    if (seen >= Number(count)) {
      report.load = measure();
      [ticks, begun] = [0, performance.now()];
      setTimeout(() => {
        report.idle = measure();
        consumer.stop();
      }, IDLE);
    }
  }
  await consumer.close();
  console.log(JSON.stringify({ ...report, seen }));
}

main();
