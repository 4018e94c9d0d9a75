#!/usr/bin/env bash
# A queue is deleted under its consumers: of twelve clients' programs five are not told, and wait for ever.
#
# Package:  Debian 12: python3-pika 1.2.0, python3-aio-pika 8.2.5, python3-kombu 5.2.4, ruby-bunny 2.19.0, php-amqplib 3.5.3, php-amqp
#           1.11.0, libanyevent-rabbitmq-perl 1.22, amqp-tools 0.11.0, rabbitmq-server 3.10.8; npm: amqplib 2.3.1,
#           @cloudamqp/amqp-client 4.1.1
# Guess:    RabbitMQ sends basic.cancel, so every client that consumes as its manual shows returns, throws or calls back within seconds.
# Seen:     pika returns from start_consuming() and consume(), kombu and php-amqplib throw, @cloudamqp/amqp-client rejects, amqplib
#           calls back with null, AnyEvent::RabbitMQ calls on_cancel. aio-pika's iterator (connect() and connect_robust()), Bunny's
#           subscribe(block: true), php-amqp's consume() and amqp-consume are not told: connected, idle, and nobody knows. (Bunny
#           says so when asked, by on_cancellation.)
# Use:      findings/amqp-cancelled-consumers.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm ruby php perl amqp-consume; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika, aio_pika, kombu' 2>/dev/null || { echo "not installed: python3-pika, -aio-pika or -kombu"; exit 2; }
ruby -e 'require "bunny"' 2>/dev/null || { echo "not installed: ruby-bunny"; exit 2; }
[ -r /usr/share/php/PhpAmqpLib/autoload.php ] || { echo "not installed: php-amqplib"; exit 2; }
php -r 'exit(class_exists("AMQPConnection") ? 0 : 1);' || { echo "not installed: php-amqp"; exit 2; }
perl -MAnyEvent::RabbitMQ -e 1 2>/dev/null || { echo "not installed: libanyevent-rabbitmq-perl"; exit 2; }
export PORT=${PORT:-5672}
export URL="amqp://guest:guest@127.0.0.1:$PORT"
dir=$(mktemp -d); running=
trap 'kill $running 2>/dev/null || true; rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1 >"$dir/npm" 2>&1) ||
  { echo "the packages cannot be installed"; exit 2; }
cd "$dir"
cat >pika-start.py <<'PYTHON'
import os, pika
channel = pika.BlockingConnection(pika.URLParameters(os.environ['URL'])).channel()
channel.basic_consume(os.environ['QUEUE'], lambda *_: None, auto_ack=True)
print('ready', flush=True)
channel.start_consuming()
print('start_consuming() returned')
PYTHON
cat >pika-consume.py <<'PYTHON'
import os, pika
channel = pika.BlockingConnection(pika.URLParameters(os.environ['URL'])).channel()
print('ready', flush=True)
for _ in channel.consume(os.environ['QUEUE'], auto_ack=True): pass
print('consume() ended')
PYTHON
cat >aio-pika.py <<'PYTHON'
import asyncio, os, sys, aio_pika
async def main():
    connection = await getattr(aio_pika, os.environ.get('CONNECT', 'connect'))(os.environ['URL'])
    queue = await (await connection.channel()).get_queue(os.environ['QUEUE'])
    async with queue.iterator(no_ack=True) as messages:
        print('ready', flush=True)
        async for _ in messages: pass
    print('iterator ended')
asyncio.run(main())
PYTHON
sed "s/'connect')/'connect_robust')/" aio-pika.py >aio-pika-robust.py
cat >kombu.py <<'PYTHON'
import os, sys
# This file has the library's name.
sys.path.pop(0)
import kombu
with kombu.Connection(os.environ['URL'] + '//') as connection, connection.Consumer([kombu.Queue(os.environ['QUEUE'], no_declare=True)], callbacks=[lambda *_: None]):
    print('ready', flush=True)
    try:
        while True: connection.drain_events()
    except Exception as error: print('threw', type(error).__name__)
