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

      (@messages ||= Array.new(@size) { |index| Message.new(self, index) }).each(&block)
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

    def view(index)
      Native::View.new(@views + index * Native::View.size)
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
    def initialize(batch, index)
      @batch = batch
      @index = index
      @view = batch.view(index)
    end

    def topic = text(:topic, :topic_len)
    # nil when there are none.
    def tags = text(:tags, :tags_len)
    def keys = text(:keys, :keys_len)
    def id = text(:msg_id, :msg_id_len)
    # What the producer sent, in binary encoding.
    def body = bytes(:body, :body_len)
    def body_size = @view[:body_len]
    def queue_id = @view[:queue_id]
    def queue_offset = @view[:queue_offset]
    def reconsume_times = @view[:reconsume_times]
    def born_at = Time.at(0, @view[:born_timestamp], :millisecond)
    def stored_at = Time.at(0, @view[:store_timestamp], :millisecond)

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

    def text(start, length)
      bytes(start, length)&.force_encoding(Encoding::UTF_8)
    end

    def bytes(start, length)
      raise Error.new(Native::E_STATE, "the message was settled: read it before") if @settled || @batch.ended?

      pointer = @view[start]
      pointer.read_bytes(@view[length]) unless pointer.null?
    end
  end
end
