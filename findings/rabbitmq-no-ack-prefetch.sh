#!/bin/sh
# RabbitMQ holds no-ack consumers back while the prefetch of their channel is used up by others.
#
# Package:  Debian 12: rabbitmq-server 3.10.8, python3-pika 1.2.0
# Guess:    A consumer without acknowledgements is never held by basic.qos: AMQP 0-9-1 says that prefetch-count is ignored then.
# Seen:     With basic.qos of global=true it is. One consumer of the channel holds an unacknowledged message; what is published
#           for a no-ack consumer of another queue waits until the first is acknowledged. (With global=false it does not.)
# Use:      findings/rabbitmq-no-ack-prefetch.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
/usr/bin/python3 - "${PORT:-5672}" <<'PYTHON'
import sys, time, pika

try:
    connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', int(sys.argv[1])))
except pika.exceptions.AMQPError:
    print('no RabbitMQ')
    sys.exit(2)
print(connection._impl.server_properties.get('product'), connection._impl.server_properties.get('version'))


def got_by_no_ack_consumer(is_global):
    """How many of three messages come before, and after, the other consumer's acknowledgement."""
    channel = connection.channel()
    held, free = (channel.queue_declare('', exclusive=True).method.queue for _ in range(2))
    channel.basic_qos(prefetch_count=1, global_qos=is_global)
    tags, bodies = [], []
    channel.basic_consume(held, lambda _c, method, _p, _b: tags.append(method.delivery_tag))
    channel.basic_consume(free, lambda _c, _m, _p, body: bodies.append(body), auto_ack=True)

    def wait(holds):
        end = time.monotonic() + 3
        while not holds() and time.monotonic() < end:
            connection.process_data_events(0.1)

    channel.basic_publish('', held, b'held')
    wait(lambda: tags)
    for _ in range(3):
        channel.basic_publish('', free, b'free')
    wait(lambda: len(bodies) == 3)
    before = len(bodies)
    channel.basic_ack(tags[0])
    wait(lambda: len(bodies) == 3)
    channel.close()
    return before, len(bodies)


per_consumer, per_channel = got_by_no_ack_consumer(False), got_by_no_ack_consumer(True)
print('before and after the acknowledgement: global=false', per_consumer, 'global=true', per_channel)
if (per_consumer, per_channel) != ((3, 3), (0, 3)):
    print('changed')
    sys.exit(1)
print('as found: held by the prefetch of its channel')
PYTHON
