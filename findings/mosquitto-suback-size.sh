#!/bin/sh
# Mosquitto sends a SUBACK that is longer than the Maximum Packet Size its client has set.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, python3
# Guess:    MQTT 5.0 forbids it for every packet [MQTT-3.1.2-24], and 2.0 keeps to it for PUBLISH, so it ends the connection
#           (DISCONNECT 0x95, or a bare close) rather than send it.
# Seen:     A client that takes 60 bytes subscribes to 100 filters and gets a SUBACK of 105. PUBLISH is held to the bound: one
#           that is longer is left out, the next comes.
# Use:      findings/mosquitto-suback-size.sh
#           exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
command -v python3 >/dev/null || { echo "not installed: python3"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
printf 'listener 18951 127.0.0.1\nallow_anonymous true\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
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
        try: return socket.create_connection(("127.0.0.1", 18951), timeout=5)
        except OSError: time.sleep(0.1)
    sys.exit(2)
def read(s):
    """One packet: its first byte, and its whole length."""
    first, length, shift, header = s.recv(1)[0], 0, 0, 1
    while True:
        byte, header = s.recv(1)[0], header + 1
        length |= (byte & 127) << shift; shift += 7
        if byte < 128: break
    rest = b""
    while len(rest) < length: rest += s.recv(length - len(rest))
    return first, header + length, rest
def connect(name, properties):
    s = dial()
    s.sendall(packet(0x10, text("MQTT") + b"\x05\x02\x00\x00" + varint(len(properties)) + properties + text(name)))
    first, _, rest = read(s)
    assert first == 0x20 and rest[1] == 0, rest
    return s

small = connect("small", b"\x27" + (60).to_bytes(4, "big"))
small.sendall(packet(0x82, b"\x00\x01\x00" + b"".join(text("f/%d" % i) + b"\x00" for i in range(100))))
first, length, _ = read(small)
print("SUBACK" if first == 0x90 else "0x%02x" % first, "of", length, "bytes")
other = connect("other", b"")
for size in (100, 10): other.sendall(packet(0x30, text("f/0") + b"\x00" + b"x" * size))
first, length, _ = read(small)
print("PUBLISH" if first == 0x30 else "0x%02x" % first, "of", length, "bytes")
PY
code=0; python3 "$dir/client.py" >"$dir/seen" 2>"$dir/client.err" || code=$?
[ "$code" -ne 2 ] || { echo "the broker did not start:"; tail -n 5 "$dir/out"; exit 2; }
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf 'SUBACK of 105 bytes\nPUBLISH of 18 bytes')" ] || { cat "$dir/client.err"; echo "changed"; exit 1; }
echo "as found: PUBLISH is held to the client's Maximum Packet Size, SUBACK is not"
