#!/usr/bin/env bash
# pika 1.2 reads numbers in headers wrong: a whole number below -2147483648, its own as well, and every fraction.
#
# Package:  Debian 12: python3-pika 1.2.0-1*, php-amqplib 3.5.3-1, php-amqp 1.11.0-5, ruby-bunny 2.19.0-2, rabbitmq-server 3.10.8
# Guess:    What one client writes into a header another reads as the same number, or refuses; a fraction goes through everywhere.
# Seen:     -3000000000 comes back to pika that sent it as 18446744070709551616, and cannot be sent on: packing it fails. Bunny's and
#           php-amqp's -5 comes as 18446744073709551611, for they write every whole number in 64 bits. A fraction: pika refuses to send
#           it, php-amqplib sends it as text, and Bunny's and php-amqp's 1.5 is 1 when pika has read it.
# Use:      findings/pika-header-numbers.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in php ruby; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
[ -r /usr/share/php/PhpAmqpLib/autoload.php ] || { echo "not installed: php-amqplib"; exit 2; }
php -r 'exit(class_exists("AMQPConnection") ? 0 : 1);' || { echo "not installed: php-amqp"; exit 2; }
ruby -e 'require "bunny"' 2>/dev/null || { echo "not installed: ruby-bunny"; exit 2; }
export PORT=${PORT:-5672} QUEUE="numbers-$$"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cat >"$dir/phplib.php" <<'PHP'
<?php
require '/usr/share/php/PhpAmqpLib/autoload.php';
$connection = new PhpAmqpLib\Connection\AMQPStreamConnection('127.0.0.1', (int) getenv('PORT'), 'guest', 'guest');
$headers = new PhpAmqpLib\Wire\AMQPTable(['whole' => -5, 'fraction' => 1.5]);
$connection->channel()->basic_publish(new PhpAmqpLib\Message\AMQPMessage('x', ['application_headers' => $headers]), '', getenv('QUEUE'));
$connection->close();
PHP
cat >"$dir/pecl.php" <<'PHP'
<?php
$connection = new AMQPConnection(['host' => '127.0.0.1', 'port' => (int) getenv('PORT'), 'login' => 'guest', 'password' => 'guest']);
$connection->connect();
$exchange = new AMQPExchange(new AMQPChannel($connection));
$exchange->publish('x', getenv('QUEUE'), AMQP_NOPARAM, ['headers' => ['whole' => -5, 'fraction' => 1.5]]);
$connection->disconnect();
PHP
cat >"$dir/bunny.rb" <<'RUBY'
require 'bunny'
connection = Bunny.new(host: '127.0.0.1', port: ENV['PORT'].to_i).start
connection.create_channel.default_exchange.publish('x', routing_key: ENV['QUEUE'], headers: { 'whole' => -5, 'fraction' => 1.5 })
connection.close
RUBY
cat >"$dir/read.py" <<'PYTHON'
import os, subprocess, sys, time, pika

port, queue, where = int(os.environ['PORT']), os.environ['QUEUE'], sys.argv[1]
try:
    connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', port))
except pika.exceptions.AMQPConnectionError:
    sys.exit(2)
channel = connection.channel()
channel.queue_declare(queue)

def take():
    for _ in range(50):
        method, properties, _body = channel.basic_get(queue, auto_ack=True)
        if method: return properties
        time.sleep(0.1)
    sys.exit('nothing came')

channel.basic_publish('', queue, b'x', pika.BasicProperties(headers={'whole': -3000000000}))
own = take()
print('pika, its own -3000000000:', int(own.headers['whole']))
try:
    channel.basic_publish('', queue, b'x', own)
    print('sent on')
except Exception as error:
    print('sent on:', type(error).__name__)
connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', port))
channel = connection.channel()
try:
    channel.basic_publish('', queue, b'x', pika.BasicProperties(headers={'fraction': 1.5}))
    print('pika, 1.5: sent')
except Exception as error:
    print('pika, 1.5:', type(error).__name__)
connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', port))
channel = connection.channel()
for name, command in (('php-amqplib', ['php', 'phplib.php']), ('php-amqp', ['php', 'pecl.php']), ('Bunny', ['ruby', 'bunny.rb'])):
    subprocess.run(command, cwd=where, check=True, timeout=20)
    headers = take().headers
    print('%s, -5 and 1.5: %d and %s' % (name, headers['whole'], str(headers['fraction']) + (', a text' if isinstance(headers['fraction'], str) else '')))
channel.queue_delete(queue)
PYTHON
code=0; timeout 50 /usr/bin/python3 "$dir/read.py" "$dir" >"$dir/seen" 2>"$dir/error" || code=$?
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
/usr/bin/python3 -c 'import pika; print("pika", pika.__version__)'
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'pika, its own -3000000000: 18446744070709551616' 'sent on: error' 'pika, 1.5: UnsupportedAMQPFieldException' \
  'php-amqplib, -5 and 1.5: -5 and 1.5, a text' 'php-amqp, -5 and 1.5: 18446744073709551611 and 1' 'Bunny, -5 and 1.5: 18446744073709551611 and 1')" ] ||
  { cat "$dir/error"; echo "changed"; exit 1; }
echo "as found: 64-bit numbers are read as if they had no sign, fractions lose what is behind the point, are text, or cannot be sent"
