#!/bin/sh
# JetStream answers a known message id with success before it looks at what the publish expects of the stream.
#
# Package:  Debian 12: nats-server 2.9.10-1*, python3
# Guess:    A publish with Nats-Expected-Last-Sequence is stored behind that message or refused: a fence for whoever has been replaced
#           as the writer. A message id on top of it only makes a second try harmless.
# Seen:     With an id from the duplicate window the expectation is not looked at, nor is the body: another body, expecting a number that the stream
#           never had, is acknowledged with the number of the first one and "duplicate": true. Without the id the same publish is refused
#           (10071). So "acknowledged" does not mean "still the writer": ids and the fence are not to be had together, unless the number in
#           the answer is compared with the one that was expected plus one.
# Use:      findings/nats-msgid-before-expectation.sh
#           exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v nats-server || echo /usr/sbin/nats-server)
[ -x "$server" ] || { echo "not installed: nats-server"; exit 2; }
command -v python3 >/dev/null || { echo "not installed: python3"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
cat >"$dir/nats.conf" <<CONF
listen: 127.0.0.1:18971
jetstream { store_dir: "$dir/store" }
CONF
"$server" -c "$dir/nats.conf" >"$dir/out" 2>&1 & broker=$!
cat >"$dir/client.py" <<'PY'
import json, socket, sys, time

for _ in range(50):
    try:
        s = socket.create_connection(("127.0.0.1", 18971), timeout=5)
        break
    except OSError:
        time.sleep(0.1)
else:
    print("no server"); sys.exit(2)
lines = s.makefile("rb")
info = json.loads(lines.readline()[5:])
s.sendall(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB answers 1\r\n')

def ask(subject, body, headers={}):
    """Sends a request; returns its answer."""
    head = "NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    head, body = head.encode(), body.encode()
    s.sendall(f"HPUB {subject} answers {len(head)} {len(head) + len(body)}\r\n".encode() + head + body + b"\r\n")
    while True:
        line = lines.readline().split()
        if not line: sys.exit("closed")
        if line[0] == b"PING": s.sendall(b"PONG\r\n")
        if line[0] in (b"MSG", b"HMSG"):
            text = lines.read(int(line[-1]))
            lines.readline()
            if line[0] == b"MSG": return json.loads(text)

print("nats-server", info["version"])
for _ in range(50):
    made = ask("$JS.API.STREAM.CREATE.s", json.dumps({"name": "s", "subjects": ["s"], "storage": "file", "num_replicas": 1}))
    if "error" not in made: break
    time.sleep(0.1)
say = lambda what, answer: print(what.ljust(58), json.dumps(answer.get("error", {k: v for k, v in answer.items() if k != "stream"})))
first = ask("s", "one", {"Nats-Msg-Id": "a", "Nats-Expected-Last-Sequence": 0})
say("id a, expects 0", first)
plain = ask("s", "two", {"Nats-Expected-Last-Sequence": 99})
say("no id, expects 99", plain)
known = ask("s", "another body", {"Nats-Msg-Id": "a", "Nats-Expected-Last-Sequence": 99})
say("id a again, another body, expects 99", known)
so = first.get("seq") == 1 and plain.get("error", {}).get("err_code") == 10071 and known.get("duplicate") is True and known.get("seq") == 1
print("as seen" if so else "it has changed")
sys.exit(0 if so else 1)
PY
python3 "$dir/client.py"
