#!/usr/bin/env bash
# ActiveMQ takes a STOMP ack mode that it does not know for "auto": a letter too many loses messages.
#
# Package:  Debian 12: activemq 5.17.2+dfsg-2+deb12u1, python3-stomp 8.0.1
# Guess:    SUBSCRIBE with ack:Client, ack:client_individual or ack:individual is refused with an ERROR, or read as what is meant.
# Seen:     It is accepted, and a message counts as consumed when it is sent. A consumer that loses its connection before it has
#           acknowledged finds it again with "client" and "client-individual", and never with those.
# Use:      findings/activemq-ack-mode-word.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           An ActiveMQ with STOMP for anybody must be running on 127.0.0.1:61613 (PORT=... for another port).
set -eu
/usr/bin/python3 -c 'import stomp' 2>/dev/null || { echo "not installed: python3-stomp"; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
code=0
timeout 50 /usr/bin/python3 - "${PORT:-61613}" >"$dir/seen" 2>"$dir/error" <<'PYTHON' || code=$?
import logging, os, sys, threading, stomp

logging.disable(logging.CRITICAL)

class Consumer(stomp.ConnectionListener):
    def __init__(self, queue, ack):
        self.got, self.receipt = threading.Event(), threading.Event()
        self.connection = stomp.Connection12([('127.0.0.1', int(sys.argv[1]))], reconnect_attempts_max=1)
        self.connection.set_listener('', self)
        try: self.connection.connect(wait=True)
        except stomp.exception.ConnectFailedException: sys.exit(2)
        if queue is not None: self.connection.subscribe(queue, id=1, ack=ack, headers={'receipt': 'subscribed'})
    def on_message(self, frame): self.got.set()
    def on_receipt(self, frame): self.receipt.set()

for at, mode in enumerate(['client', 'client-individual', 'Client', 'client_individual', 'individual']):
    queue = '/queue/mode-%d-%d' % (os.getpid(), at)
    first = Consumer(queue, mode)
    publisher = Consumer(None, None)
    publisher.connection.send(queue, 'x', headers={'persistent': 'true'})
    if not first.got.wait(5): sys.exit('nothing came')
    first.connection.transport.disconnect_socket()
    publisher.connection.disconnect()
    second = Consumer(queue, 'auto')
    again = second.got.wait(3)
    print('ack:%s: %s' % (mode, 'comes again' if again else 'gone'))
    second.connection.disconnect()
PYTHON
[ "$code" -ne 2 ] || { echo "no ActiveMQ"; exit 2; }
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'ack:client: comes again' 'ack:client-individual: comes again' 'ack:Client: gone' 'ack:client_individual: gone' 'ack:individual: gone')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: a word that it does not know is auto"
