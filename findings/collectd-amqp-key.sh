#!/bin/sh
# collectd's amqp plugin makes routing keys with empty words.
#
# Package:  Debian 12: collectd-core 5.12.0-14, rabbitmq-server 3.10.8, amqp-tools 0.11.0
# Guess:    The key of a value without instances, such as the uptime plugin's, is collectd.HOST.PLUGIN.TYPE.
# Seen:     It is collectd.HOST.PLUGIN..TYPE. : an instance that is not there still has its place, so there are six words, two
#           of them empty. A binding such as collectd.*.*.* finds nothing; collectd.*.uptime.# does.
# Use:      findings/collectd-amqp-key.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
PATH="$PATH:/usr/sbin"
for program in collectd python3; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
! ldd /usr/lib/collectd/amqp.so | grep 'not found' || { echo "not installed: what collectd's amqp plugin needs (libyajl2)"; exit 2; }
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
port=${PORT:-5672}
dir=$(mktemp -d); sender=
trap 'kill $sender 2>/dev/null || true; rm -rf "$dir"' EXIT
cat >"$dir/collectd.conf" <<CONF
Hostname "box"
FQDNLookup false
Interval 1
BaseDir "$dir"
PIDFile "$dir/pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin uptime
LoadPlugin amqp
<Plugin amqp>
  <Publish "out">
    Host "127.0.0.1"
    Port "$port"
    Exchange "amq.topic"
  </Publish>
</Plugin>
CONF
collectd -f -C "$dir/collectd.conf" >"$dir/collectd.out" 2>&1 & sender=$!
/usr/bin/python3 - "$port" >"$dir/key" <<'PYTHON' || { echo "no RabbitMQ, or no measurement"; exit 2; }
import sys, pika
connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', int(sys.argv[1])))
print(connection._impl.params and connection._impl.server_properties.get('product'), connection._impl.server_properties.get('version'))
channel = connection.channel()
queue = channel.queue_declare('', exclusive=True).method.queue
channel.queue_bind(queue, 'amq.topic', '#')
for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=20):
    if method is None:
        sys.exit(1)
    print(method.routing_key)
    break
PYTHON
cat "$dir/key"
[ "$(tail -n 1 "$dir/key")" = 'collectd.box.uptime..uptime.' ] || { echo "changed: another key"; exit 1; }
echo "as found: six words, two of them empty"
