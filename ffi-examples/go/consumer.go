// Package rmq consumes messages of Apache RocketMQ through librmq.
//
// Run calls a function for each batch; Messages sends each message through a channel, to be settled with Ack. Both end
// when their context does, also in the midst of waiting. Nothing is left to finalizers: a Consumer ends with Close.
package rmq

// #cgo LDFLAGS: -lrmq
// #include "shim.h"
import "C"

import (
	"context"
	"sync"
	"unsafe"
)

// Config is what a consumer needs to know.
type Config struct {
	Group       string            // the consumer group
	NameServers string            // "host:port;host:port"; empty for those in NAMESRV_ADDR
	BatchSize   int               // the most messages of a batch; 0 for 32
	Properties  map[string]string // everything else, by the names of docs/CONFIGURATION.md
}

// Consumer is a member of a group. Its methods may be called from any goroutine.
type Consumer struct {
	batchSize int
	closing   chan struct{}

	polling sync.Mutex // held by the one that runs
	started bool       // under polling

	mutex  sync.Mutex      // guards what follows
	handle *C.rmq_consumer // nil after Close, which waits for polling too
	kept   map[*Batch]bool // those whose messages went through a channel
	err    error
}

// New makes a consumer, which does nothing before Run or Messages.
func New(config Config) (*Consumer, error) {
	settings := C.rmq_config_new()
	defer C.rmq_config_destroy(settings)
	set := func(name, value string) error {
		cName, cValue := C.CString(name), C.CString(value)
		defer C.free(unsafe.Pointer(cName))
		defer C.free(unsafe.Pointer(cValue))
		return check(C.shim_set(settings, cName, cValue))
	}
	if err := set("consumer.group", config.Group); err != nil {
		return nil, err
	}
	if config.NameServers != "" {
		if err := set("namesrv.addr", config.NameServers); err != nil {
			return nil, err
		}
	}
	for name, value := range config.Properties {
		if err := set(name, value); err != nil {
			return nil, err
		}
	}
	consumer := &Consumer{batchSize: config.BatchSize, closing: make(chan struct{})}
	if consumer.batchSize <= 0 {
		consumer.batchSize = 32
	}
	if err := check(C.shim_new(settings, &consumer.handle)); err != nil {
		return nil, err
	}
	return consumer, nil
}

// Subscribe adds a topic, or replaces its expression: "*" or tags as in "a || b".
func (c *Consumer) Subscribe(topic, expression string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.handle == nil {
		return errClosed()
	}
	cTopic, cExpression := C.CString(topic), C.CString(expression)
	defer C.free(unsafe.Pointer(cTopic))
	defer C.free(unsafe.Pointer(cExpression))
	return check(C.shim_subscribe(c.handle, cTopic, cExpression))
}

// Run calls handle with each batch, one at a time, and settles what handle did not: nil acknowledges, an error lets the
// messages come again later. It returns ctx.Err() when ctx ends, or what made it fail.
func (c *Consumer) Run(ctx context.Context, handle func(*Batch) error) error {
	c.polling.Lock()
	defer c.polling.Unlock()
	return c.poll(ctx, func(polled *C.polled) error {
		batch := newBatch(polled, nil)
		defer batch.finish() // also when handle panics
		var err error
		if handle(batch) == nil {
			err = batch.Ack()
		} else {
			err = batch.Retry(0)
		}
		if isCode(err, CodeState, CodeRevoked) { // it took too long, or the queue is another member's: it comes again
			return nil
		}
		return err
	})
}

// Messages sends copies of messages through a channel, each to be settled by its Ack or Retry. When ctx ends the
// channel is closed, after the messages that were polled already; whoever does not want them may stop receiving and
// Close. Err tells why it was closed.
func (c *Consumer) Messages(ctx context.Context) <-chan *Message {
	channel := make(chan *Message)
	go func() {
		defer close(channel)
		c.polling.Lock()
		defer c.polling.Unlock()
		err := c.poll(ctx, func(polled *C.polled) error {
			batch := newBatch(polled, c)
			owned := make([]*Message, len(batch.Messages))
			for i := range batch.Messages {
				owned[i] = batch.Messages[i].own()
			}
			batch.Messages = nil // they borrow
			c.keep(batch)
			for _, message := range owned {
				select {
				case channel <- message:
				case <-c.closing:
					return errClosed()
				}
			}
			return nil
		})
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.err = err
	}()
	return channel
}

// Err is why the channel of Messages was closed: the context's error, or what failed.
func (c *Consumer) Err() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.err
}

// Close leaves the group: it waits for Run and Messages to end and commits what was settled. Messages that are not are
// for the next owner of their queues. It must not be called by the function that Run calls. After an error it may be
// called again.
func (c *Consumer) Close() error {
	c.mutex.Lock()
	if c.handle == nil {
		c.mutex.Unlock()
		return nil
	}
	if !c.isClosing() {
		close(c.closing)
	}
	C.rmq_consumer_request_stop(c.handle) // polls end
	c.mutex.Unlock()

	c.polling.Lock()
	defer c.polling.Unlock()
	for _, batch := range c.takeKept() {
		batch.finish()
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.handle == nil { // two at once
		return nil
	}
	err := check(C.shim_destroy(c.handle))
	if err == nil {
		c.handle = nil
	}
	return err
}

// poll starts the consumer and polls until ctx ends; polling is held.
func (c *Consumer) poll(ctx context.Context, handle func(*C.polled) error) error {
	if err := c.start(ctx); err != nil {
		return err
	}
	ended, woken := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(woken)
		select {
		case <-ctx.Done():
			C.rmq_consumer_wakeup(c.handle) // ends the poll that waits, or the next one
		case <-ended:
		}
	}()
	defer func() { close(ended); <-woken }()

	polled := (*C.polled)(C.calloc(1, C.sizeof_polled))
	defer C.free(unsafe.Pointer(polled))
	polled.max = C.size_t(c.batchSize)
	polled.views = (*C.rmq_message_view)(C.calloc(polled.max, C.sizeof_rmq_message_view))
	defer C.free(unsafe.Pointer(polled.views))
	for ctx.Err() == nil && !c.isClosing() {
		err := check(C.shim_poll(c.handle, -1, polled))
		switch {
		case err == nil:
			err = handle(polled)
		case isCode(err, C.RMQ_E_WOKEN): // by this context, or late by the one of the run before
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if c.isClosing() {
		return errClosed()
	}
	return ctx.Err()
}

func (c *Consumer) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

func (c *Consumer) start(ctx context.Context) error {
	if c.isClosing() {
		return errClosed()
	}
	if c.started || ctx.Err() != nil {
		return ctx.Err()
	}
	err := check(C.shim_start(c.handle))
	c.started = err == nil
	return err
}

func (c *Consumer) keep(batch *Batch) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.kept == nil {
		c.kept = map[*Batch]bool{}
	}
	c.kept[batch] = true
}

func (c *Consumer) forget(batch *Batch) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.kept, batch)
}

func (c *Consumer) takeKept() []*Batch {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var kept []*Batch
	for batch := range c.kept {
		kept = append(kept, batch)
	}
	c.kept = nil
	return kept
}

func errClosed() error {
	return newError(C.RMQ_E_CLOSED, "the consumer is closed")
}
