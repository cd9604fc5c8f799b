# frozen_string_literal: true

module Rmq
  # Messages of one queue, in their order. It ends, and its memory is freed, when all of them are settled.
  class Batch
    include Enumerable

    attr_reader :size

    def initialize(handle, consumer)
      @handle = handle
      @consumer = consumer
      @mutex = Mutex.new
      @size = @left = Native.rmq_batch_count(handle)
      @views = FFI::MemoryPointer.new(Native::View, @size)
      read
    end

    def each(&block)
      return enum_for(:each) { @size } unless block

      (@messages ||= Array.new(@size) { |index| Message.new(self, index, @views) }).each(&block)
      self
    end

    # Settles what is open: it was consumed.
    def ack
      settle(@size) { |batch| Native.rmq_batch_ack(batch) }
    end

    # Settles what is open: it shall be delivered again, after the broker's delay level 1 to 18; 0 lets the broker
    # decide, -1 sends it to the dead letters.
    def retry(delay_level = 0)
      settle(@size) { |batch| Native.rmq_batch_retry(batch, delay_level) }
    end

    # Settles so many messages with the block, which answers a code; the last one ends the batch.
    def settle(count)
      @mutex.synchronize do
        raise Error.new(Native::E_STATE, "all of the batch was settled before, or is given back") unless @handle

        code = yield @handle
        begin
          Error.check(code)
        ensure
          @left -= count
          destroy unless @left.positive?
        end
      end
    end

    # Ends it; what is not settled is delivered again.
    def end
      @mutex.synchronize { destroy }
    end

    # Reads the messages from the library, all in one call.
    def read
      Native.rmq_batch_views(@handle, @views, Native::View.size, @size)
    end

    def ended?
      @handle.nil?
    end

    private

    def destroy
      Native.rmq_batch_destroy(@handle) if @handle
      @handle = nil
      @consumer.forget(self)
    end
  end

  # One message. Numbers can be read at any time. Texts and body are the library's: they are copied when they are asked
  # for, and can be asked for until the message is settled.
  class Message
    # Where the fields of its view are. Reading them by their place takes a fraction of the time of an FFI::Struct.
    SIZE = Native::View.size
    TOPIC, BODY, TAGS, KEYS, ID, QUEUE_ID, QUEUE_OFFSET, RECONSUME_TIMES, BORN, STORED =
      %i[topic body tags keys msg_id queue_id queue_offset reconsume_times born_timestamp store_timestamp]
      .map { |field| Native::View.offset_of(field) }
    # From a pointer to the length behind it.
    LENGTH = FFI::Type::POINTER.size

    def initialize(batch, index, views)
      @batch = batch
      @index = index
      @views = views
      @at = index * SIZE
    end

    def topic = text(TOPIC)
    # nil when there are none.
    def tags = text(TAGS)
    def keys = text(KEYS)
    def id = text(ID)
    # What the producer sent, in binary encoding.
    def body = bytes(BODY)
    def body_size = @views.get_ulong(@at + BODY + LENGTH)
    def queue_id = @views.get_int32(@at + QUEUE_ID)
    def queue_offset = @views.get_int64(@at + QUEUE_OFFSET)
    def reconsume_times = @views.get_int32(@at + RECONSUME_TIMES)
    def born_at = Time.at(0, @views.get_int64(@at + BORN), :millisecond)
    def stored_at = Time.at(0, @views.get_int64(@at + STORED), :millisecond)

    # Settles it: it was consumed. A message can be settled once.
    def ack
      settle { |batch| Native.rmq_batch_ack_at(batch, @index) }
    end

    # Settles it: it shall be delivered again; see Batch#retry.
    def retry(delay_level = 0)
      settle { |batch| Native.rmq_batch_retry_at(batch, @index, delay_level) }
    end

    private

    def settle(&block)
      raise Error.new(Native::E_STATE, "the message was settled before") if @settled

      @settled = true
      @batch.settle(1, &block)
    end

    def text(field)
      bytes(field)&.force_encoding(Encoding::UTF_8)
    end

    def bytes(field)
      raise Error.new(Native::E_STATE, "the message was settled: read it before") if @settled || @batch.ended?

      pointer = @views.get_pointer(@at + field)
      pointer.read_bytes(@views.get_ulong(@at + field + LENGTH)) unless pointer.null?
    end
  end
end
