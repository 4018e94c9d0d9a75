#!/usr/bin/env bash
# One AMQP URI names different vhosts to different client libraries.
#
# Package:  Debian 12: python3-pika 1.2.0, python3-aio-pika 8.2.5, python3-kombu 5.2.4, ruby-bunny 2.19.0, amqp-tools 0.11.0;
#           npm: amqplib 2.3.1, @cloudamqp/amqp-client 4.1.1
# Guess:    All ask for the same vhost: amqp://host/ and amqp://host// for "/", amqp://host/a/b for none (RabbitMQ's URI specification
#           wants the slash as %2F), or "a/b".
# Seen:     amqp://host and .../%2F are "/" and .../a%2Fb is "a/b" to all. "/" at the end is the empty name to Bunny and amqp-tools, "/"
#           to the others; "//" the empty name to pika, an error to Bunny and amqp-tools; and with /a/b pika asks for "a": another
#           vhost, without a word, where four ask for "a/b" and two refuse.
# Use:      findings/amqp-uri-vhost.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in node npm ruby amqp-get; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import pika, aio_pika, kombu' 2>/dev/null || { echo "not installed: python3-pika, -aio-pika or -kombu"; exit 2; }
ruby -e 'require "bunny"' 2>/dev/null || { echo "not installed: ruby-bunny"; exit 2; }
dir=$(mktemp -d); server=
trap 'kill $server 2>/dev/null && wait $server 2>/dev/null || true; rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1 >"$dir/npm" 2>&1) ||
  { echo "the packages cannot be installed"; exit 2; }
# Writes the vhost that each client asks for, and turns it away.
cat >"$dir/server.py" <<'PYTHON'
import socket, struct, sys, threading

listener = socket.create_server(('127.0.0.1', 0))
open(sys.argv[1] + '/port', 'w').write(str(listener.getsockname()[1]))

def serve(client):
    stream = client.makefile('rb')
    def frame():
        length = struct.unpack('>BHI', stream.read(7))[2]
        body = stream.read(length)
        stream.read(1)
        return body
    def method(body): client.sendall(struct.pack('>BHI', 1, 0, len(body)) + body + b'\xce')
    try:
        stream.read(8)
        method(struct.pack('>HHBBI', 10, 10, 0, 9, 0) + struct.pack('>I', 5) + b'PLAIN' + struct.pack('>I', 5) + b'en_US')
        frame()
        method(struct.pack('>HHHIH', 10, 30, 2047, 131072, 0))
        body = frame()
        while body[:4] != struct.pack('>HH', 10, 40): body = frame()
        open(sys.argv[1] + '/asked', 'a').write('"%s"\n' % body[5:5 + body[4]].decode())
        method(struct.pack('>HHH', 10, 50, 530) + b'\x00' + struct.pack('>HH', 0, 0))
    except (OSError, struct.error): pass
    client.close()

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PYTHON
cat >"$dir/connect.py" <<'PYTHON'
import asyncio, logging, sys, aio_pika, kombu, pika
logging.disable(logging.CRITICAL)
library, url = sys.argv[1:]
if library == 'pika': pika.BlockingConnection(pika.URLParameters(url))
elif library == 'kombu': kombu.Connection(url).connect()
else: asyncio.run(asyncio.wait_for(aio_pika.connect(url), 4))
PYTHON
cat >"$dir/connect.cjs" <<'JAVASCRIPT'
const [library, url] = process.argv.slice(2);
const connect = library === 'amqplib' ? require('amqplib').connect(url) : new (require('@cloudamqp/amqp-client').AMQPClient)(url).connect();
connect.catch(() => {}).then(() => process.exit(0));
JAVASCRIPT
cat >"$dir/connect.rb" <<'RUBY'
require 'bunny'
Bunny.new(ARGV[0], automatically_recover: false, recovery_attempts: 0, log_level: :fatal).start
RUBY
/usr/bin/python3 "$dir/server.py" "$dir" & server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$dir/port" ] && break || sleep 0.2; done
for end in '' / // /%2F /a%2Fb /a/b; do
  line="host$end:"
  for library in pika aio-pika kombu amqplib cloudamqp Bunny amqp-tools; do
    : >"$dir/asked"
    url="amqp://guest:guest@127.0.0.1:$(cat "$dir/port")$end"
    case $library in
      amqplib | cloudamqp) timeout 10 node "$dir/connect.cjs" $library "$url" ;;
      Bunny) timeout 10 ruby "$dir/connect.rb" "$url" ;;
      amqp-tools) timeout 10 amqp-get -u "$url" -q x ;;
      *) timeout 10 /usr/bin/python3 "$dir/connect.py" $library "$url" ;;
    esac >"$dir/error" 2>&1 || true
    line="$line $library $(head -n 1 "$dir/asked" | grep . || echo refuses)"
  done
  echo "$line"
done >"$dir/seen"
cat "$dir/seen"
cat >"$dir/expected" <<'TEXT'
host: pika "/" aio-pika "/" kombu "/" amqplib "/" cloudamqp "/" Bunny "/" amqp-tools "/"
host/: pika "/" aio-pika "/" kombu "/" amqplib "/" cloudamqp "/" Bunny "" amqp-tools ""
host//: pika "" aio-pika "/" kombu "/" amqplib "/" cloudamqp "/" Bunny refuses amqp-tools refuses
host/%2F: pika "/" aio-pika "/" kombu "/" amqplib "/" cloudamqp "/" Bunny "/" amqp-tools "/"
host/a%2Fb: pika "a/b" aio-pika "a/b" kombu "a/b" amqplib "a/b" cloudamqp "a/b" Bunny "a/b" amqp-tools "a/b"
host/a/b: pika "a" aio-pika "a/b" kombu "a/b" amqplib "a/b" cloudamqp "a/b" Bunny refuses amqp-tools refuses
TEXT
cmp -s "$dir/seen" "$dir/expected" || { echo "changed"; exit 1; }
echo "as found: only no path, and paths whose slashes are %2F, name one vhost to all"
