#!/usr/bin/env bash
# ActiveMQ's selectors read a STOMP header as whole or as fraction by the number beside it, and NOT before a comparison never holds.
#
# Package:  Debian 12: activemq 5.17.2+dfsg-2+deb12u1, python3-stomp 8.0.1
# Guess:    weight > 9 selects 9.5 and 10, as weight > 9.0 does. NOT weight = 1 selects every weight but 1 (NOT binds less than a
#           comparison in SQL and in JMS' syntax of conditions).
# Seen:     weight > 9 and BETWEEN 9 AND 10 leave 9.5 out: beside a whole number the text is read as one, and what does not read so
#           does not match. weight > 9.0 has both. NOT weight = 1 selects nothing at all; NOT (weight = 1) all, as it should. No error.
# Use:      findings/activemq-selector-numbers.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           An ActiveMQ with STOMP for anybody must be running on 127.0.0.1:61613 (PORT=... for another port).
set -eu
/usr/bin/python3 -c 'import stomp' 2>/dev/null || { echo "not installed: python3-stomp"; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
code=0
timeout 50 /usr/bin/python3 - "${PORT:-61613}" >"$dir/seen" 2>"$dir/error" <<'PYTHON' || code=$?
import logging, os, sys, threading, stomp

logging.disable(logging.CRITICAL)
for at, selector in enumerate(['weight > 9', 'weight > 9.0', 'weight BETWEEN 9 AND 10', 'NOT weight = 1', 'NOT (weight = 1)']):
    got, end, ready = [], threading.Event(), threading.Event()
    class Listener(stomp.ConnectionListener):
        def on_receipt(self, frame): ready.set()
        def on_message(self, frame):
            if frame.body == 'end': end.set()
            else: got.append(frame.body)
    connection = stomp.Connection12([('127.0.0.1', int(sys.argv[1]))], reconnect_attempts_max=1)
    connection.set_listener('', Listener())
    try: connection.connect(wait=True)
    except stomp.exception.ConnectFailedException: sys.exit(2)
    destination = '/topic/selector-%d-%d' % (os.getpid(), at)
    connection.subscribe(destination, id=1, headers={'selector': "(%s) OR last = 'yes'" % selector, 'receipt': 'ready'})
    ready.wait(5)
    for weight in ('1', '9', '9.5', '10'): connection.send(destination, weight, headers={'weight': weight})
    connection.send(destination, 'end', headers={'last': 'yes'})
    end.wait(5)
    print('%s: %s' % (selector, ' '.join(got) or 'nothing'))
    connection.disconnect()
PYTHON
[ "$code" -ne 2 ] || { echo "no ActiveMQ"; exit 2; }
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'weight > 9: 10' 'weight > 9.0: 9.5 10' 'weight BETWEEN 9 AND 10: 9 10' 'NOT weight = 1: nothing' 'NOT (weight = 1): 9 9.5 10')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: 9.5 is not more than 9, and NOT without parentheses selects nothing"
