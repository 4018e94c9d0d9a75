#!/usr/bin/env bash
# Mosquitto gives a group's messages to members that are not there, and retained messages to groups.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    While one member of $share/g/t is away (its session kept) the other gets all six messages. A group that subscribes gets no
#           retained message, as MQTT 5.0 says of shared subscriptions (3.8.4).
# Seen:     Every other message waits for the member that is away, be it for days: three come to the one that is there. And the retained
#           message comes to each member that subscribes, so to as many as there are.
# Use:      findings/mosquitto-share-away.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
command -v mosquitto_sub >/dev/null || { echo "not installed: mosquitto-clients"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
printf 'listener 18957 127.0.0.1\nallow_anonymous true\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
at="-h 127.0.0.1 -p 18957"
for _ in 1 2 3 4 5 6 7 8 9 10; do mosquitto_pub $at -t ready -m x 2>/dev/null && break || sleep 0.2; done
away="$at -V 5 -i away -c -x 1000 -q 1 -t \$share/g/t"
mosquitto_sub $away -W 1 >/dev/null 2>&1 || true
mosquitto_sub $at -V 5 -i here -q 1 -t '$share/g/t' -W 4 >"$dir/here" 2>/dev/null & reader=$!
sleep 0.5
for message in 1 2 3 4 5 6; do mosquitto_pub $at -q 1 -t t -m $message; done
wait $reader || true
echo "here: $(wc -l <"$dir/here") of 6, waiting for the one away: $(mosquitto_sub $away -W 2 2>/dev/null | wc -l)" >"$dir/seen"
mosquitto_pub $at -r -t kept -m x
for member in one two; do echo "retained, member $member: $(mosquitto_sub $at -V 5 -i $member -t '$share/g/kept' -C 1 -W 2 -F '%p' 2>/dev/null)"; done >>"$dir/seen"
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'here: 3 of 6, waiting for the one away: 3' 'retained, member one: x' 'retained, member two: x')" ] || { echo "changed"; exit 1; }
echo "as found: members that are away have their share, and each member has the retained message"
