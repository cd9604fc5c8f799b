# frozen_string_literal: true

require "fiber"

# The least that Ruby asks of a fiber scheduler: descriptors and time, one thread, one IO.select for all fibers.
class Scheduler
  def initialize
    @readable = {} # descriptor => fiber
    @timers = {} # fiber => when
    @blocked = {} # fibers that another thread wakes
    @woken = Thread::Queue.new
    @pipe = IO.pipe
  end

  def run
    until @readable.empty? && @timers.empty? && @blocked.empty?
      wait = @timers.values.min&.then { |at| [at - now, 0].max }
      ready, = IO.select(@readable.keys + [@pipe.first], [], [], wait)
      @pipe.first.read_nonblock(1000, exception: false) if ready&.include?(@pipe.first)
      fibers = (ready || []).filter_map { |io| @readable.delete(io) }
      fibers += @timers.select { |_, at| at <= now }.keys
      fibers << @woken.pop until @woken.empty?
      fibers.uniq.each do |fiber|
        @timers.delete(fiber)
        fiber.resume if fiber.alive?
      end
    end
  end

  alias close run

  def fiber(&block)
    Fiber.new(blocking: false, &block).tap(&:resume)
  end

  def io_wait(io, events, timeout)
    raise NotImplementedError unless events == IO::READABLE

    @readable[io] = Fiber.current
    @timers[Fiber.current] = now + timeout if timeout
    Fiber.yield
    @readable.delete(io) ? false : events
  end

  def kernel_sleep(duration = nil)
    block(:sleep, duration)
  end

  def block(_blocker, timeout = nil)
    @blocked[Fiber.current] = true
    @timers[Fiber.current] = now + timeout if timeout
    Fiber.yield
    !@blocked.delete(Fiber.current)
  end

  def unblock(_blocker, fiber)
    @blocked.delete(fiber)
    @woken << fiber
    @pipe.last.write_nonblock(".", exception: false)
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
