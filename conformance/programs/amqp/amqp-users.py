#!/usr/bin/env python3
"""What users of pika write, over AMQP 0-9-1: `amqp-users.py PORT`.

Prints a line for each thing that works, and ends with 1 at the first that does not."""
import sys

import pika
from pika.exceptions import ChannelClosedByBroker, NackError, UnroutableError

PORT = int(sys.argv[1])
PARAMETERS = pika.ConnectionParameters(
    host="127.0.0.1", port=PORT, credentials=pika.PlainCredentials("guest", "guest"), heartbeat=30
)
PERSISTENT = pika.BasicProperties(delivery_mode=2)


def works(what):
    print(f"works: {what}", flush=True)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} instead of {wanted!r}")


def deliveries(channel, queue, count, **more):
    """The next deliveries of a consumer of its own, which is cancelled afterwards."""
    found = []
    for method, properties, body in channel.consume(queue, inactivity_timeout=10, **more):
        if method is None:
            raise AssertionError(f"{len(found)} of {count} deliveries")
        found.append((method, properties, body))
        if len(found) == count:
            break
    return found


def publish_confirm_get(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    queue = channel.queue_declare("pika.q", durable=True).method
    expect((queue.queue, queue.message_count, queue.consumer_count), ("pika.q", 0, 0))
    headers = {"text": "größe", "number": 7, "large": 2**40, "yes": True, "list": [1, "two"], "table": {"a": None}}
    properties = pika.BasicProperties(
        delivery_mode=2, content_type="text/plain", message_id="m-1", correlation_id="c-1", priority=3, headers=headers
    )
    channel.basic_publish("", "pika.q", b"hello", properties, mandatory=True)
    works("publish with confirms")
    method, properties, body = channel.basic_get("pika.q")
    expect(body, b"hello")
    expect((method.routing_key, method.redelivered, method.message_count), ("pika.q", False, 0))
    expect((properties.message_id, properties.priority, properties.headers), ("m-1", 3, headers))
    channel.basic_ack(method.delivery_tag)
    expect(channel.basic_get("pika.q"), (None, None, None))
    works("get and acknowledge")
    try:
        channel.basic_publish("", "pika.nobody", b"lost", PERSISTENT, mandatory=True)
        raise AssertionError("an unroutable message was not returned")
    except UnroutableError as error:
        expect(error.messages[0].body, b"lost")
    works("returned when mandatory")
    channel.close()


def bind(connection):
    channel = connection.channel()
    channel.exchange_declare("pika.x", "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "pika.x", "orders.*.created")
    channel.confirm_delivery()
    for key in ("orders.7.created", "orders.7.deleted", "orders.8.created"):
        channel.basic_publish("pika.x", key, key.encode())
    found = deliveries(channel, queue, 2, auto_ack=True)
    expect([method.routing_key for method, _, _ in found], ["orders.7.created", "orders.8.created"])
    channel.cancel()
    channel.queue_unbind(queue, "pika.x", "orders.*.created")
    channel.exchange_delete("pika.x")
    works("bind, route by topic, unbind")
    channel.close()


def consume(connection):
    channel = connection.channel()
    channel.queue_declare("pika.work", durable=True)
    channel.confirm_delivery()
    for n in range(10):
        channel.basic_publish("", "pika.work", str(n).encode(), PERSISTENT)
    channel.basic_qos(prefetch_count=3)
    seen = []

    def on_message(_channel, method, _properties, body):
        seen.append((body, method.redelivered))
        if body == b"4" and not method.redelivered:
            channel.basic_nack(method.delivery_tag, requeue=True)
        else:
            channel.basic_ack(method.delivery_tag)
        if len(seen) == 11:
            channel.stop_consuming()

    channel.basic_consume("pika.work", on_message)
    channel.start_consuming()
    expect(sorted(int(body) for body, _ in seen), sorted([*range(10), 4]))
    expect([body for body, redelivered in seen if redelivered], [b"4"])
    works("consume with prefetch, acknowledge, nack with requeue")
    expect(channel.queue_declare("pika.work", passive=True).method.message_count, 0)
    channel.queue_delete("pika.work")
    channel.close()


def dead_letters(connection):
    channel = connection.channel()
    channel.queue_declare("pika.dead", durable=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "pika.dead", "x-max-priority": 5}
    channel.queue_declare("pika.rejects", durable=True, arguments=arguments)
    channel.confirm_delivery()
    channel.basic_publish("", "pika.rejects", b"poison", PERSISTENT)
    method, _, _ = channel.basic_get("pika.rejects")
    channel.basic_nack(method.delivery_tag, requeue=False)
    [(method, properties, body)] = deliveries(channel, "pika.dead", 1)
    channel.basic_ack(method.delivery_tag)
    channel.cancel()
    death = properties.headers["x-death"][0]
    expect((body, death["queue"], death["reason"], death["count"]), (b"poison", "pika.rejects", "rejected", 1))
    works("nack without requeue, dead letter")
    channel.queue_declare("pika.full", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.basic_publish("", "pika.full", b"fits", PERSISTENT)
    try:
        channel.basic_publish("", "pika.full", b"does not", PERSISTENT)
        raise AssertionError("a full queue took a message")
    except NackError:
        pass
    works("a full queue's negative confirm")
    for queue in ("pika.dead", "pika.rejects", "pika.full"):
        channel.queue_delete(queue)
    channel.close()


def transactions(connection):
    channel = connection.channel()
    channel.queue_declare("pika.tx", durable=True)
    channel.tx_select()
    channel.basic_publish("", "pika.tx", b"rolled back")
    channel.tx_rollback()
    channel.basic_publish("", "pika.tx", b"committed")
    channel.tx_commit()
    method, _, body = channel.basic_get("pika.tx", auto_ack=True)
    expect((body, method.message_count), (b"committed", 0))
    channel.queue_delete("pika.tx")
    works("transactions")
    channel.close()


def request_and_answer(connection):
    channel, server = connection.channel(), connection.channel()
    server.queue_declare("pika.requests", durable=True)
    server.basic_consume(
        "pika.requests",
        lambda ch, method, properties, body: ch.basic_publish(
            "", properties.reply_to, body.upper(), pika.BasicProperties(correlation_id=properties.correlation_id)
        ),
        auto_ack=True,
    )
    answers = []
    channel.basic_consume(
        "amq.rabbitmq.reply-to", lambda _c, _m, properties, body: answers.append((properties.correlation_id, body)), auto_ack=True
    )
    asked = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="c-7")
    channel.basic_publish("", "pika.requests", b"question", asked)
    while not answers:
        connection.process_data_events(time_limit=10)
    expect(answers, [("c-7", b"QUESTION")])
    works("request and answer by direct reply-to")
    server.queue_delete("pika.requests")


def errors(connection):
    channel = connection.channel()
    try:
        channel.queue_declare("pika.nowhere", passive=True)
        raise AssertionError("a queue that is not there was found")
    except ChannelClosedByBroker as closed:
        expect((closed.reply_code, closed.reply_text), (404, "NOT_FOUND - no queue 'pika.nowhere' in vhost '/'"))
    connection.channel().close()
    works("an error closes the channel, and the connection lives")


def large_body(connection):
    channel = connection.channel()
    channel.queue_declare("pika.large")
    channel.confirm_delivery()
    body = bytes(range(256)) * 20_000
    channel.basic_publish("", "pika.large", body)
    _, _, got = channel.basic_get("pika.large", auto_ack=True)
    expect(len(got), len(body))
    expect(got == body, True)
    channel.queue_delete("pika.large")
    works("a body of 5 MB")


if __name__ == "__main__":
    one = pika.BlockingConnection(PARAMETERS)
    for part in (publish_confirm_get, bind, consume, dead_letters, transactions, request_and_answer, errors, large_body):
        part(one)
    one.channel().queue_delete("pika.q")
    one.close()
    works("leaving in order")
