// bench measures how fast Go gets messages: bench NAMESRV GROUP TOPIC COUNT
//
// It prints a JSON object: seconds from the first to the last message, and loop_seconds that the crossings into C for
// as many messages take when one batch is read again and again, which is the bound of the language.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"rmq"
)

func main() {
	count := 0
	if len(os.Args) == 5 {
		count, _ = strconv.Atoi(os.Args[4])
	}
	if count < 1 {
		fmt.Fprintln(os.Stderr, "usage: bench NAMESRV GROUP TOPIC COUNT")
		os.Exit(2)
	}
	if err := bench(os.Args[1], os.Args[2], os.Args[3], count); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(nameServers, group, topic string, count int) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	consumer, err := rmq.New(rmq.Config{
		Group:       group,
		NameServers: nameServers,
		Properties:  map[string]string{"consume.from": "first_offset"},
	})
	if err != nil {
		return err
	}
	defer consumer.Close()
	if err := consumer.Subscribe(topic, "*"); err != nil {
		return err
	}
	var first time.Time
	var elapsed, loop time.Duration
	seen := 0
	err = consumer.Run(ctx, func(batch *rmq.Batch) error {
		if seen == 0 {
			first = time.Now()
		}
		touch(batch)
		seen += len(batch.Messages)
		if err := batch.Ack(); err != nil {
			return err
		}
		if seen >= count {
			elapsed = time.Since(first)
			loop = read(batch, count)
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		return err
	}
	fmt.Printf(`{"language":"go","messages":%d,"seconds":%.6f,"loop_seconds":%.6f}`+"\n", seen, elapsed.Seconds(),
		loop.Seconds())
	return nil
}

// touch reads what every handling would.
func touch(batch *rmq.Batch) int64 {
	sum := int64(0)
	for i := range batch.Messages {
		sum += batch.Messages[i].QueueOffset() + int64(len(batch.Messages[i].Body()))
	}
	return sum
}

// read crosses into C as often as count messages in batches of this size take.
func read(batch *rmq.Batch, count int) time.Duration {
	start := time.Now()
	for seen := 0; seen < count; seen += len(batch.Messages) {
		batch.Reread()
		touch(batch)
	}
	return time.Since(start)
}
