"""stomp.py (Debian's python3-stomp) against the broker at 127.0.0.1:PORT, in each version of STOMP.

usage: stomp.py PORT NAME [HOST]

NAME: what the queue's and topic's names begin with. HOST: the host header, where the broker does not take the
address that was dialled, which is what the library says by itself.

Prints a line for each version that works, and exits 1 with the reason at the first that does not.
"""

import queue
import sys

# The folder of this script comes first in the path; the library has the script's name.
sys.path.pop(0)
import stomp  # noqa: E402

WAIT_S = 10
BODY = "Grüße: a\nb"


class Inbox(stomp.ConnectionListener):
    def __init__(self):
        self.messages = queue.Queue()
        self.receipts = queue.Queue()
        self.errors = queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)

    def receipt(self, name):
        got = self.receipts.get(timeout=WAIT_S)
        assert got == name, f"receipt {got} instead of {name}"

    def message(self):
        return self.messages.get(timeout=WAIT_S)


def run(version, connection_class, port, name, host):
    options = {}
    if version != "1.0":
        options["heartbeats"] = (4000, 4000)
        if host is not None:
            options["vhost"] = host
    connection = connection_class([("127.0.0.1", port)], **options)
    inbox = Inbox()
    connection.set_listener("", inbox)
    connection.connect("guest", "guest", wait=True)
    destination = f"/queue/{name}-{version}"

    connection.subscribe(destination, id="1", ack="client-individual", headers={"receipt": "subscribed"})
    inbox.receipt("subscribed")
    connection.send(destination, BODY, content_type="text/plain", headers={"own": "a:b", "receipt": "sent"})
    inbox.receipt("sent")
    message = inbox.message()
    assert message.body == BODY, message.body
    assert message.headers["own"] == "a:b", message.headers
    assert message.headers["destination"] == destination, message.headers
    acknowledge(connection, version, message)

    transaction = connection.begin()
    connection.send(destination, "kept", transaction=transaction)
    connection.commit(transaction)
    message = inbox.message()
    assert message.body == "kept", message.body
    acknowledge(connection, version, message)
    undone = connection.begin()
    connection.send(destination, "undone", transaction=undone)
    connection.abort(undone)
    connection.send(destination, "marker")
    message = inbox.message()
    assert message.body == "marker", message.body
    acknowledge(connection, version, message)

    topic = f"/topic/{name}-{version}"
    connection.subscribe(f"{topic}.*", id="2", headers={"receipt": "listening"})
    inbox.receipt("listening")
    for i in range(100):
        connection.send(f"{topic}.x", str(i))
    assert [inbox.message().body for _ in range(100)] == [str(i) for i in range(100)]
    connection.unsubscribe(id="2")
    assert inbox.errors.empty(), inbox.errors.get().body
    connection.disconnect(receipt="bye")
    inbox.receipt("bye")
    print(f"ok {version}")


def acknowledge(connection, version, message):
    if version == "1.0":
        connection.ack(message.headers["message-id"])
    elif version == "1.1":
        connection.ack(message.headers["message-id"], message.headers["subscription"])
    else:
        connection.ack(message.headers["ack"])


for version, connection_class in [
    ("1.0", stomp.StompConnection10),
    ("1.1", stomp.StompConnection11),
    ("1.2", stomp.StompConnection12),
]:
    run(version, connection_class, int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
