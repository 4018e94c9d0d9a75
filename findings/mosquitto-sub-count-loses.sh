#!/usr/bin/env bash
# mosquitto_sub -C takes so many messages of a kept session, and with QoS 2 the others are lost.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    Six messages wait for a kept session (-c -i). mosquitto_sub -C 1 prints the first and ends; the next run prints the second.
# Seen:     With QoS 1 it is so. With QoS 2 and MQTT 3.1.1 the first run prints 1, and the other five are never seen: the tool
#           answers PUBREC to all six before it has counted one, and keeps nothing for its next run, in which the broker, rightly,
#           sends but PUBREL for them. A kept session of QoS 2 has two ends; with a client that forgets, QoS 1 loses less.
# Use:      findings/mosquitto-sub-count-loses.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
command -v mosquitto_sub >/dev/null || { echo "not installed: mosquitto-clients"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
printf 'listener 18954 127.0.0.1\nallow_anonymous true\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
at="-h 127.0.0.1 -p 18954"
for _ in 1 2 3 4 5 6 7 8 9 10; do mosquitto_pub $at -t ready -m x 2>/dev/null && break || sleep 0.2; done
for qos in 1 2; do
  take="$at -V mqttv311 -i one-$qos -c -q $qos -t t$qos -W 2"
  mosquitto_sub $take >/dev/null 2>&1 || true
  for message in 1 2 3 4 5 6; do mosquitto_pub $at -q 2 -t t$qos -m $message; done
  first=$(mosquitto_sub $take -C 1 2>/dev/null || true)
  later=$(mosquitto_sub $take 2>/dev/null | tr '\n' ' ' || true)
  echo "QoS $qos: first $first, later ${later:-nothing}" | sed 's/ $//'
done >"$dir/seen"
mosquitto_sub --help | head -n 3 | grep -o 'version [0-9.]*'
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'QoS 1: first 1, later 2 3 4 5 6' 'QoS 2: first 1, later nothing')" ] || { echo "changed"; exit 1; }
echo "as found: with QoS 2 all that waited is gone after the first"
