"""Consumes messages of Apache RocketMQ: librmq by ctypes. Python 3.9 or newer, nothing but the standard library.

    with rmq.Consumer({"namesrv.addr": "127.0.0.1:9876", "consumer.group": "billing"}) as consumer:
        consumer.subscribe("Orders")
        consumer.start()
        for batch in consumer:
            for message in batch:
                print(message.queue_offset, message.body)
            batch.ack()

In asyncio it is `async with`, `await consumer.start_async()` and `async for`. What is not acknowledged comes again.
The library is what RMQ_LIBRARY names, else librmq.so.0. CDLL lets other threads run during a call; with PyDLL one that
waits would stop the whole interpreter. Nothing in here is called by a thread of the library.
"""

import asyncio
import atexit
import collections
import ctypes
import functools
import itertools
import json
import os
import select
import struct
import threading
import time
import weakref
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_void_p

__all__ = ["Consumer", "Batch", "Message", "Error"]

_library = ctypes.CDLL(os.environ.get("RMQ_LIBRARY", "librmq.so.0"))


def _function(name, result, *arguments):
    function = _library[name]
    function.restype, function.argtypes = result, arguments
    return function


_code_name = _function("rmq_code_name", c_char_p, c_int32)
_last_error_code = _function("rmq_last_error_code", c_int32)
_last_error_message = _function("rmq_last_error_message", c_char_p)
_config_new = _function("rmq_config_new", c_void_p)
_config_load_json = _function("rmq_config_load_json", c_int32, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)
_config_destroy = _function("rmq_config_destroy", None, c_void_p)
_new = _function("rmq_consumer_new", c_void_p, c_void_p, c_char_p, c_size_t)
_subscribe = _function("rmq_consumer_subscribe", c_int32, c_void_p, c_char_p, c_char_p)
_start = _function("rmq_consumer_start", c_int32, c_void_p)
_poll = _function("rmq_consumer_poll", c_int32, c_void_p, c_size_t, c_int32, POINTER(c_void_p))
_wakeup_fd_dup = _function("rmq_consumer_wakeup_fd_dup", c_int32, c_void_p)
_request_stop = _function("rmq_consumer_request_stop", c_int32, c_void_p)
_shutdown = _function("rmq_consumer_shutdown", c_int32, c_void_p, c_int32)
_destroy = _function("rmq_consumer_destroy", c_int32, c_void_p)
_stats_json = _function("rmq_consumer_stats_json", c_int32, c_void_p, c_char_p, c_size_t, POINTER(c_size_t))
_batch_count = _function("rmq_batch_count", c_size_t, c_void_p)
_batch_views = _function("rmq_batch_views", c_size_t, c_void_p, c_void_p, c_size_t, c_size_t)
_batch_at = _function("rmq_batch_at", c_void_p, c_void_p, c_size_t)
_batch_ack = _function("rmq_batch_ack", c_int32, c_void_p)
_batch_ack_until = _function("rmq_batch_ack_until", c_int32, c_void_p, c_size_t)
_batch_ack_at = _function("rmq_batch_ack_at", c_int32, c_void_p, c_size_t)
_batch_retry = _function("rmq_batch_retry", c_int32, c_void_p, c_int32)
_batch_retry_at = _function("rmq_batch_retry_at", c_int32, c_void_p, c_size_t, c_int32)
_batch_unsettled = _function("rmq_batch_unsettled", c_size_t, c_void_p)
_batch_destroy = _function("rmq_batch_destroy", None, c_void_p)
_property = _function("rmq_message_property", c_void_p, c_void_p, c_char_p, POINTER(c_size_t))

_OK, _STATE, _CLOSED, _TIMEOUT, _WOKEN, _FORKED = 0, -3, -4, -6, -7, -8

# rmq_message_view: pointer and length of topic, body, tags, keys and msg_id; then the numbers, as in rmq.h.
_VIEW = struct.Struct("@" + 5 * "PN" + "5q6i")

# An `async for` that always finds a batch would never let the event loop do anything else.
_SLICE = 0.005


class Error(Exception):
    """What the library answered: its code, the code's name as in rmq.h, and a sentence."""

    def __init__(self, code, text):
        self.code, self.name, self.text = code, _code_name(code).decode(), text
        super().__init__(f"{self.name}: {text}")


def _check(code):
    # The text is the calling thread's, so it is asked for at once.
    if code != _OK:
        raise Error(code, _last_error_message().decode("utf-8", "replace"))


class _Lent(c_void_p):
    """A batch of the library. It ends when nobody holds this any more: no thread reads what another one has closed."""

    # destroy(self), but nothing of it in Python: there a KeyboardInterrupt would be lost, and the batch with it.
    __del__ = property(functools.partial(functools.partial, _batch_destroy))


