package rmq

// #include "shim.h"
import "C"

import (
	"sync"
	"time"
	"unsafe"
)

// Batch is messages of one queue, in their order, lent to the function that Run calls until it returns.
type Batch struct {
	Messages []Message

	polled *C.polled // where its views stand until the next poll
	mutex  sync.Mutex
	handle *C.rmq_batch // nil after its end
	open   int          // messages that are not settled
	owner  *Consumer    // knows the batches whose messages went through a channel
}

// Message is one message. Its texts are copied when they are asked for. Its body is borrowed in a function that Run
// calls: it ends when that returns. Messages that came from a channel have a copy.
type Message struct {
	view    C.rmq_message_view
	batch   *Batch
	index   int
	settled bool
}

func (m *Message) Topic() string        { return text(m.view.topic, m.view.topic_len) }
func (m *Message) Tags() string         { return text(m.view.tags, m.view.tags_len) }
func (m *Message) Keys() string         { return text(m.view.keys, m.view.keys_len) }
func (m *Message) ID() string           { return text(m.view.msg_id, m.view.msg_id_len) }
func (m *Message) QueueID() int         { return int(m.view.queue_id) }
func (m *Message) QueueOffset() int64   { return int64(m.view.queue_offset) }
func (m *Message) ReconsumeTimes() int  { return int(m.view.reconsume_times) }
func (m *Message) BornTime() time.Time  { return time.UnixMilli(int64(m.view.born_timestamp)) }
func (m *Message) StoreTime() time.Time { return time.UnixMilli(int64(m.view.store_timestamp)) }

// Body is what the producer sent, already decompressed; see Message for how long it lives.
func (m *Message) Body() []byte {
	return bytes((*byte)(unsafe.Pointer(m.view.body)), m.view.body_len)
}

// Ack settles the message: it was consumed. A message can be settled once, on any goroutine.
func (m *Message) Ack() error {
	return m.settle(func(batch *C.rmq_batch) C.outcome { return C.shim_ack_at(batch, C.size_t(m.index)) })
}

// Retry settles the message: it shall be delivered again, after the broker's delay level 1 to 18; 0 lets the broker
// decide, -1 sends it to the dead letters.
func (m *Message) Retry(delayLevel int) error {
	return m.settle(func(batch *C.rmq_batch) C.outcome {
		return C.shim_retry_at(batch, C.size_t(m.index), C.int32_t(delayLevel))
	})
}

func (m *Message) settle(call func(*C.rmq_batch) C.outcome) error {
	m.batch.mutex.Lock()
	defer m.batch.mutex.Unlock()
	if m.settled {
		return newError(C.RMQ_E_STATE, "the message was settled before")
	}
	if m.batch.handle == nil {
		return newError(C.RMQ_E_CLOSED, "the batch of the message has ended")
	}
	err := check(call(m.batch.handle))
	m.settled = true
	m.batch.open--
	if m.batch.open == 0 && m.batch.owner != nil {
		m.batch.owner.forget(m.batch)
		m.batch.end()
	}
	return err
}

// Ack settles all messages that are not settled yet: they were consumed. Run does it when its function returns nil.
func (b *Batch) Ack() error {
	return b.settle(func() C.outcome { return C.shim_ack(b.handle) })
}

// Retry settles all messages that are not settled yet: they shall be delivered again; see Message.Retry.
func (b *Batch) Retry(delayLevel int) error {
	return b.settle(func() C.outcome { return C.shim_retry(b.handle, C.int32_t(delayLevel)) })
}

func (b *Batch) settle(call func() C.outcome) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.open == 0 {
		return nil
	}
	for i := range b.Messages {
		b.Messages[i].settled = true
	}
	b.open = 0
	return check(call())
}

func newBatch(polled *C.polled, owner *Consumer) *Batch {
	batch := &Batch{polled: polled, handle: polled.batch, owner: owner}
	batch.fill()
	return batch
}

// fill takes the messages from the views.
func (b *Batch) fill() {
	b.open = int(b.polled.count)
	if b.Messages == nil {
		b.Messages = make([]Message, b.open)
	}
	for i, view := range unsafe.Slice(b.polled.views, b.open) {
		b.Messages[i] = Message{view: view, batch: b, index: i}
	}
}

func (b *Batch) finish() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.end()
}

// end frees the memory, with the mutex held. What is not settled by now is delivered again.
func (b *Batch) end() {
	C.rmq_batch_destroy(b.handle) // nothing for nil
	b.handle, b.open = nil, 0
}

// own makes a copy of the message that needs no memory of the library, in a single piece.
func (m *Message) own() *Message {
	copied := &Message{view: m.view, batch: m.batch, index: m.index}
	view := &copied.view
	piece := make([]byte, 0, 1+view.topic_len+view.tags_len+view.keys_len+view.msg_id_len+view.body_len)
	move := func(from unsafe.Pointer, length C.size_t) unsafe.Pointer {
		if from == nil {
			return nil
		}
		start := len(piece)
		piece = append(piece, bytes((*byte)(from), length)...)
		return unsafe.Pointer(&piece[:start+1][start])
	}
	view.topic = (*C.char)(move(unsafe.Pointer(view.topic), view.topic_len))
	view.tags = (*C.char)(move(unsafe.Pointer(view.tags), view.tags_len))
	view.keys = (*C.char)(move(unsafe.Pointer(view.keys), view.keys_len))
	view.msg_id = (*C.char)(move(unsafe.Pointer(view.msg_id), view.msg_id_len))
	view.body = (*C.uint8_t)(move(unsafe.Pointer(view.body), view.body_len))
	return copied
}

func text(start *C.char, length C.size_t) string {
	return string(bytes((*byte)(unsafe.Pointer(start)), length))
}

func bytes(start *byte, length C.size_t) []byte {
	return unsafe.Slice(start, int(length))
}
