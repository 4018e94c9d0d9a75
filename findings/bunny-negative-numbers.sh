#!/usr/bin/env bash
# Ruby's Bunny reads negative header numbers of 8 and 32 bits without their sign, though its own, which it sends in 64, are right.
#
# Package:  Debian 12: ruby-bunny 2.19.0-2, ruby-amq-protocol 2.3.2-1, python3-pika 1.2.0, rabbitmq-server 3.10.8; npm: amqplib 2.3.1
# Guess:    -5 is -5, whoever sent it.
# Seen:     pika's -5 (32 bits) is 4294967291 and amqplib's (8 bits) 251; amqplib's -200 (16 bits) and Bunny's own -5 are right. So a
#           test between Ruby programs shows nothing, and a negative reading of a Python or Node program is a huge one in Ruby.
# Use:      findings/bunny-negative-numbers.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm ruby; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
ruby -e 'require "bunny"' 2>/dev/null || { echo "not installed: ruby-bunny"; exit 2; }
export PORT=${PORT:-5672} QUEUE="signs-$$"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save amqplib@2.3.1 >"$dir/npm" 2>&1) || { echo "amqplib cannot be installed"; exit 2; }
cat >"$dir/send.py" <<'PYTHON'
import logging, os, sys, pika
logging.disable(logging.CRITICAL)
try: connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', int(os.environ['PORT'])))
except pika.exceptions.AMQPConnectionError: sys.exit(2)
channel = connection.channel()
channel.queue_declare(os.environ['QUEUE'])
channel.confirm_delivery()
channel.basic_publish('', os.environ['QUEUE'], b'x', pika.BasicProperties(headers={'n': -5}))
connection.close()
PYTHON
cat >"$dir/send.cjs" <<'JAVASCRIPT'
(async () => {
  const connection = await require('amqplib').connect(`amqp://guest:guest@127.0.0.1:${process.env.PORT}`);
  const channel = await connection.createConfirmChannel();
  for (const n of [-5, -200]) channel.sendToQueue(process.env.QUEUE, Buffer.from('x'), { headers: { n } });
  await channel.waitForConfirms();
  await connection.close();
})();
JAVASCRIPT
cat >"$dir/read.rb" <<'RUBY'
require 'bunny'
connection = Bunny.new(host: '127.0.0.1', port: ENV['PORT'].to_i).start
channel = connection.create_channel
channel.confirm_select
channel.default_exchange.publish('x', routing_key: ENV['QUEUE'], headers: { 'n' => -5 })
channel.wait_for_confirms
['pika, -5', 'amqplib, -5', 'amqplib, -200', 'Bunny, -5'].each do |sent|
  _, properties, = channel.basic_get(ENV['QUEUE'])
  puts "#{sent}: #{properties[:headers]['n']}"
end
channel.queue_delete(ENV['QUEUE'])
connection.close
RUBY
code=0; timeout 20 /usr/bin/python3 "$dir/send.py" 2>"$dir/error" || code=$?
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
(cd "$dir" && timeout 20 node send.cjs && timeout 20 ruby read.rb) >"$dir/seen" 2>>"$dir/error" || true
ruby -e 'require "bunny"; puts "Bunny #{Bunny::VERSION}, amq-protocol #{AMQ::Protocol::VERSION}"'
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'pika, -5: 4294967291' 'amqplib, -5: 251' 'amqplib, -200: -200' 'Bunny, -5: -5')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: negative numbers of 8 and 32 bits lose their sign"
