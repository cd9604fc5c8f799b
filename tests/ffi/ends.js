'use strict';
/* Ways in which a Node program ends that consumes: ends.js HOW NAMESRV GROUP TOPIC
 *
 * Each takes a batch of ten at most and acknowledges its first message only, so that the others must come again. */
const assert = require('node:assert');
const { Consumer } = require('../../ffi-examples/node/rmq.js');

const [how, namesrv, group, topic] = process.argv.slice(2);

async function first(consumer) {
  consumer.batchSize = 10;
  for await (const batch of consumer) {
    assert(batch.length > 1 && batch.unsettled === batch.length);
    batch.at(0).ack();
    assert.strictEqual(batch.unsettled, batch.length - 1);
    assert.throws(() => batch.at(0).ack(), { code: 'RMQ_E_STATE', errno: -3 });
    return batch;
  }
}

const ways = {
  async leaves_the_block(consumer) {
    const batch = await first(consumer);
    const second = batch.at(1);
    assert.strictEqual(second.property('KEYS'), second.keys);
    assert.strictEqual(second.property('none'), null);
    await consumer.close();
    assert.strictEqual(second.body.toString(), second.keys); // a copy, which outlives the consumer
    assert.throws(() => batch.ack(), { code: 'RMQ_E_CLOSED' });
    for await (const none of consumer) assert.fail(none);
    await consumer.close();
  },

  async exits_while_running(consumer) {
    await first(consumer);
    first(consumer);
    process.exit(0);
  },
};

async function main() {
  const consumer = new Consumer({ 'namesrv.addr': namesrv, 'consumer.group': group, 'consume.from': 'first_offset' });
  consumer.subscribe(topic);
  await consumer.start();
  await ways[how](consumer);
}

main();
