// consume prints messages until Ctrl-C, or so many: consume NAMESRV GROUP TOPIC [COUNT]
//
// A line of each: queue, offset, tags, keys ("-" for none) and body. It is acknowledged once it is printed.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"rmq"
)

func main() {
	count := 0
	if len(os.Args) == 5 {
		count, _ = strconv.Atoi(os.Args[4])
	}
	if len(os.Args) < 4 || len(os.Args) > 5 || len(os.Args) == 5 && count < 1 {
		fmt.Fprintln(os.Stderr, "usage: consume NAMESRV GROUP TOPIC [COUNT]")
		os.Exit(2)
	}
	if err := consume(os.Args[1], os.Args[2], os.Args[3], count); err != nil {
		fmt.Fprintln(os.Stderr, "consume:", err)
		os.Exit(1)
	}
}

func consume(nameServers, group, topic string, count int) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	consumer, err := rmq.New(rmq.Config{
		Group:       group,
		NameServers: nameServers,
		Properties:  map[string]string{"consume.from": "first_offset"},
	})
	if err != nil {
		return err
	}
	defer func() {
		if closing := consumer.Close(); err == nil {
			err = closing
		}
	}()
	if err := consumer.Subscribe(topic, "*"); err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	seen := 0
	for message := range consumer.Messages(ctx) {
		fmt.Fprintf(out, "%d %d %s %s %s\n", message.QueueID(), message.QueueOffset(), orDash(message.Tags()),
			orDash(message.Keys()), message.Body())
		if err := out.Flush(); err != nil {
			return err
		}
		if err := message.Ack(); err != nil { // it took too long, or the queue is another member's now: it comes again
			fmt.Fprintln(os.Stderr, "consume:", err)
		}
		if seen++; seen == count {
			return nil
		}
	}
	if err := consumer.Err(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
