# frozen_string_literal: true

require "io/wait"
require_relative "rmq_native"

# Consumes messages of Apache RocketMQ through librmq.
module Rmq
  # A member of a group: an Enumerable of its messages. One thread or fiber iterates at a time; messages may be settled
  # on any.
  #
  #   Rmq::Consumer.open("billing", name_servers: "127.0.0.1:9876") do |consumer|
  #     trap("INT") { consumer.stop }
  #     consumer.subscribe("Orders").each { |message| puts message.body; message.ack }
  #   end
  class Consumer
    include Enumerable

    # Gives a consumer to the block and closes it behind it.
    def self.open(...)
      consumer = new(...)
      begin
        yield consumer
      ensure
        consumer.close
      end
    end

    # properties: everything else, by the names of docs/CONFIGURATION.md. Name servers default to those in NAMESRV_ADDR.
    def initialize(group, name_servers: nil, batch_size: 32, properties: {})
      config = Native.rmq_config_new
      settings = { "consumer.group" => group, "namesrv.addr" => name_servers, **properties }.compact
      settings.each { |name, value| Error.check(Native.rmq_config_set(config, name, value.to_s, nil, 0)) }
      @handle = Native.rmq_consumer_new(config, nil, 0)
      Error.check(Native.rmq_last_error_code) if @handle.null?
      @batch_size = batch_size
      @kept = {}.compare_by_identity
      @rest = []
      @place = FFI::MemoryPointer.new(:pointer)
    ensure
      Native.rmq_config_destroy(config)
    end

    # Adds a topic, or replaces its expression: "*" or tags as in "a || b".
    def subscribe(topic, expression = "*")
      Error.check(Native.rmq_consumer_subscribe(open_handle, topic, expression))
      self
    end

    # Yields each message, to be settled with Message#ack or #retry, until stop or close. Whoever breaks off gets those
    # that were polled already with the next each. Without a block it is an Enumerator, also a lazy one.
    def each
      return enum_for(:each) unless block_given?

      until @stopping
        @rest = poll&.to_a || (return self) if @rest.empty?
        yield @rest.shift until @rest.empty? || @stopping
      end
      self
    end

    # Yields each batch: messages of one queue, to be settled one by one or as a whole.
    def each_batch
      return enum_for(:each_batch) unless block_given?

      while !@stopping && (batch = poll)
        yield batch
      end
      self
    end

    # Lets each and each_batch end for good, also while they wait. It may be called in a trap.
    def stop
      @stopping = true
      Native.rmq_consumer_wakeup(@handle) if @handle
      self
    end

    # Leaves the group, after what was settled is committed. What was not is for the next owner of the queue. For the
    # thread or fiber that iterates, when it has ended.
    def close
      return unless @handle

      Native.rmq_consumer_request_stop(@handle)
      @kept.keys.each(&:end)
      handle, @handle = @handle, nil # before it ends: a trap may call stop at any moment
      begin
        aside { Error.check(Native.rmq_consumer_destroy(handle)) }
      rescue Error
        @handle = handle # it has not ended
        raise
      end
    end

    # A batch tells that all of it is settled.
    def forget(batch)
      @kept.delete(batch)
    end

    private

    # Waits for a batch; nil at the end. It waits for a file descriptor: threads, fibers of a scheduler and traps go on.
    def poll
      start unless @io
      until @stopping
        code = Native.rmq_consumer_poll(open_handle, @batch_size, 0, @place)
        case code
        when Native::OK
          batch = Batch.new(@place.read_pointer, self)
          return @kept[batch] = batch
        when Native::E_TIMEOUT then @io.wait_readable
        when Native::E_CLOSED then return
        when Native::E_WOKEN then next
        else Error.check(code)
        end
      end
    end

    def start
      aside { Error.check(Native.rmq_consumer_start(open_handle)) }
      fd = Native.rmq_consumer_wakeup_fd(@handle)
      Error.check(fd) if fd.negative?
      @io = IO.for_fd(fd, autoclose: false) # the library closes it
    end

    # For calls that wait for brokers: with a scheduler they have a thread, so that other fibers go on.
    def aside
      return yield unless Fiber.current_scheduler

      Thread.new do
        Thread.current.report_on_exception = false
        yield
      end.value
    end

    def open_handle
      @handle or raise Error.new(Native::E_CLOSED, "the consumer is closed")
    end
  end
end

require_relative "rmq_batch"
