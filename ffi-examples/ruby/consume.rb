# frozen_string_literal: true

# Prints messages until Ctrl-C, or so many: ruby consume.rb NAMESRV GROUP TOPIC [COUNT]
#
# A line of each: queue, offset, tags, keys ("-" for none) and body. It is acknowledged once it is printed.

require_relative "lib/rmq"

name_servers, group, topic, count = ARGV
count = Integer(count, exception: false) || 0 if count
if ARGV.size < 3 || ARGV.size > 4 || (count && count < 1)
  warn "usage: consume NAMESRV GROUP TOPIC [COUNT]"
  exit 2
end

# Before the first thread and the first wait, so that no signal is early.
consumer = nil
ended = false
%w[INT TERM].each { |name| trap(name) { ended = true; consumer&.stop } }
$stdout.sync = true
begin
  properties = { "consume.from" => "first_offset" }
  Rmq::Consumer.open(group, name_servers: name_servers, properties: properties) do |opened|
    consumer = opened
    consumer.stop if ended
    consumer.subscribe(topic).each.with_index(1) do |message, seen|
      head = [message.queue_id, message.queue_offset, message.tags || "-", message.keys || "-"].join(" ")
      puts "#{head} #{message.body.force_encoding(Encoding::UTF_8)}"
      begin
        message.ack
      rescue Rmq::Error => e # it took too long, or the queue is another member's now: it comes again
        warn "consume: #{e.message}"
      end
      break if seen == count
    end
  end
rescue Rmq::Error, SystemCallError => e
  warn "consume: #{e.message}"
  exit 1
end
