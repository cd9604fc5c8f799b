// Command bench is the Go peer of the benches: a push consumer with the client's defaults that counts messages, measures
// how long they took to arrive, or writes down what came. See testbed/src/peers.rs for its options and its answer.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	rlog.SetLogger(silence{})
	options := parse(os.Args[1:])
	push, err := rocketmq.NewPushConsumer(
		consumer.WithGroupName(options["group"]),
		consumer.WithInstance("bench-"+strconv.Itoa(os.Getpid())),
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{options["ns"]})),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		fail(err)
	}

	var meter meter
	switch options["mode"] {
	case "latency":
		meter = newLatency(number(options, "count", 1), number(options, "warmup", 0))
	case "deliveries":
		meter = newDeliveries(time.Duration(number(options, "sleep_us", 0)) * time.Microsecond)
	default:
		meter = newThroughput(number(options, "count", 1))
	}
	err = push.Subscribe(options["topic"], consumer.MessageSelector{},
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, message := range messages {
				meter.note(message)
			}
			return consumer.ConsumeSuccess, nil
		})
	if err != nil {
		fail(err)
	}
	meter.begin()
	if err = push.Start(); err != nil {
		fail(err)
	}

	if options["mode"] == "deliveries" {
		<-meter.done()
		if err = push.Shutdown(); err != nil {
			fail(err)
		}
		return
	}
	status := 0
	select {
	case <-meter.done():
	case <-time.After(time.Duration(number(options, "within", 120)) * time.Second):
		status = 1
	}
	report(meter.result())
	os.Exit(status)
}

func report(result map[string]any) {
	result["client"] = "go-2.1.2"
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		result["cpu_nanos"] = usage.Utime.Nano() + usage.Stime.Nano()
		result["peak_rss_kib"] = usage.Maxrss
	}
	line, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func parse(words []string) map[string]string {
	options := map[string]string{}
	for _, word := range words {
		if name, value, found := strings.Cut(word, "="); found {
			options[name] = value
		}
	}
	return options
}

func number(options map[string]string, name string, otherwise int64) int64 {
	value, err := strconv.ParseInt(options[name], 10, 64)
	if err != nil {
		return otherwise
	}
	return value
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// meter is told of every message, from many goroutines.
type meter interface {
	begin()
	note(message *primitive.MessageExt)
	done() <-chan struct{}
	result() map[string]any
}

// gate opens once, when the last expected message came.
type gate struct {
	opened chan struct{}
	once   sync.Once
}

func (g *gate) open()                 { g.once.Do(func() { close(g.opened) }) }
func (g *gate) done() <-chan struct{} { return g.opened }

// silence is a logger; the client's default one writes to standard output.
type silence struct{}

func (silence) Debug(string, map[string]interface{})   {}
func (silence) Info(string, map[string]interface{})    {}
func (silence) Warning(string, map[string]interface{}) {}
func (silence) Error(string, map[string]interface{})   {}
func (silence) Fatal(string, map[string]interface{})   {}
func (silence) Level(string)                           {}
func (silence) OutputPath(string) error                { return nil }
