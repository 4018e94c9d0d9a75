#!/usr/bin/env bash
# RabbitMQ's STOMP takes a SUBSCRIBE with a selector, and sends everything.
#
# Package:  Debian 12: rabbitmq-server 3.10.8 (plugin rabbitmq_stomp), python3-stomp 8.0.1
# Guess:    `selector`, which STOMP's specification names as the example of a header that brokers add (and ActiveMQ obeys), is refused
#           with an ERROR where the broker has no selectors.
# Seen:     The RECEIPT comes, and then both messages, the one that does not match too. An application from ActiveMQ acknowledges
#           what it was never meant to see.
# Use:      findings/rabbitmq-stomp-selector.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ with rabbitmq_stomp must be running on 127.0.0.1:61613, with guest/guest (PORT=... for another port).
set -eu
/usr/bin/python3 -c 'import stomp' 2>/dev/null || { echo "not installed: python3-stomp"; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
code=0
timeout 20 /usr/bin/python3 - "${PORT:-61613}" >"$dir/seen" 2>"$dir/error" <<'PYTHON' || code=$?
import logging, os, sys, threading, stomp

logging.disable(logging.CRITICAL)
got, two = [], threading.Event()

class Listener(stomp.ConnectionListener):
    def on_message(self, frame):
        got.append(frame.body)
        if len(got) == 2: two.set()
    def on_receipt(self, frame): print('receipt of', frame.headers['receipt-id'])
    def on_error(self, frame): print('error'); two.set()

connection = stomp.Connection12([('127.0.0.1', int(sys.argv[1]))], vhost='/', reconnect_attempts_max=1)
connection.set_listener('', Listener())
try: connection.connect('guest', 'guest', wait=True)
except stomp.exception.ConnectFailedException: sys.exit(2)
destination = '/topic/selector-%d' % os.getpid()
connection.subscribe(destination, id=1, headers={'selector': "colour = 'red'", 'receipt': 'subscribe'})
for colour in ('red', 'blue'): connection.send(destination, colour, headers={'colour': colour})
two.wait(5)
print('got', *got)
connection.disconnect()
PYTHON
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
cat "$dir/seen"
[ "$(head -n 2 "$dir/seen")" = "$(printf '%s\n' 'receipt of subscribe' 'got red blue')" ] || { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: the selector is accepted, and not looked at"
