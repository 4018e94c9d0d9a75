#!/bin/sh
# The MQTT side of nats-server delivers topics that begin with "$" to a subscription to "#", the server's own among them.
#
# Package:  Debian 12: nats-server 2.9.10-1*, python3
# Guess:    "#" does not match a topic that begins with "$" [MQTT-4.7.2-1], so a client that subscribes to it hears nothing but
#           what clients publish.
# Seen:     The first packet after SUBSCRIBE is no SUBACK but a PUBLISH: the server's request to make the subscription's own
#           consumer ($JS/API/CONSUMER/...), then its answer, advisories, and the record of the client's session ($MQTT/sess/...),
#           some of them kilobytes of JSON. What a client publishes to $mine/x is delivered, too. "+/x" does the same with one level.
#           A bridge that forwards "#" forwards all that.
# Use:      findings/nats-mqtt-wildcard-dollar.sh
#           exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v nats-server || echo /usr/sbin/nats-server)
[ -x "$server" ] || { echo "not installed: nats-server"; exit 2; }
command -v python3 >/dev/null || { echo "not installed: python3"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
cat >"$dir/nats.conf" <<CONF
listen: 127.0.0.1:18961
server_name: one
jetstream { store_dir: "$dir/store" }
mqtt { listen: 127.0.0.1:18962 }
CONF
"$server" -c "$dir/nats.conf" >"$dir/out" 2>&1 & broker=$!
cat >"$dir/client.py" <<'PY'
import socket, sys, time

def text(s): return len(s).to_bytes(2, "big") + s.encode()
def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n: return out
def packet(first, rest): return bytes([first]) + varint(len(rest)) + rest
def dial():
    for _ in range(50):
        try: return socket.create_connection(("127.0.0.1", 18962), timeout=5)
        except OSError: time.sleep(0.1)
    sys.exit(2)
def byte(s):
    got = s.recv(1)
    if not got: sys.exit("closed")
    return got[0]
def read(s):
    """The next packet: what it is, and its topic."""
    first, length, shift = byte(s), 0, 0
    while True:
        low = byte(s)
        length |= (low & 127) << shift; shift += 7
        if low < 128: break
    rest = b""
    while len(rest) < length: rest += s.recv(length - len(rest))
    topic = rest[2:2 + int.from_bytes(rest[:2], "big")].decode() if first >> 4 == 3 else ""
    return first >> 4, topic
def connect(name):
    s = dial()
    s.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x00" + text(name)))
    assert read(s)[0] == 2
    return s
def subscribe(s, filter): s.sendall(packet(0x82, b"\x00\x01" + text(filter) + b"\x01"))

all_, publisher, level = connect("all"), connect("publisher"), connect("level")
subscribe(level, "+/x")
while read(level)[0] != 9: pass
subscribe(all_, "#")
first = read(all_)
print("first after SUBSCRIBE:", "SUBACK" if first[0] == 9 else "/".join(first[1].split("/")[:3]))
publisher.sendall(packet(0x30, text("$mine/x") + b"hello"))
seen = set()
while "$mine/x" not in seen: seen.add(read(all_)[1])
print("to #:", " ".join(sorted({"/".join(topic.split("/")[:2]) for topic in seen if topic})))
topic = ""
while topic != "$mine/x": topic = read(level)[1]
print("to +/x:", topic)
PY
code=0; timeout 30 python3 "$dir/client.py" >"$dir/seen" 2>"$dir/client.err" || code=$?
[ "$code" -ne 2 ] || { echo "the server did not start:"; tail -n 5 "$dir/out"; exit 2; }
grep -o 'Version: *[0-9.]*' "$dir/out" | head -n 1
cat "$dir/seen"
grep -q '^first after SUBSCRIBE: \$JS/API/CONSUMER$' "$dir/seen" && grep -q '^to #: .*\$MQTT/sess.*\$mine/x' "$dir/seen" &&
  grep -qx 'to +/x: $mine/x' "$dir/seen" || { cat "$dir/client.err"; echo "changed"; exit 1; }
echo "as found: wildcards match topics that begin with \$, and the server's own traffic comes before the SUBACK"
