#!/usr/bin/env bash
# PHP's AMQP libraries wait for a confirm, and return as well when the broker has refused the message.
#
# Package:  Debian 12: php-amqplib 3.5.3-1, php-amqp 1.11.0-5, python3-pika 1.2.0, python3-aio-pika 8.2.5, python3-kombu 5.2.4,
#           ruby-bunny 2.19.0, rabbitmq-server 3.10.8; npm: amqplib 2.3.1, @cloudamqp/amqp-client 4.1.1, amqp-connection-manager 5.0.0
# Guess:    A publisher that waits for its confirm is told of a nack (here: a full queue with x-overflow reject-publish) by each
#           library's plainest call: an exception, a rejection, false.
# Seen:     Seven tell it. php-amqplib's wait_for_pending_acks() and php-amqp's waitForConfirm() return as after an ack; php-amqp writes a
#           notice besides. Only with a nack handler (set_nack_handler, the second callback of setConfirmCallback) does the program
#           hear that nothing was kept.
# Use:      findings/php-confirm-refused.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm ruby php; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika, aio_pika, kombu' 2>/dev/null || { echo "not installed: python3-pika, -aio-pika or -kombu"; exit 2; }
ruby -e 'require "bunny"' 2>/dev/null || { echo "not installed: ruby-bunny"; exit 2; }
[ -r /usr/share/php/PhpAmqpLib/autoload.php ] || { echo "not installed: php-amqplib"; exit 2; }
php -r 'exit(class_exists("AMQPConnection") ? 0 : 1);' || { echo "not installed: php-amqp"; exit 2; }
export PORT=${PORT:-5672} QUEUE="full-$$"
export URL="amqp://guest:guest@127.0.0.1:$PORT"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --no-save --legacy-peer-deps amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1 amqp-connection-manager@5.0.0 >npm 2>&1 ||
  { echo "the packages cannot be installed"; exit 2; }
cat >full.py <<'PYTHON'
import logging, os, sys, pika
logging.disable(logging.CRITICAL)
try: channel = pika.BlockingConnection(pika.URLParameters(os.environ['URL'])).channel()
except pika.exceptions.AMQPConnectionError: sys.exit(2)
queue = os.environ['QUEUE']
if sys.argv[1] == 'make':
    channel.queue_declare(queue, arguments={'x-max-length': 1, 'x-overflow': 'reject-publish'})
    channel.basic_publish('', queue, b'the one that has room')
else:
    print('in the queue:', channel.queue_declare(queue, passive=True).method.message_count)
    channel.queue_delete(queue)
PYTHON
cat >publish.py <<'PYTHON'
import asyncio, logging, os, sys, aio_pika, kombu, pika
logging.disable(logging.CRITICAL)
url, queue = os.environ['URL'], os.environ['QUEUE']
def with_pika():
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.confirm_delivery()
    channel.basic_publish('', queue, b'x')
def with_kombu():
    with kombu.Connection(url + '//', transport_options={'confirm_publish': True}) as connection: connection.Producer().publish('x', routing_key=queue, timeout=5)
async def with_aio_pika():
    connection = await aio_pika.connect(url)
    try: await (await connection.channel()).default_exchange.publish(aio_pika.Message(b'x'), queue)
    finally: await connection.close()
for name, call in (('pika', with_pika), ('kombu', with_kombu), ('aio-pika', lambda: asyncio.run(with_aio_pika()))):
    try: call(); print(name + ': returns')
    except Exception as error: print(name + ':', type(error).__name__)
PYTHON
cat >publish.cjs <<'JAVASCRIPT'
const { URL: url, QUEUE: queue } = process.env;
const told = (name, promise) => promise.then(() => console.log(`${name}: returns`), () => console.log(`${name}: rejected`));
(async () => {
  const one = await (await require('amqplib').connect(url)).createConfirmChannel();
  one.sendToQueue(queue, Buffer.from('x'));
  await told('amqplib', one.waitForConfirms());
  const two = await (await new (require('@cloudamqp/amqp-client').AMQPClient)(url).connect()).channel();
  await two.confirmSelect();
  await told('@cloudamqp/amqp-client', two.basicPublish('', queue, 'x'));
  await told('amqp-connection-manager', require('amqp-connection-manager').connect([url]).createChannel().sendToQueue(queue, Buffer.from('x')));
  process.exit(0);
})();
JAVASCRIPT
cat >publish.rb <<'RUBY'
require 'bunny'
channel = Bunny.new(ENV['URL']).start.create_channel
channel.confirm_select
channel.default_exchange.publish('x', routing_key: ENV['QUEUE'])
puts "Bunny: #{channel.wait_for_confirms ? 'returns' : 'false'}"
RUBY
cat >publish.php <<'PHP'
<?php
require '/usr/share/php/PhpAmqpLib/autoload.php';
$channel = (new PhpAmqpLib\Connection\AMQPStreamConnection('127.0.0.1', (int) getenv('PORT'), 'guest', 'guest'))->channel();
$channel->confirm_select();
$channel->basic_publish(new PhpAmqpLib\Message\AMQPMessage('x'), '', getenv('QUEUE'));
try { $channel->wait_for_pending_acks(5); echo "php-amqplib: returns\n"; }
catch (Exception $error) { echo "php-amqplib: ", get_class($error), "\n"; }
$connection = new AMQPConnection(['host' => '127.0.0.1', 'port' => (int) getenv('PORT'), 'login' => 'guest', 'password' => 'guest']);
$connection->connect();
$channel = new AMQPChannel($connection);
$channel->confirmSelect();
(new AMQPExchange($channel))->publish('x', getenv('QUEUE'));
try { $channel->waitForConfirm(5); echo "php-amqp: returns\n"; }
catch (Exception $error) { echo "php-amqp: ", get_class($error), "\n"; }
PHP
code=0; timeout 20 /usr/bin/python3 full.py make || code=$?
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
{ timeout 30 /usr/bin/python3 publish.py; timeout 20 node publish.cjs; timeout 20 ruby publish.rb; timeout 20 php publish.php; } >seen 2>error || true
timeout 20 /usr/bin/python3 full.py look >>seen
cat seen
cat >expected <<'TEXT'
pika: NackError
kombu: MessageNacked
aio-pika: DeliveryError
amqplib: rejected
@cloudamqp/amqp-client: rejected
amqp-connection-manager: rejected
Bunny: false
php-amqplib: returns
php-amqp: returns
in the queue: 1
TEXT
cmp -s seen expected || { tail -n 5 error; echo "changed"; exit 1; }
echo "as found: in PHP a refused message looks like a confirmed one"
