#!/usr/bin/env bash
# RabbitMQ 3.10 and nats-server 2.9 grant a subscription to $share/GROUP/topic, and bring it nothing.
#
# Package:  Debian 12: nats-server 2.9.10, rabbitmq-server 3.10.8 (plugin rabbitmq_mqtt), mosquitto-clients 2.0.11
# Guess:    Neither has shared subscriptions, so SUBACK says 0x80, or the connection is closed: a client that needs them learns it.
# Seen:     SUBACK grants QoS 1. What is published to the topic does not come; what is published to "$share/g/t", taken as a name,
#           does. Workers moved from a broker that has groups sit there connected, subscribed and idle.
# Use:      findings/mqtt-share-taken-literally.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ with rabbitmq_mqtt must be running on 127.0.0.1:1883, with guest/guest (PORT=... for another port).
set -eu
server=$(command -v nats-server || echo /usr/sbin/nats-server)
[ -x "$server" ] || { echo "not installed: nats-server"; exit 2; }
command -v mosquitto_sub >/dev/null || { echo "not installed: mosquitto-clients"; exit 2; }
dir=$(mktemp -d); nats=
trap 'kill $nats 2>/dev/null && wait $nats 2>/dev/null || true; rm -rf "$dir"' EXIT
printf 'listen: "127.0.0.1:18959"\nserver_name: share\njetstream { store_dir: "%s/js" }\nmqtt { listen: "127.0.0.1:18958" }\n' "$dir" >"$dir/nats.conf"
"$server" -c "$dir/nats.conf" >"$dir/out" 2>&1 & nats=$!
try() { # NAME PORT WORDS...
  name=$1; shift
  at="-h 127.0.0.1 -p $*"
  for _ in 1 2 3 4 5 6 7 8 9 10; do mosquitto_pub $at -t ready/$$ -m x 2>/dev/null && break || sleep 0.2; done
  mosquitto_pub $at -t ready/$$ -m x 2>/dev/null || { echo "no $name"; exit 2; }
  mosquitto_sub $at -t '$share/g/t' -q 1 -W 4 -d >"$dir/told" 2>/dev/null & reader=$!
  sleep 1.5
  mosquitto_pub $at -q 1 -t t -m "to the topic"
  mosquitto_pub $at -q 1 -t '$share/g/t' -m "to the name"
  wait $reader || true
  echo "$name: $(grep -o 'Subscribed.*' "$dir/told"), got: $(grep '^to the' "$dir/told" | tr '\n' ' ')" >>"$dir/seen"
}
try "nats-server" 18958
try "RabbitMQ" "${PORT:-1883}" -u guest -P guest
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'nats-server: Subscribed (mid: 1): 1, got: to the name ' 'RabbitMQ: Subscribed (mid: 1): 1, got: to the name ')" ] ||
  { echo "changed"; exit 1; }
echo "as found: granted, and taken for a topic's name"
