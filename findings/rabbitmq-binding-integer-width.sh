#!/bin/sh
# A binding that one client library made cannot be removed by another one with the same words.
#
# Package:  Debian 12: rabbitmq-server 3.10.8, python3-pika 1.2.0; npm: amqplib 2.3.1
# Guess:    queue.unbind with the arguments {h: 5} removes the binding that queue.bind made with the arguments {h: 5}.
# Seen:     Not between libraries that write a small whole number in different widths: amqplib writes 5 as 8 bits, pika as 32,
#           and to RabbitMQ those are two bindings. unbind answers ok and removes nothing. It is easily overlooked, since the
#           headers exchange itself compares by value: a message with a 32-bit 5 goes through the binding with an 8-bit 5.
# Use:      findings/rabbitmq-binding-integer-width.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
port=${PORT:-5672}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save amqplib@2.3.1 >"$dir/npm" 2>&1) || { echo "amqplib cannot be installed"; exit 2; }
queue="width-$$"
cat >"$dir/bind.cjs" <<'JAVASCRIPT'
const [port, queue] = process.argv.slice(2);
(async () => {
  const connection = await require('amqplib').connect(`amqp://guest:guest@127.0.0.1:${port}`);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: false });
  await channel.bindQueue(queue, 'amq.headers', '', { 'x-match': 'all', h: 5, [queue]: 'x' });
  await connection.close();
})();
JAVASCRIPT
(cd "$dir" && node bind.cjs "$port" "$queue") || { echo "no RabbitMQ"; exit 2; }
/usr/bin/python3 - "$port" "$queue" >"$dir/seen" <<'PYTHON' || { cat "$dir/seen"; echo "changed: the binding is gone"; exit 1; }
import sys, pika
port, queue = int(sys.argv[1]), sys.argv[2]
connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', port))
print('RabbitMQ', connection._impl.server_properties.get('version'), 'pika', pika.__version__)
channel = connection.channel()
headers = {'h': 5, queue: 'x'}
channel.queue_unbind(queue, 'amq.headers', '', dict(headers, **{'x-match': 'all'}))
channel.confirm_delivery()
channel.basic_publish('amq.headers', '', b'x', pika.BasicProperties(headers=headers))
waiting = channel.queue_declare(queue, passive=True).method.message_count
print('messages through the binding that was unbound:', waiting)
channel.queue_delete(queue)
connection.close()
sys.exit(0 if waiting == 1 else 1)
PYTHON
cat "$dir/seen"
echo "as found: unbind has removed nothing"
