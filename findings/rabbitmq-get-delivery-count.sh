#!/bin/sh
# RabbitMQ's quorum queues tell x-delivery-count 0 to basic.get, and nothing to a consumer, for the same first delivery.
#
# Package:  Debian 12: rabbitmq-server 3.10.8, python3-pika 1.2.0
# Guess:    A message that was never delivered before has no x-delivery-count, or 0, however it is taken.
# Seen:     basic.get adds the header with the value 0; basic.deliver leaves it out until the message has come back once.
#           A program that asks for the header to know a quorum queue, or counts from it, differs by the way it takes.
# Use:      findings/rabbitmq-get-delivery-count.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
/usr/bin/python3 - "${PORT:-5672}" <<'PYTHON'
import os, sys, time, pika

try:
    connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', int(sys.argv[1])))
except pika.exceptions.AMQPError:
    print('no RabbitMQ')
    sys.exit(2)
print(connection._impl.server_properties.get('product'), connection._impl.server_properties.get('version'))
channel = connection.channel()
channel.confirm_delivery()
queue = 'finding-%d' % os.getpid()
channel.queue_declare(queue, durable=True, arguments={'x-queue-type': 'quorum'})


def by_get():
    end = time.monotonic() + 5
    while time.monotonic() < end:
        method, properties, _ = channel.basic_get(queue)
        if method is not None:
            channel.basic_ack(method.delivery_tag)
            return (properties.headers or {}).get('x-delivery-count')
    return 'nothing came'


def by_consumer():
    for method, properties, _ in channel.consume(queue, inactivity_timeout=5):
        if method is None:
            return 'nothing came'
        channel.basic_ack(method.delivery_tag)
        channel.cancel()
        return (properties.headers or {}).get('x-delivery-count')


try:
    counts = []
    for take in (by_get, by_consumer):
        channel.basic_publish('', queue, b'x', pika.BasicProperties(delivery_mode=2))
        counts.append(take())
finally:
    channel.queue_delete(queue)
print('x-delivery-count of a first delivery: basic.get', counts[0], 'basic.deliver', counts[1])
if counts != [0, None]:
    print('changed')
    sys.exit(1)
print('as found: 0 for a get, none for a consumer')
PYTHON
