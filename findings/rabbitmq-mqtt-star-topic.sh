#!/usr/bin/env bash
# RabbitMQ's MQTT delivers a topic that was published with "*" as one with "+", which no PUBLISH may have, and "v1.2" as "v1/2".
#
# Package:  Debian 12: rabbitmq-server 3.10.8 (plugin rabbitmq_mqtt), python3-paho-mqtt 1.6.1; npm: mqtt 5.16.0
# Guess:    A topic comes back as it was published; at most the dot, which its manual speaks of, is changed.
# Seen:     "fan*/rpm" comes as "fan+/rpm", a topic name with a wildcard [MQTT-3.3.2-2]: two clients take it without a word. Paho
#           refuses to answer to it; MQTT.js sends that. (The dot is as the manual says.)
# Use:      findings/rabbitmq-mqtt-star-topic.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ with rabbitmq_mqtt must be running on 127.0.0.1:1883, with guest/guest (PORT=... for another port).
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import paho.mqtt.client' 2>/dev/null || { echo "not installed: python3-paho-mqtt"; exit 2; }
port=${PORT:-1883}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save mqtt@5.16.0 >"$dir/npm" 2>&1) || { echo "mqtt cannot be installed"; exit 2; }
cat >"$dir/client.py" <<'PYTHON'
import sys, threading, paho.mqtt.client as mqtt

client, got, granted = mqtt.Client('star-paho'), [], threading.Event()
seen = threading.Event()
client.username_pw_set('guest', 'guest')
client.on_message = lambda _client, _data, message: (got.append(message.topic), len(got) == 2 and seen.set())
client.on_subscribe = lambda *_: granted.set()
try: client.connect('127.0.0.1', int(sys.argv[1]))
except OSError: sys.exit(2)
client.loop_start()
client.subscribe([('+/rpm', 1), ('v1/2', 1)])
granted.wait(5)
for topic in ('fan*/rpm', 'v1.2'): client.publish(topic, 'x', 1)
seen.wait(5)
print('Paho:', ' '.join(sorted(set(got))))
try: client.publish('fan+/rpm', 'x')
except ValueError as error: print('Paho, an answer:', error)
client.loop_stop()
PYTHON
code=0; timeout 20 /usr/bin/python3 "$dir/client.py" "$port" >"$dir/seen" 2>"$dir/error" || code=$?
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
cat >"$dir/read.cjs" <<'JAVASCRIPT'
const client = require('mqtt').connect(`mqtt://guest:guest@127.0.0.1:${process.argv[2]}`, { clientId: 'star-js' });
client.on('message', (topic) => {
  console.log(`MQTT.js: ${topic}`);
  client.publish('fan+/rpm', 'x', (error) => {
    console.log(`MQTT.js, an answer: ${error ? error.message : 'sent'}`);
    process.exit(0);
  });
});
client.on('connect', () => client.subscribe('+/rpm', () => client.publish('fan*/rpm', 'x', { qos: 1 })));
JAVASCRIPT
(cd "$dir" && timeout 20 node read.cjs "$port") >>"$dir/seen" 2>>"$dir/error" || true
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'Paho: fan+/rpm v1/2' 'Paho, an answer: Publish topic cannot contain wildcards.' 'MQTT.js: fan+/rpm' 'MQTT.js, an answer: sent')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: a star comes back as a plus, in a topic name that MQTT does not allow"
