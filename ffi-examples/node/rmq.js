'use strict';
/* Consumes messages of Apache RocketMQ by librmq. See README.md for an example and consume.js for a program.
 *
 * What is not acknowledged comes again. Errors have the library's code as `code` ('RMQ_E_STATE') and `errno` (-3). */

const net = require('node:net');
const path = require('node:path');
const { setImmediate } = require('node:timers/promises');

const native = require(process.env.RMQ_NODE || path.join(__dirname, '..', '..', 'build', 'node', 'rmq.node'));

// As in rmq.c.
const COLUMNS = 21;
const [ACK, ACK_UNTIL, ACK_AT, RETRY, RETRY_AT] = [0, 1, 2, 3, 4];

// An iterator that always finds a batch would never let the event loop do anything else: milliseconds until it does.
const SLICE = 5;

/* A message. It is a copy: it may be read after its batch has ended, but for property(). */
class Message {
  constructor(batch, index) {
    this._batch = batch;
    this._index = index;
    this._row = index * COLUMNS;
  }

  _number(column) {
    return this._batch._table[this._row + column];
  }

  _text(column) {
    const begin = this._number(column);
    const length = this._number(column + 1);
    return length < 0 ? null : this._batch._bytes.toString('utf8', begin, begin + length);
  }

  get topic() { return this._text(0); }
  get body() { return this._batch._bytes.subarray(this._number(2), this._number(2) + this._number(3)); }
  get bodyLength() { return this._number(3); }
  get tags() { return this._text(4); } // null if it has none
  get keys() { return this._text(6); } // null if it has none
  get msgId() { return this._text(8); }
  get queueOffset() { return this._number(10); }
  get commitLogOffset() { return this._number(11); }
  get bornTimestamp() { return this._number(12); } // milliseconds since 1970
  get storeTimestamp() { return this._number(13); } // milliseconds since 1970
  get preparedTransactionOffset() { return this._number(14); }
  get queueId() { return this._number(15); }
  get reconsumeTimes() { return this._number(16); }
  get flag() { return this._number(17); }
  get sysFlag() { return this._number(18); }
  get storeSize() { return this._number(19); }
  get bodyCrc() { return this._number(20); }

  /* A property by its name, those of the user among them; null if there is none. */
  property(key) { return native.property(this._batch._handle, this._index, key); }

  ack() { this._batch._settle(ACK_AT, this._index, 0); }
  retry(delayLevel = 0) { this._batch._settle(RETRY_AT, this._index, delayLevel); }
}

/* Messages of one queue, in their order. */
class Batch {
  constructor(consumer, handle) {
    this._consumer = consumer;
    this._handle = handle;
    this._read();
    consumer._batches.add(this);
  }

  _read() {
    const data = native.read(this._handle);
    this._bytes = Buffer.from(data);
    // The first text begins where the table ends.
    this._table = new Float64Array(data, 0, new Float64Array(data, 0, 1)[0] / 8);
    this.length = this._table.length / COLUMNS;
  }

  at(index) { return new Message(this, index); }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield new Message(this, index);
  }

  /* How many messages are not settled yet. */
  get unsettled() { return this._consumer._batches.has(this) ? native.unsettled(this._handle) : 0; }

  /* All that is not settled yet was consumed. */
  ack() { this._settle(ACK, 0, 0); }
  /* What is not settled yet, up to this message and with it, was consumed. */
  ackUntil(index) { this._settle(ACK_UNTIL, index, 0); }
  /* What is not settled yet shall come again, when the broker decides or after a delay level; -1: dead letter. */
  retry(delayLevel = 0) { this._settle(RETRY, 0, delayLevel); }

  /* Ends it, as settling all of it does: what is not settled comes again. */
  close() {
    if (this._consumer._batches.delete(this)) native.end(this._handle);
  }

  _settle(how, index, delayLevel) {
    native.settle(this._handle, how, index, delayLevel);
    if (native.unsettled(this._handle) === 0) this.close();
  }
}

/* A member of a consumer group, made of properties (docs/CONFIGURATION.md). */
class Consumer {
  constructor(properties) {
    this.batchSize = 32; // messages that a poll asks for
    this._handle = native.open(JSON.stringify(properties));
    this._batches = new Set();
    this._waiting = [];
    this._turn = 0;
    this._stopping = false;
    this._ended = false;
    this._starting = null;
    this._closing = null;
    this._socket = null;
  }

  subscribe(topic, expression = '*') { native.subscribe(this._handle, topic, expression); }

  /* Resolves when the brokers know it, rejects after `start.timeout.ms` at most. */
  start() {
    this._starting = this._start();
    return this._starting;
  }

  async _start() {
    try {
      await native.start(this._handle);
    } catch (error) {
      if (!(this._stopping && error.code === 'RMQ_E_STATE')) throw error;
    }
    // Node closes what it is given, so it gets a descriptor of its own. While it is open the process does not end.
    this._socket = new net.Socket({ fd: native.fd(this._handle), readable: true, writable: false });
    this._socket.on('data', () => this._wake());
    if (this._stopping) native.stop(this._handle);
  }

  /* Ends the iterations; what is held may still be settled. */
  stop() {
    this._stopping = true;
    if (!this._ended) native.stop(this._handle);
  }

  /* Gives back what is not settled, commits the rest and leaves the group. After a rejection it may be called again. */
  close() {
    this._closing ??= this._close().finally(() => { this._closing = null; });
    return this._closing;
  }

  async _close() {
    if (this._handle === null) return;
    if (!this._ended) this.stop();
    await this._starting?.catch(() => {});
    for (const batch of this._batches) batch.close();
    this._ended = true;
    this._wake();
    this._socket?.destroy();
    await native.close(this._handle);
    this._handle = null;
  }

  stats() { return JSON.parse(native.stats(this._handle)); }

  [Symbol.asyncIterator]() {
    return { next: () => this._next(), return: async (value) => ({ done: true, value }) };
  }

  async _next() {
    for (;;) {
      if (performance.now() - this._turn > SLICE) {
        await setImmediate();
        this._turn = performance.now();
      }
      const handle = this._ended ? undefined : native.poll(this._handle, this.batchSize);
      if (handle === undefined) return { done: true, value: undefined };
      if (handle !== null) return { done: false, value: new Batch(this, handle) };
      await new Promise((resolve) => this._waiting.push(resolve));
      this._turn = performance.now();
    }
  }

  _wake() {
    for (const resolve of this._waiting.splice(0)) resolve();
  }
}

module.exports = { Consumer, Batch, Message };
