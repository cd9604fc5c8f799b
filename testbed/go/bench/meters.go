package main

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
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

func (t *throughput) note([]byte) {
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

func (l *latency) note(body []byte) {
	now := time.Now().UnixNano()
	head, _, _ := bytes.Cut(body, []byte(" "))
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
