# Ruby's stomp gem (Debian's ruby-stomp) against the broker at 127.0.0.1:PORT, in each version of STOMP.
#
# usage: ruby stomp.rb PORT NAME
#
# NAME: what the queues' and topics' names begin with. Prints a line for each part that works, and exits 1 with the reason
# at the first that does not.

require 'stomp'
require 'timeout'

PORT = Integer(ARGV[0])
NAME = ARGV[1]
BODY = "Gr\u00fc\u00dfe: a\nb".freeze

def expect(what, got, wanted)
  raise "#{what}: #{got.inspect} instead of #{wanted.inspect}" unless got == wanted
end

def hash(version, more = {})
  headers = version == '1.0' ? {} : { 'accept-version' => version, 'host' => '/', 'heart-beat' => '0,0' }
  {
    hosts: [{ login: 'guest', passcode: 'guest', host: '127.0.0.1', port: PORT, ssl: false }],
    connect_headers: headers.merge(more), reliable: false, logger: nil
  }
end

# The library's own receipts: `receipt` blocks until the next frame.
def receipt(connection, id)
  frame = connection.receive
  expect("the receipt #{id}", [frame.command, frame.headers['receipt-id']], ['RECEIPT', id])
end

def acknowledge(connection, version, message, more = {})
  case version
  when '1.0' then connection.ack(message.headers['message-id'], more)
  when '1.1' then connection.ack(message.headers['message-id'], { 'subscription' => 's' }.merge(more))
  else connection.ack(message.headers['ack'], more)
  end
end

# Stomp::Connection: frame by frame.
def frames(version)
  connection = Stomp::Connection.new(hash(version))
  queue = "/queue/#{NAME}-#{version}"
  3.times do |i|
    connection.publish(queue, "m#{i}", 'persistent' => true, 'receipt' => "sent-#{i}", 'own' => 'a:b')
    receipt(connection, "sent-#{i}")
  end
  # With a receipt: the receipt comes before the messages that wait.
  connection.subscribe(queue, { 'ack' => 'client', 'id' => 's', 'receipt' => 'subscribed' }, 's')
  receipt(connection, 'subscribed')
  3.times do |i|
    message = connection.receive
    expect('body', message.body, "m#{i}")
    # 1.0 has no escapes, so that its value may hold a colon as it is.
    expect('header', message.headers['own'], 'a:b')
    expect('persistent', message.headers['persistent'], 'true')
    acknowledge(connection, version, message)
  end

  [BODY, "\0\x01\n\xff\0".b, ''].each_with_index do |body, i|
    connection.publish(queue, body, 'receipt' => "b-#{i}")
    got = []
    2.times { got << connection.receive }
    message = got.find { |frame| frame.command == 'MESSAGE' }
    expect('bytes', message.body.b, body.b)
    acknowledge(connection, version, message)
  end

  connection.begin('t1')
  connection.publish(queue, 'undone', 'transaction' => 't1')
  connection.abort('t1')
  connection.begin('t2')
  connection.publish(queue, 'kept', 'transaction' => 't2')
  connection.commit('t2')
  message = connection.receive
  expect('committed', message.body, 'kept')
  acknowledge(connection, version, message)

  # An acknowledgement in a transaction that is aborted does not count.
  connection.publish(queue, 'twice', 'persistent' => 'true')
  message = connection.receive
  connection.begin('t3')
  acknowledge(connection, version, message, 'transaction' => 't3')
  connection.abort('t3')
  connection.disconnect
  connection = Stomp::Connection.new(hash(version))
  connection.subscribe(queue, { 'ack' => 'client', 'id' => 's' }, 's')
  message = connection.receive
  expect('again', [message.body, message.headers['redelivered']], %w[twice true])
  acknowledge(connection, version, message, 'receipt' => 'done')
  receipt(connection, 'done')
  connection.unsubscribe(queue, { 'id' => 's', 'receipt' => 'ended' }, 's')
  receipt(connection, 'ended')
  connection.disconnect('receipt' => 'bye')
end

# Stomp::Client: a thread that calls back.
def callbacks(version)
  client = Stomp::Client.new(hash(version))
  topic = "/topic/#{NAME}-#{version}"
  got = Queue.new
  client.subscribe(topic, 'id' => 't') { |message| got << message.body }
  sent = Queue.new
  # Its receipt comes when the subscription is there, for both go the same way.
  client.publish("/queue/#{NAME}-other", 'x') { |frame| sent << frame }
  sent.pop
  200.times { |i| client.publish(topic, i.to_s) }
  expect('topic', Array.new(200) { got.pop }, (0...200).map(&:to_s))
  client.unsubscribe(topic, 'id' => 't')
  client.close
end

# A durable subscription, as RabbitMQ has it or as ActiveMQ has it: each broker passes over the other's words.
def durable(version)
  topic = "/topic/#{NAME}-durable-#{version}"
  words = { 'id' => 'd', 'durable' => 'true', 'auto-delete' => 'false', 'activemq.subscriptionName' => "#{NAME}-#{version}" }
  connection = Stomp::Connection.new(hash(version, 'client-id' => "#{NAME}-#{version}"))
  connection.subscribe(topic, words.merge('receipt' => 'r'), 'd')
  receipt(connection, 'r')
  connection.disconnect('receipt' => 'away')
  publisher = Stomp::Connection.new(hash(version))
  publisher.publish(topic, 'kept', 'persistent' => 'true', 'receipt' => 'sent')
  receipt(publisher, 'sent')
  publisher.disconnect
  connection = Stomp::Connection.new(hash(version, 'client-id' => "#{NAME}-#{version}"))
  connection.subscribe(topic, words, 'd')
  expect('durable', connection.receive.body, 'kept')
  connection.disconnect
end

begin
  %w[1.0 1.1 1.2].each do |version|
    Timeout.timeout(15) do
      frames(version)
      callbacks(version)
      durable(version)
    end
    puts "ok #{version}"
  end
rescue StandardError => e
  warn "#{e.class}: #{e.message}"
  warn e.backtrace.first(5)
  exit 1
end
