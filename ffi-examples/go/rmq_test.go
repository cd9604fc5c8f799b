package rmq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The tests need a cluster in RMQ_TEST_NAMESRV with a topic RMQ_TEST_TOPIC of one queue that has 20 messages.
func start(t *testing.T, group string) *Consumer {
	t.Helper()
	nameServers, topic := os.Getenv("RMQ_TEST_NAMESRV"), os.Getenv("RMQ_TEST_TOPIC")
	if nameServers == "" || topic == "" {
		t.Fatal("RMQ_TEST_NAMESRV and RMQ_TEST_TOPIC are not set")
	}
	consumer, err := New(Config{
		Group:       topic + "-" + group,
		NameServers: nameServers,
		BatchSize:   5,
		Properties:  map[string]string{"consume.from": "first_offset"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := consumer.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := consumer.Subscribe(topic, "*"); err != nil {
		t.Fatal(err)
	}
	return consumer
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestRunGivesBatchesAndAcknowledges(t *testing.T) {
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	var bodies []string
	err := start(t, "run").Run(ctx, func(batch *Batch) error {
		if len(batch.Messages) > 5 {
			t.Errorf("a batch of %d", len(batch.Messages))
		}
		for i := range batch.Messages {
			bodies = append(bodies, string(batch.Messages[i].Body()))
		}
		if len(bodies) == 20 {
			stop()
		}
		return nil
	})
	if err != context.Canceled {
		t.Error(err)
	}
	for i, body := range bodies {
		if want := fmt.Sprintf("%s-%d", os.Getenv("RMQ_TEST_TOPIC"), i); body != want {
			t.Errorf("%s at %d", body, i)
		}
	}
}

func TestAnErrorLetsTheMessagesComeAgain(t *testing.T) {
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	again := 0
	err := start(t, "again").Run(ctx, func(batch *Batch) error {
		if batch.Messages[0].ReconsumeTimes() == 0 {
			for i := range batch.Messages { // all but one are settled, some as retries, so that only one is left
				message := &batch.Messages[i]
				if message.QueueOffset() == 7 {
					_ = message.Retry(1)
				} else if message.QueueOffset() != 8 {
					_ = message.Ack()
				}
			}
			if batch.Messages[len(batch.Messages)-1].QueueOffset() == 9 {
				_ = batch.Retry(1)
			}
			return errors.New("not yet")
		}
		if again += len(batch.Messages); again == 2 {
			stop()
		}
		return nil
	})
	if err != context.Canceled || again != 2 {
		t.Error(err, again)
	}
}

func TestACancelledContextEndsAPollThatWaits(t *testing.T) {
	consumer := start(t, "cancel")
	for round := 0; round < 3; round++ { // the consumer can be used again
		ctx, stop := context.WithCancel(within(t))
		defer stop()
		polled := make(chan bool, 20)
		ended := make(chan error)
		go func() { ended <- consumer.Run(ctx, func(*Batch) error { polled <- true; return nil }) }()
		if round == 0 {
			<-polled
		}
		time.Sleep(100 * time.Millisecond) // so that it most probably waits; right in every case
		begun := time.Now()
		stop()
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

func TestMessagesAreCopiesThatMayBeSettledAnywhere(t *testing.T) {
	consumer := start(t, "channel")
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	var kept []*Message
	for message := range consumer.Messages(ctx) {
		if kept = append(kept, message); len(kept) == 20 {
			stop()
		}
	}
	if err := consumer.Err(); err != context.Canceled {
		t.Error(err)
	}
	settled := make(chan error)
	for i := range kept {
		go func(message *Message) { settled <- message.Ack() }(kept[len(kept)-1-i])
	}
	for range kept {
		if err := <-settled; err != nil {
			t.Error(err)
		}
	}
	for i, message := range kept {
		if want := fmt.Sprintf("%s-%d", os.Getenv("RMQ_TEST_TOPIC"), i); message.Keys() != want || string(message.Body()) != want {
			t.Errorf("%s with %s at %d", message.Keys(), message.Body(), i)
		}
		if err := message.Ack(); !isCode(err, CodeState) {
			t.Error(err)
		}
	}
}

func TestWhatIsNotReceivedOrSettledIsForTheNext(t *testing.T) {
	first, last := start(t, "next"), 0
	for message := range first.Messages(within(t)) {
		if err := message.Ack(); err != nil {
			t.Error(err)
		}
		if last = int(message.QueueOffset()); last == 6 {
			break
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	_ = start(t, "next").Run(ctx, func(batch *Batch) error {
		for i := range batch.Messages {
			if last++; int(batch.Messages[i].QueueOffset()) != last || batch.Messages[i].ReconsumeTimes() != 0 {
				t.Errorf("offset %d instead of %d", batch.Messages[i].QueueOffset(), last)
			}
		}
		if last == 19 {
			stop()
		}
		return nil
	})
}

func TestErrorsHaveCodeNameAndText(t *testing.T) {
	_, err := New(Config{Group: "G", Properties: map[string]string{"consume.fron": "x"}})
	var failure *Error
	if !errors.As(err, &failure) || failure.Name != "RMQ_E_CONFIG_KEY" || !strings.Contains(failure.Text, "consume.from") {
		t.Error(err)
	}
	consumer := start(t, "errors")
	if err := consumer.Subscribe("a topic", "*"); err == nil {
		t.Error("a name with a blank was taken")
	}
	if err := consumer.Close(); err != nil {
		t.Error(err)
	}
	if err := consumer.Run(within(t), nil); !isCode(err, CodeClosed) {
		t.Error(err)
	}
	for range consumer.Messages(within(t)) {
		t.Error("a message of a closed consumer")
	}
	if err := consumer.Err(); !isCode(err, CodeClosed) {
		t.Error(err)
	}
}
