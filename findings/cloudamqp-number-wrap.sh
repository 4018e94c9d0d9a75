#!/usr/bin/env bash
# @cloudamqp/amqp-client sends header numbers from 2^31 to 2^32, and their negatives, as other numbers.
#
# Package:  npm: @cloudamqp/amqp-client 4.1.1, amqplib 2.3.1; Debian 12: rabbitmq-server 3.10.8
# Guess:    A whole number that does not fit into 32 bits with a sign goes in 64; a fraction goes as a double.
# Seen:     3000000000 arrives as -1294967296, with its own reader and with amqplib's, and -3000000000 as 1294967296: only from 2^32 up
#           64 bits are taken. A number of milliseconds of a month, or a size of 3 GB, is of this kind. There is no error.
# Use:      findings/cloudamqp-number-wrap.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save @cloudamqp/amqp-client@4.1.1 amqplib@2.3.1 >"$dir/npm" 2>&1) ||
  { echo "the packages cannot be installed"; exit 2; }
cat >"$dir/wrap.cjs" <<'JAVASCRIPT'
const [port, queue] = process.argv.slice(2);
const url = `amqp://guest:guest@127.0.0.1:${port}`;
const { AMQPClient } = require('@cloudamqp/amqp-client');
const headers = { under: 2147483647, over: 2147483648, month: 3000000000, negative: -3000000000, long: 4294967296 };
(async () => {
  const connection = await new AMQPClient(url).connect().catch(() => process.exit(2));
  const channel = await connection.channel();
  await channel.queueDeclare(queue, { durable: true });
  await channel.confirmSelect();
  for (let i = 0; i < 2; i += 1) await channel.basicPublish('', queue, 'x', { headers });
  const own = (await channel.basicGet(queue, { noAck: true })).properties.headers;
  await connection.close();
  const other = await require('amqplib').connect(url);
  const reader = await other.createChannel();
  const others = (await reader.get(queue, { noAck: true })).properties.headers;
  await reader.deleteQueue(queue);
  await other.close();
  for (const [name, sent] of Object.entries(headers)) console.log(`${sent}: ${own[name]}, amqplib ${others[name]}`);
})();
JAVASCRIPT
code=0; (cd "$dir" && timeout 20 node wrap.cjs "${PORT:-5672}" "wrap-$$") >"$dir/seen" 2>"$dir/error" || code=$?
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' '2147483647: 2147483647, amqplib 2147483647' '2147483648: -2147483648, amqplib -2147483648' \
  '3000000000: -1294967296, amqplib -1294967296' '-3000000000: 1294967296, amqplib 1294967296' '4294967296: 4294967296, amqplib 4294967296')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: numbers between 2^31 and 2^32 are wrapped into 32 bits"
