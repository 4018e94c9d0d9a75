#!/usr/bin/env bash
# Mosquitto's message_size_limit drops what is larger, and tells an MQTT 3.1.1 publisher that it has it.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    A QoS 1 or 2 message over the limit gets no PUBACK or PUBCOMP in MQTT 3.1.1, which has no other way to say no: the connection
#           is closed. In MQTT 5 the answer says why, and mosquitto_pub ends with a code that is not 0.
# Seen:     MQTT 3.1.1: the whole handshake of QoS 1 and of QoS 2 as if it were stored, and nothing is delivered. MQTT 5: reason code
#           149 in PUBACK and PUBREC; mosquitto_pub warns, and ends with 0 all the same. The broker's log says "Dropped too large PUBLISH".
# Use:      findings/mosquitto-size-limit-success.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
command -v mosquitto_sub >/dev/null || { echo "not installed: mosquitto-clients"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
printf 'listener 18955 127.0.0.1\nallow_anonymous true\nmessage_size_limit 100\nlog_type all\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
at="-h 127.0.0.1 -p 18955"
for _ in 1 2 3 4 5 6 7 8 9 10; do mosquitto_pub $at -t ready -m x 2>/dev/null && break || sleep 0.2; done
mosquitto_sub $at -t big -q 2 -W 4 >"$dir/delivered" 2>/dev/null & reader=$!
sleep 0.5
for version in mqttv311 mqttv5; do
  for qos in 1 2; do
    code=0; printf '%0200d' 0 | timeout 5 mosquitto_pub $at -V $version -q $qos -t big -s -d >"$dir/told" 2>&1 || code=$?
    echo "$version QoS $qos: $(grep -o 'received PUB[A-Z]*' "$dir/told" | sed 's/received //' | tr '\n' ' ')ended with $code, $(grep -o 'Packet too large' "$dir/told" || echo told nothing)"
  done
done >"$dir/seen"
wait $reader || true
echo "delivered: $(wc -c <"$dir/delivered") bytes" >>"$dir/seen"
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
cat "$dir/seen"
cat >"$dir/expected" <<'TEXT'
mqttv311 QoS 1: PUBACK ended with 0, told nothing
mqttv311 QoS 2: PUBREC PUBCOMP ended with 0, told nothing
mqttv5 QoS 1: PUBACK ended with 0, Packet too large
mqttv5 QoS 2: PUBREC ended with 0, Packet too large
delivered: 0 bytes
TEXT
cmp -s "$dir/seen" "$dir/expected" || { echo "changed"; exit 1; }
echo "as found: an MQTT 3.1.1 publisher cannot know that its message was dropped"
