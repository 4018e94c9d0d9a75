#!/bin/sh
# Mosquitto's dynamic security takes %u and %c for plain text, which are the user and the client identifier in its ACL file.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    An ACL for u/%u/# lets ann publish to u/ann/x, as `pattern write u/%u/#` in an acl_file does, and not to u/%u/x.
# Seen:     It is the other way round: u/ann/x is refused, and u/%u/x allowed.
# Use:      findings/mosquitto-dynsec-variables.sh
#           exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
plugin=$(ls /usr/lib/*/mosquitto_dynamic_security.so 2>/dev/null | head -n 1)
[ -x "$server" ] && [ -n "$plugin" ] || { echo "not installed: mosquitto with its dynamic security"; exit 2; }
for tool in mosquitto_ctrl mosquitto_pub; do
  command -v "$tool" >/dev/null || { echo "not installed: $tool"; exit 2; }
done
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mosquitto_ctrl dynsec init "$dir/dynsec.json" admin admin-password >/dev/null
chmod 666 "$dir/dynsec.json"
printf 'listener 18963 127.0.0.1\nallow_anonymous false\nplugin %s\nplugin_opt_config_file %s\n' "$plugin" "$dir/dynsec.json" >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
dynsec() { timeout 10 mosquitto_ctrl -h 127.0.0.1 -p 18963 -u admin -P admin-password dynsec "$@" 2>"$dir/err" ; }
tries=0
until dynsec listClients >/dev/null 2>&1; do
  tries=$((tries + 1)); [ "$tries" -lt 50 ] || { echo "the broker did not start:"; tail -n 5 "$dir/out"; exit 2; }
  sleep 0.1
done
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
dynsec createClient ann -p pw
dynsec createRole own
dynsec addRoleACL own publishClientSend 'u/%u/#' allow
dynsec addClientRole ann own
tried() {
  mosquitto_pub -h 127.0.0.1 -p 18963 -u ann -P pw -V mqttv5 -q 1 -t "$1" -m x -d 2>&1 | grep -o 'RC:[0-9]*' | head -n 1
}
for topic in u/ann/x u/%u/x; do echo "$topic: $(tried "$topic")"; done | tee "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf 'u/ann/x: RC:135\nu/%%u/x: RC:16')" ] || { echo "changed"; exit 1; }
echo "as found: %u is two characters of the topic (RC 135: not authorized, 16: no subscriber)"
