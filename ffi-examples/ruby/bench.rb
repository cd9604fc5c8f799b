# frozen_string_literal: true

# Measures how fast Ruby gets messages: ruby bench.rb NAMESRV GROUP TOPIC COUNT
#
# It prints a JSON object: seconds from the first to the last message, and loop_seconds that the calls into C for as many
# messages take when one batch is read again and again, which is the bound of the language.

require "json"
require_relative "lib/rmq"

name_servers, group, topic, count = ARGV
count = Integer(count || "", exception: false) || 0
if ARGV.size != 4 || count < 1
  warn "usage: bench NAMESRV GROUP TOPIC COUNT"
  exit 2
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Reads what every handling would.
def touch(batch)
  batch.sum { |message| message.queue_offset + message.body_size }
end

begin
  properties = { "consume.from" => "first_offset" }
  Rmq::Consumer.open(group, name_servers: name_servers, properties: properties) do |consumer|
    seen = 0
    first = last = loop_seconds = nil
    consumer.subscribe(topic).each_batch do |batch|
      first ||= now
      touch(batch)
      seen += batch.size
      if seen >= count
        last = now
        (count.to_f / batch.size).ceil.times do
          batch.read
          touch(batch)
        end
        loop_seconds = now - last
      end
      batch.ack
      break if last
    end
    puts JSON.generate(language: "ruby", messages: seen, seconds: last - first, loop_seconds: loop_seconds)
  end
rescue Rmq::Error => e
  warn "bench: #{e.message}"
  exit 1
end