PYTHON
cat >amqplib.cjs <<'JAVASCRIPT'
(async () => {
  const channel = await (await require('amqplib').connect(process.env.URL)).createChannel();
  await channel.consume(process.env.QUEUE, (message) => { console.log(`called back with ${message}`); process.exit(0); });
  console.log('ready');
})();
JAVASCRIPT
cat >cloudamqp.cjs <<'JAVASCRIPT'
(async () => {
  const channel = await (await new (require('@cloudamqp/amqp-client').AMQPClient)(process.env.URL).connect()).channel();
  const consumer = await channel.basicConsume(process.env.QUEUE, {}, () => {});
  console.log('ready');
  await consumer.wait().then(() => console.log('wait() resolved'), () => console.log('wait() rejected'));
  process.exit(0);
})();
JAVASCRIPT
cat >bunny.rb <<'RUBY'
# This file has the library's name.
$LOAD_PATH.reject! { |path| path == Dir.pwd }
require 'bunny'
$stdout.sync = true
queue = Bunny.new(ENV['URL']).start.create_channel.queue(ENV['QUEUE'], passive: true)
puts 'ready'
queue.subscribe(block: true) { |*| }
puts 'subscribe() returned'
RUBY
cat >php-amqplib.php <<'PHP'
<?php
require '/usr/share/php/PhpAmqpLib/autoload.php';
$channel = (new PhpAmqpLib\Connection\AMQPStreamConnection('127.0.0.1', (int) getenv('PORT'), 'guest', 'guest'))->channel();
$channel->basic_consume(getenv('QUEUE'), '', false, true, false, false, function () {});
echo "ready\n";
try { while ($channel->is_consuming()) $channel->wait(); echo "no longer consuming\n"; }
catch (Exception $error) { echo 'threw ', (new ReflectionClass($error))->getShortName(), "\n"; }
PHP
cat >php-amqp.php <<'PHP'
<?php
$connection = new AMQPConnection(['host' => '127.0.0.1', 'port' => (int) getenv('PORT'), 'login' => 'guest', 'password' => 'guest']);
$connection->connect();
$queue = new AMQPQueue(new AMQPChannel($connection));
$queue->setName(getenv('QUEUE'));
echo "ready\n";
try { $queue->consume(function () {}, AMQP_AUTOACK); echo "consume() returned\n"; }
catch (Exception $error) { echo 'threw ', get_class($error), "\n"; }
PHP
cat >anyevent.pl <<'PERL'
use strict; use warnings; use AnyEvent; use AnyEvent::RabbitMQ;
$| = 1;
my ($done, $channel) = AE::cv;
my $told = sub { my $word = shift; return sub { print "$word\n"; $done->send } };
my $client = AnyEvent::RabbitMQ->new->load_xml_spec();
$client->connect(host => '127.0.0.1', port => $ENV{PORT}, user => 'guest', pass => 'guest', vhost => '/', timeout => 5, on_return => sub {},
  on_read_failure => $told->('read failure'), on_close => $told->('connection closed'), on_failure => $told->('failed'),
  on_success => sub { shift->open_channel(on_close => $told->('channel closed'), on_failure => $told->('failed'), on_success => sub {
    $channel = shift;
    $channel->consume(queue => $ENV{QUEUE}, on_consume => sub {}, on_failure => $told->('failed'), on_cancel => $told->('on_cancel called'), on_success => sub { print "ready\n" });
  }) });
$done->recv;
PERL
amqp-declare-queue -u "$URL" -q "cancel-$$-probe" >/dev/null 2>&1 || { echo "no RabbitMQ"; exit 2; }
amqp-delete-queue -u "$URL" -q "cancel-$$-probe" >/dev/null
all="pika-start.py pika-consume.py kombu.py php-amqplib.php cloudamqp.cjs amqplib.cjs anyevent.pl aio-pika.py aio-pika-robust.py bunny.rb php-amqp.php amqp-consume"
for client in $all; do
  export QUEUE="cancel-$$-$client"
  amqp-declare-queue -u "$URL" -q "$QUEUE" >/dev/null
  case $client in
    *.py) timeout 50 /usr/bin/python3 -u "$client" ;;
    *.cjs) timeout 50 node "$client" ;;
    *.rb) timeout 50 ruby "$client" ;;
    *.php) timeout 50 php "$client" ;;
    *.pl) timeout 50 perl "$client" ;;
    *) echo ready; timeout 50 amqp-consume -u "$URL" -q "$QUEUE" cat && echo "ended" ;;
  esac >"$client.out" 2>"$client.error" & running="$running $!"
done
for client in $all; do for _ in $(seq 100); do grep -q ready "$client.out" && break || sleep 0.2; done; done
# What says "ready" before it consumes does so within this.
sleep 2
for client in $all; do amqp-delete-queue -u "$URL" -q "cancel-$$-$client" >/dev/null; done
for client in pika-start.py pika-consume.py kombu.py php-amqplib.php cloudamqp.cjs amqplib.cjs anyevent.pl; do
  for _ in $(seq 50); do [ "$(wc -l <"$client.out")" -ge 2 ] && break || sleep 0.2; done
done
sleep 3
for client in $all; do echo "${client%.*}: $(sed -n 2p "$client.out" | grep . || echo waits)"; done >seen
cat seen
cat >expected <<'TEXT'
pika-start: start_consuming() returned
pika-consume: consume() ended
kombu: threw ConsumerCancelled
php-amqplib: threw AMQPBasicCancelException
cloudamqp: wait() rejected
amqplib: called back with null
anyevent: on_cancel called
aio-pika: waits
aio-pika-robust: waits
bunny: waits
php-amqp: waits
amqp-consume: waits
TEXT
cmp -s seen expected || { tail -n 3 ./*.error; echo "changed"; exit 1; }
echo "as found: seven are told, five wait for what can never come"
