#!/usr/bin/env bash
# Node's AMQP clients round 64-bit numbers in headers, and say nothing of it.
#
# Package:  npm: amqplib 2.3.1, @cloudamqp/amqp-client 4.1.1; Debian 12: python3-pika 1.2.0, rabbitmq-server 3.10.8
# Guess:    A whole number that a JavaScript number cannot hold comes as a BigInt (@cloudamqp/amqp-client sends BigInts) or as bytes.
# Seen:     9007199254740993 is 9007199254740992 in both, of type number. An identifier in a header that a database made (or a
#           snowflake) points to another row then; as text, or in correlation-id, it stays what it was.
# Use:      findings/amqp-node-long-numbers.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
port=${PORT:-5672} queue="long-$$"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1 >"$dir/npm" 2>&1) ||
  { echo "the packages cannot be installed"; exit 2; }
/usr/bin/python3 - "$port" "$queue" <<'PYTHON' || { echo "no RabbitMQ"; exit 2; }
import logging, sys, pika
logging.disable(logging.CRITICAL)
connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', int(sys.argv[1])))
channel = connection.channel()
channel.queue_declare(sys.argv[2])
channel.confirm_delivery()
for _ in range(2): channel.basic_publish('', sys.argv[2], b'x', pika.BasicProperties(headers={'id': 9007199254740993}))
connection.close()
PYTHON
cat >"$dir/read.cjs" <<'JAVASCRIPT'
const [port, queue] = process.argv.slice(2);
const url = `amqp://guest:guest@127.0.0.1:${port}`;
const { AMQPClient } = require('@cloudamqp/amqp-client');
const shown = (name, value) => console.log(`${name}: ${value}, a ${typeof value}`);
(async () => {
  const one = await require('amqplib').connect(url);
  const channel = await one.createChannel();
  shown('amqplib', (await channel.get(queue, { noAck: true })).properties.headers.id);
  const two = await new AMQPClient(url).connect();
  shown('@cloudamqp/amqp-client', (await (await two.channel()).basicGet(queue, { noAck: true })).properties.headers.id);
  await two.close();
  await channel.deleteQueue(queue);
  await one.close();
})();
JAVASCRIPT
(cd "$dir" && timeout 20 node read.cjs "$port" "$queue") >"$dir/seen" 2>"$dir/error" || true
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'amqplib: 9007199254740992, a number' '@cloudamqp/amqp-client: 9007199254740992, a number')" ] ||
  { cat "$dir/error"; echo "changed"; exit 1; }
echo "as found: 9007199254740993 was sent, 9007199254740992 was read, by both"
