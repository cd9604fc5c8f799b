package main

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// throughput counts; it costs one atomic addition a message.
type throughput struct {
	gate
	expected int64
	started  time.Time
	count    atomic.Int64
	first    atomic.Int64 // nanoseconds since started
	last     atomic.Int64
}

func newThroughput(expected int64) *throughput {
	return &throughput{gate: gate{opened: make(chan struct{})}, expected: expected}
}

func (t *throughput) begin() { t.started = time.Now() }

func (t *throughput) note(*primitive.MessageExt) {
	switch n := t.count.Add(1); n {
	case 1:
		t.first.Store(time.Since(t.started).Nanoseconds())
		if t.expected == 1 {
			t.finish()
		}
	case t.expected:
		t.finish()
	}
}

func (t *throughput) finish() {
	t.last.Store(time.Since(t.started).Nanoseconds())
	t.open()
}

func (t *throughput) result() map[string]any {
	return map[string]any{
		"messages":             t.count.Load(),
		"start_to_first_nanos": t.first.Load(),
		"first_to_last_nanos":  max(0, t.last.Load()-t.first.Load()),
	}
}

// latency compares each message's stamp with the clock.
type latency struct {
	gate
	expected int
	warmup   int64
	mutex    sync.Mutex
	nanos    []int64
	warm     int64
}

func newLatency(expected, warmup int64) *latency {
	return &latency{gate: gate{opened: make(chan struct{})}, expected: int(expected), warmup: warmup}
}

func (l *latency) begin() {}

func (l *latency) note(message *primitive.MessageExt) {
	now := time.Now().UnixNano()
	head, _, _ := bytes.Cut(message.Body, []byte(" "))
	stamp, err := strconv.ParseInt(string(head), 10, 64)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err != nil {
		if l.warm++; l.warm == l.warmup {
			fmt.Println("ready")
		}
		return
	}
	l.nanos = append(l.nanos, now-stamp)
	if len(l.nanos) == l.expected {
		l.open()
	}
}

func (l *latency) result() map[string]any {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	sort.Slice(l.nanos, func(i, j int) bool { return l.nanos[i] < l.nanos[j] })
	return map[string]any{
		"messages": len(l.nanos),
		"p50_us":   l.micros(50),
		"p99_us":   l.micros(99),
		"max_us":   l.micros(100),
	}
}

func (l *latency) micros(percent int) int64 {
	if len(l.nanos) == 0 {
		return 0
	}
	return l.nanos[(len(l.nanos)-1)*percent/100] / 1000
}

// deliveries writes a line for each delivery, at once: what a killed process was given counts.
type deliveries struct {
	gate
	sleep time.Duration
}

func newDeliveries(sleep time.Duration) *deliveries {
	d := &deliveries{gate: gate{opened: make(chan struct{})}, sleep: sleep}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		d.open()
	}()
	return d
}

func (d *deliveries) begin() {}

func (d *deliveries) note(message *primitive.MessageExt) {
	line := fmt.Sprintf("%d %d %d %d\n",
		message.Queue.QueueId, message.QueueOffset, message.StoreTimestamp, time.Now().UnixNano())
	if _, err := os.Stdout.WriteString(line); err != nil {
		fail(err)
	}
	time.Sleep(d.sleep)
}

func (d *deliveries) result() map[string]any { return nil }
