#!/bin/sh
# Mosquitto's dynamic security ends the connection of a client that a command names, also where the command is refused.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    addGroupClient to a group that is not there answers "Group not found", and changes nothing for anybody.
# Seen:     The answer is that, and the client, whose rights are what they were, is disconnected all the same.
# Use:      findings/mosquitto-dynsec-refused-command.sh
#           exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
plugin=$(ls /usr/lib/*/mosquitto_dynamic_security.so 2>/dev/null | head -n 1)
[ -x "$server" ] && [ -n "$plugin" ] || { echo "not installed: mosquitto with its dynamic security"; exit 2; }
for tool in mosquitto_ctrl mosquitto_sub stdbuf; do
  command -v "$tool" >/dev/null || { echo "not installed: $tool"; exit 2; }
done
dir=$(mktemp -d); broker=; client=
trap 'kill $client 2>/dev/null || true; kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mosquitto_ctrl dynsec init "$dir/dynsec.json" admin admin-password >/dev/null
chmod 666 "$dir/dynsec.json"
printf 'listener 18962 127.0.0.1\nallow_anonymous false\nplugin %s\nplugin_opt_config_file %s\n' "$plugin" "$dir/dynsec.json" >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
dynsec() { timeout 10 mosquitto_ctrl -h 127.0.0.1 -p 18962 -u admin -P admin-password dynsec "$@" 2>"$dir/err" ; }
tries=0
until dynsec listClients >/dev/null 2>&1; do
  tries=$((tries + 1)); [ "$tries" -lt 50 ] || { echo "the broker did not start:"; tail -n 5 "$dir/out"; exit 2; }
  sleep 0.1
done
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
dynsec createClient ann -p pw
dynsec createRole reader
dynsec addRoleACL reader subscribePattern '#' allow
dynsec addClientRole ann reader
stdbuf -oL mosquitto_sub -h 127.0.0.1 -p 18962 -u ann -P pw -i ann -V mqttv5 -t a -d >"$dir/sub" 2>&1 & client=$!
tries=0
until grep -q 'received SUBACK' "$dir/sub"; do
  tries=$((tries + 1)); [ "$tries" -lt 50 ] || { echo "no SUBACK:"; cat "$dir/sub"; exit 2; }
  sleep 0.1
done
dynsec addGroupClient nothing ann || true
grep -v '^Warning\|^This means\|^$' "$dir/err" || true
tries=0
until grep 'ann' "$dir/out" | grep -qi 'disconnected\|closed'; do
  tries=$((tries + 1)); [ "$tries" -lt 20 ] || { echo "ann stays: changed"; exit 1; }
  sleep 0.1
done
grep 'Client ann' "$dir/out" | tail -n 1 | sed 's/^[0-9]*: //'
echo "as found: the command is refused, and its client disconnected"