class Message:
    """A message of a batch, to be read until the batch is closed."""

    __slots__ = ("_batch", "_index", "_view")

    def __init__(self, batch, index, view):
        self._batch, self._index, self._view = batch, index, view

    def _bytes(self, field):
        lent, address = self._batch._held(), self._view[field]
        value = ctypes.string_at(address, self._view[field + 1]) if address else None
        del lent  # held as long as it was read
        return value

    def _text(self, field):
        value = self._bytes(field)
        return value if value is None else value.decode("utf-8", "replace")

    topic = property(lambda self: self._text(0))
    body = property(lambda self: self._bytes(2), doc="A copy, as bytes.")
    body_len = property(lambda self: self._view[3])
    tags = property(lambda self: self._text(4), doc="None if it has none.")
    keys = property(lambda self: self._text(6), doc="None if it has none.")
    msg_id = property(lambda self: self._text(8))
    queue_offset = property(lambda self: self._view[10])
    commit_log_offset = property(lambda self: self._view[11])
    born_timestamp = property(lambda self: self._view[12], doc="Milliseconds since 1970.")
    store_timestamp = property(lambda self: self._view[13], doc="Milliseconds since 1970.")
    prepared_transaction_offset = property(lambda self: self._view[14])
    queue_id = property(lambda self: self._view[15])
    reconsume_times = property(lambda self: self._view[16])
    flag = property(lambda self: self._view[17])
    sys_flag = property(lambda self: self._view[18])
    store_size = property(lambda self: self._view[19])
    body_crc = property(lambda self: self._view[20])

    def body_view(self):
        """The body without a copy, as a memoryview. It keeps the memory of the batch as long as it lives."""
        lent, address, length = self._batch._held(), self._view[2], self._view[3]
        body = (ctypes.c_ubyte * length).from_address(address)
        body.lent = lent
        return memoryview(body).cast("B").toreadonly()

    def get(self, key):
        """A property by its name, those of the user among them; None if there is none."""
        lent, length = self._batch._held(), c_size_t()
        address = _property(_batch_at(lent, self._index), key.encode(), byref(length))
        value = ctypes.string_at(address, length.value).decode("utf-8", "replace") if address else None
        del lent
        return value

    def ack(self):
        """This one was consumed."""
        _check(_batch_ack_at(self._batch._held(), self._index))

    def retry(self, delay_level=0):
        """This one shall come again; see Batch.retry."""
        _check(_batch_retry_at(self._batch._held(), self._index, delay_level))


class Batch:
    """Messages of one queue, in their order. What is not settled when it is closed, or forgotten, comes again."""

    __slots__ = ("_lent", "_views", "__weakref__")

    def __init__(self):
        # Before there is one, so that a KeyboardInterrupt right behind the poll does not lose it.
        self._lent, self._views = _Lent(), None

    def _held(self):
        lent = self._lent
        if lent is None:
            raise ValueError("the batch is closed")
        return lent

    def _read(self):
        if self._views is None:
            lent = self._held()
            count = _batch_count(lent)
            table = ctypes.create_string_buffer(count * _VIEW.size)
            if _batch_views(lent, table, _VIEW.size, count) != count:
                raise Error(_last_error_code(), _last_error_message().decode())
            self._views = list(_VIEW.iter_unpack(table))
        return self._views

    def __len__(self):
        return len(self._read())

    def __iter__(self):
        return map(Message, itertools.repeat(self), itertools.count(), self._read())

    def __getitem__(self, index):
        return Message(self, range(len(self))[index], self._read()[index])

    @property
    def unsettled(self):
        """How many messages are not settled yet."""
        return _batch_unsettled(self._held())

    def ack(self):
        """All that is not settled yet was consumed."""
        _check(_batch_ack(self._held()))

    def ack_until(self, index):
        """What is not settled yet, up to this message and with it, was consumed."""
        _check(_batch_ack_until(self._held(), index))

    def retry(self, delay_level=0):
        """What is not settled yet shall come again, when the broker decides or after a delay level; -1: dead letter."""
        _check(_batch_retry(self._held(), delay_level))

    def close(self):
        """Ends it now; its messages cannot be read any more."""
        self._lent = None


