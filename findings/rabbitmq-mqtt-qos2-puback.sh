#!/bin/sh
# RabbitMQ's MQTT plugin answers a QoS 2 PUBLISH with PUBACK. mosquitto_pub takes that for a broken broker, Paho for success.
#
# Package:  Debian 12: rabbitmq-server 3.10.8 (plugin rabbitmq_mqtt), mosquitto-clients 2.0.11, python3-paho-mqtt 1.6.1
# Guess:    The plugin has no QoS 2, so it keeps to the handshake (PUBREC, PUBREL, PUBCOMP) and stores the message as QoS 1 does, or it
#           closes the connection [MQTT-4.8.0-1]; clients do the same in either case.
# Seen:     PUBACK comes with the packet's identifier, the message is delivered, and the plugin waits for nothing more. mosquitto_pub
#           -q 2 ends with code 2 and «network protocol error», so a script that tries again on failure sends it twice, each time;
#           Paho calls on_publish as if the handshake were done.
# Use:      findings/rabbitmq-mqtt-qos2-puback.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ with rabbitmq_mqtt must be running on 127.0.0.1:1883, with guest/guest (PORT=... for another port).
set -eu
command -v mosquitto_pub >/dev/null || { echo "not installed: mosquitto-clients"; exit 2; }
/usr/bin/python3 -c 'import paho.mqtt.client' 2>/dev/null || { echo "not installed: python3-paho-mqtt"; exit 2; }
port=${PORT:-1883} topic=finding/$$
dir=$(mktemp -d); reader=
trap 'kill $reader 2>/dev/null && wait $reader 2>/dev/null || true; rm -rf "$dir"' EXIT
common="-h 127.0.0.1 -p $port -u guest -P guest -t $topic"
mosquitto_pub $common -q 1 -m probe 2>/dev/null || { echo "no RabbitMQ"; exit 2; }
mosquitto_sub $common -q 1 -W 10 -C 2 >"$dir/got" 2>/dev/null & reader=$!
sleep 1
code=0; timeout 10 mosquitto_pub $common -q 2 -m tool -d >"$dir/tool" 2>&1 || code=$?
/usr/bin/python3 - "$port" "$topic" >"$dir/paho" <<'PYTHON'
import sys, paho.mqtt.client as mqtt

client = mqtt.Client('finding')
client.username_pw_set('guest', 'guest')
client.connect('127.0.0.1', int(sys.argv[1]))
client.loop_start()
sent = client.publish(sys.argv[2], 'paho', 2)
sent.wait_for_publish(5)
print('published' if sent.is_published() else 'not published')
client.loop_stop()
PYTHON
wait $reader || true; reader=
{
  echo "answer: $(grep -o 'received PUB[A-Z]*' "$dir/tool" | head -n 1)"
  echo "mosquitto_pub: ended with $code, $(grep -qi 'protocol error' "$dir/tool" && echo protocol error || echo no error told)"
  echo "Paho: $(cat "$dir/paho")"
  echo "delivered: $(tr '\n' ' ' <"$dir/got")"
} >"$dir/seen"
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'answer: received PUBACK' 'mosquitto_pub: ended with 2, protocol error' 'Paho: published' 'delivered: tool paho ')" ] ||
  { echo "changed"; exit 1; }
echo "as found: a QoS 2 publish is answered with PUBACK, which one client takes for an error and another for success"
