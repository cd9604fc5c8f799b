# frozen_string_literal: true

require "ffi"

module Rmq
  # The C functions that are used here, as rmq.h describes them. Those that wait for brokers let other threads run; the
  # others return at once, so they keep Ruby's lock, and a failure's text can be asked for behind them.
  module Native
    extend FFI::Library
    ffi_lib ENV.fetch("RMQ_LIBRARY", "librmq.so.0")

    OK = 0
    E_STATE = -3
    E_CLOSED = -4
    E_TIMEOUT = -6
    E_WOKEN = -7

    # rmq_message_view
    class View < FFI::Struct
      layout :topic, :pointer, :topic_len, :size_t,
             :body, :pointer, :body_len, :size_t,
             :tags, :pointer, :tags_len, :size_t,
             :keys, :pointer, :keys_len, :size_t,
             :msg_id, :pointer, :msg_id_len, :size_t,
             :queue_offset, :int64, :commit_log_offset, :int64, :born_timestamp, :int64, :store_timestamp, :int64,
             :prepared_transaction_offset, :int64,
             :queue_id, :int32, :reconsume_times, :int32, :flag, :int32, :sys_flag, :int32, :store_size, :int32,
             :body_crc, :int32
    end

    attach_function :rmq_code_name, [:int32], :string
    attach_function :rmq_last_error_code, [], :int32
    attach_function :rmq_last_error_message, [], :string
    attach_function :rmq_config_new, [], :pointer
    attach_function :rmq_config_destroy, [:pointer], :void
    attach_function :rmq_config_set, %i[pointer string string pointer size_t], :int32
    attach_function :rmq_consumer_new, %i[pointer pointer size_t], :pointer
    attach_function :rmq_consumer_subscribe, %i[pointer string string], :int32
    attach_function :rmq_consumer_start, [:pointer], :int32, blocking: true
    attach_function :rmq_consumer_request_stop, [:pointer], :int32
    attach_function :rmq_consumer_destroy, [:pointer], :int32, blocking: true
    attach_function :rmq_consumer_wakeup, [:pointer], :int32
    attach_function :rmq_consumer_wakeup_fd, [:pointer], :int32
    attach_function :rmq_consumer_poll, %i[pointer size_t int32 pointer], :int32
    attach_function :rmq_batch_count, [:pointer], :size_t
    attach_function :rmq_batch_views, %i[pointer pointer size_t size_t], :size_t
    attach_function :rmq_batch_ack, [:pointer], :int32
    attach_function :rmq_batch_ack_at, %i[pointer size_t], :int32
    attach_function :rmq_batch_retry, %i[pointer int32], :int32
    attach_function :rmq_batch_retry_at, %i[pointer size_t int32], :int32
    attach_function :rmq_batch_destroy, [:pointer], :void
  end

  # What a call failed with. Positive codes are the broker's own.
  class Error < StandardError
    attr_reader :code, :name

    def initialize(code, text)
      @code = code
      @name = Native.rmq_code_name(code)
      super("#{text} (#{@name}, #{code})")
    end

    # Raises unless a call succeeded.
    def self.check(code)
      raise new(code, Native.rmq_last_error_message) unless code == Native::OK
    end
  end
end