class Consumer:
    """A member of a consumer group, made of properties (docs/CONFIGURATION.md). Any thread may iterate and stop it."""

    def __init__(self, properties):
        self.batch_size = 32  # messages that a poll asks for
        self._stopping, self._turn, self._waiting, self._handle = False, 0.0, set(), None
        # Held by calls that would crash if the handle ended meanwhile. A signal handler may interrupt them and stop.
        self._lock, self._batches = threading.RLock(), collections.deque()
        text, error, handle = json.dumps(properties).encode(), ctypes.create_string_buffer(512), None
        config = _config_new()
        code = _config_load_json(config, text, len(text), error, len(error))
        if code == _OK:
            handle = _new(config, error, len(error))
            code = _OK if handle else _last_error_code()
        _config_destroy(config)
        if code != _OK:
            raise Error(code, error.value.decode("utf-8", "replace"))
        self._handle = handle
        _open.add(self)
        # One of our own, which stays readable when the consumer is gone: another thread may still wait for it.
        self._fd = _wakeup_fd_dup(handle)
        _check(min(self._fd, _OK))
        weakref.finalize(self, os.close, self._fd).atexit = False

    def _opened(self):
        if self._handle is None:
            raise Error(_CLOSED, "the consumer is closed")
        return self._handle

    def subscribe(self, topic, expression="*"):
        _check(_subscribe(self._opened(), topic.encode(), expression.encode()))

    def start(self):
        """Waits until the brokers know it, at most `start.timeout.ms`."""
        code = _start(self._opened())
        if not (code == _STATE and self._stopping):
            _check(code)
        if self._stopping:  # somebody asked for it meanwhile
            self.stop()

    def stop(self):
        """Ends iterations and polls; what is held may still be settled. Never waits; a signal handler may call it."""
        self._stopping = True
        with self._lock:
            code = _OK if self._handle is None else _request_stop(self._handle)
            if code not in (_STATE, _FORKED):
                _check(code)

    def close(self, timeout_ms=-1):
        """Gives back what is not settled, commits the rest and leaves the group. Takes `shutdown.timeout.ms` at most,
        unless told otherwise. After an error it may be called again."""
        if self._handle is None:
            return
        self.stop()
        with self._lock:
            batches = [weak() for weak in self._batches]
        for batch in batches:
            lent = None if batch is None else batch._lent
            if lent:  # settled too, since somebody may hold it for long: a memoryview, a traceback
                _batch_retry(lent, 0)
                batch.close()
        code = _shutdown(self._handle, timeout_ms)
        if code not in (_OK, _FORKED):
            _check(code)
        with self._lock:
            _check(_destroy(self._handle))
            self._handle = None
        _open.discard(self)

    def stats(self):
        """The counters, as in docs/STATISTICS.md."""
        size = c_size_t()
        _stats_json(self._opened(), None, 0, byref(size))
        text = ctypes.create_string_buffer(size.value + 4096)
        _check(_stats_json(self._opened(), text, len(text), None))
        return json.loads(text.value)

    def _take(self):
        batch = Batch()
        with self._lock:
            # A WeakSet forgets in a function of Python, where a KeyboardInterrupt would be lost.
            self._batches.append(weakref.ref(batch))
            for _ in range(2):
                if self._batches[0]() is None:
                    self._batches.popleft()
                else:
                    self._batches.rotate(-1)
            if self._handle is None:
                return _CLOSED, batch
            code = _poll(self._handle, self.batch_size, 0, byref(batch._lent))
            if code not in (_OK, _TIMEOUT, _WOKEN, _CLOSED):
                _check(code)
        return code, batch

    def poll(self, timeout=0.0):
        """A batch; None if nothing came within so many seconds (None: without a bound), or when it is stopped."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            code, batch = self._take()
            if code != _TIMEOUT:
                return batch if code == _OK else None
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            # Not in the library: while that waits no signal handler of Python runs, and no KeyboardInterrupt comes.
            readable = select.poll()
            readable.register(self._fd, select.POLLIN)
            # A signal that comes between Python's last look and the wait does not end that, so no wait is long.
            readable.poll(1000 if left is None else min(left, 1) * 1000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        batch = self.poll(None)
        if batch is None:
            raise StopIteration
        return batch

    async def start_async(self):
        await asyncio.get_running_loop().run_in_executor(None, self.start)

    async def close_async(self, timeout_ms=-1):
        await asyncio.get_running_loop().run_in_executor(None, self.close, timeout_ms)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close_async()

    def __aiter__(self):
        return self

    async def __anext__(self):
        while True:
            # A loop that always finds a batch would let nothing else run in this thread.
            if time.monotonic() - self._turn > _SLICE:
                await asyncio.sleep(0)
                self._turn = time.monotonic()
            code, batch = self._take()
            if code == _OK:
                return batch
            if code == _CLOSED:
                raise StopAsyncIteration
            if code == _TIMEOUT:
                await self._readable()

    async def _readable(self):
        # The loop watches only while somebody waits: whoever is busy leaves the descriptor readable.
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._waiting:
            loop.add_reader(self._fd, self._wake)
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
            if not self._waiting:
                loop.remove_reader(self._fd)

    def _wake(self):
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


# Consumers that are not closed. The process that made them closes them before it ends.
_open, _process = set(), os.getpid()


@atexit.register
def _close_all():
    for consumer in list(_open) if os.getpid() == _process else ():
        try:
            consumer.close(5000)
        except Error:
            pass  # messages may come again
