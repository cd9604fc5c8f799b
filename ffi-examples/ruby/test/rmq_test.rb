# frozen_string_literal: true

# Needs a cluster in RMQ_TEST_NAMESRV with a topic RMQ_TEST_TOPIC of one queue that has 20 messages, whose bodies and
# keys are <topic>-0, <topic>-1, ...

require "minitest/autorun"
require "timeout"
require_relative "scheduler"
require_relative "../lib/rmq"

class RmqTest < Minitest::Test
  TOPIC = ENV.fetch("RMQ_TEST_TOPIC")
  BODIES = Array.new(20) { |i| "#{TOPIC}-#{i}" }.freeze

  def open(group, subscribe: true, **properties, &block)
    properties = { "consume.from" => "first_offset", **properties.transform_keys(&:to_s) }
    name_servers = properties.delete("name_servers") || ENV.fetch("RMQ_TEST_NAMESRV")
    options = { name_servers: name_servers, batch_size: 5, properties: properties }
    Rmq::Consumer.open("#{TOPIC}-#{group}", **options) do |consumer|
      consumer.subscribe(TOPIC) if subscribe
      Timeout.timeout(60) { block.call(consumer) }
    end
  end

  def test_it_is_enumerable_and_lazy
    open("lazy") do |consumer|
      first = consumer.first(3)
      assert_equal BODIES[0, 3], first.map(&:body)
      odd = consumer.lazy.reject { |message| message.queue_offset.even? && (message.ack || true) }.first(4)
      assert_equal [3, 5, 7, 9], odd.map(&:queue_offset)
      (first + odd).reverse_each(&:ack)
      consumer.each do |message|
        message.ack
        break if message.queue_offset == 12
      end
    end
    open("lazy") { |consumer| assert_equal 13, consumer.first.queue_offset, "the rest is for the next, at once" }
  end

  def test_batches_are_settled_as_a_whole_and_their_parts_once
    open("batches") do |consumer|
      seen = []
      consumer.each_batch do |batch|
        assert_operator batch.size, :<=, 5
        seen.concat(batch.map(&:keys))
        message = batch.first
        assert_equal [TOPIC, nil, 0, 0], [message.topic, message.tags, message.queue_id, message.reconsume_times]
        assert_in_delta Time.now, message.born_at, 600
        message.ack
        assert_equal "RMQ_E_STATE", assert_raises(Rmq::Error) { message.ack }.name
        assert_match(/read it before/, assert_raises(Rmq::Error) { message.body }.message)
        batch.ack if batch.size > 1 # what is open
        assert_raises(Rmq::Error) { batch.ack }
        break if seen.size == 20
      end
      assert_equal BODIES, seen
    end
  end

  def test_what_is_retried_comes_again
    open("again") do |consumer|
      again = consumer.find do |message|
        next true if message.reconsume_times == 1

        message.queue_offset == 7 ? message.retry(1) : message.ack
        false
      end
      assert_equal BODIES[7], again.body
      again.ack
    end
  end

  def test_other_fibers_go_on_while_fibers_wait
    ticks = 0
    seen = Hash.new(0)
    Thread.new do
      Fiber.set_scheduler(Scheduler.new)
      consumers = []
      2.times do |i|
        Fiber.schedule do
          open("fiber-#{i}") do |consumer|
            consumers << consumer
            consumer.each do |message|
              seen[i] += 1
              message.ack
            end
          end
        end
      end
      Fiber.schedule do
        sleep 0.01 until seen.values.sum == 40
        50.times do
          sleep 0.01
          ticks += 1
        end
        consumers.each(&:stop)
      end
    end.join(60)
    assert_equal [50, { 0 => 20, 1 => 20 }], [ticks, seen.sort.to_h]
  end

  def test_other_fibers_go_on_while_one_starts
    ticks = 0
    failure = nil
    Thread.new do
      Fiber.set_scheduler(Scheduler.new)
      Fiber.schedule do
        open("start", name_servers: "127.0.0.1:1", "start.timeout.ms": 1000, &:first)
      rescue Rmq::Error => e
        failure = e
      end
      Fiber.schedule do
        until failure
          sleep 0.01
          ticks += 1
        end
      end
    end.join(60)
    assert_equal "RMQ_E_NO_NAMESRV", failure.name
    assert_match(/127\.0\.0\.1:1/, failure.message)
    assert_operator ticks, :>, 10
  end

  def test_a_thread_ends_the_wait_of_another
    open("stop") do |consumer|
      Thread.new do
        sleep 0.1 until consumer.instance_variable_get(:@io)
        consumer.stop
      end
      consumer.each(&:ack)
      assert_nil consumer.first, "for good"
    end
  end

  def test_mistakes_are_told
    error = assert_raises(Rmq::Error) { open("mistakes", "consume.fron": 1) {} }
    assert_equal(-20, error.code)
    assert_match(/consume\.from.*RMQ_E_CONFIG_KEY, -20/, error.message)
    kept = nil
    open("mistakes", subscribe: false) do |consumer|
      kept = consumer
      assert_raises(Rmq::Error) { consumer.subscribe("a topic") }
    end
    assert_equal "RMQ_E_CLOSED", assert_raises(Rmq::Error) { kept.subscribe(TOPIC) }.name
    assert_nil kept.close
    assert_same kept, kept.stop
  end
end
