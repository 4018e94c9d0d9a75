#!/bin/sh
# mosquitto_ctrl's setDefaultACLAccess changes nothing, and says nothing of it.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    `setDefaultACLAccess subscribe allow` sets it, as `mosquitto_ctrl dynsec help` says; getDefaultACLAccess shows allow.
# Seen:     It exits with 0 and prints nothing, and getDefaultACLAccess still shows deny. The tool sends {"access":"allow"}, the
#           plugin reads {"allow":true}; a command sent by hand in that form is obeyed.
# Use:      findings/mosquitto-ctrl-default-access.sh
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
printf 'listener 18961 127.0.0.1\nallow_anonymous false\nplugin %s\nplugin_opt_config_file %s\n' "$plugin" "$dir/dynsec.json" >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
dynsec() { timeout 10 mosquitto_ctrl -h 127.0.0.1 -p 18961 -u admin -P admin-password dynsec "$@" 2>"$dir/err" ; }
tries=0
until dynsec listClients >/dev/null 2>&1; do
  tries=$((tries + 1)); [ "$tries" -lt 50 ] || { echo "the broker did not start:"; tail -n 5 "$dir/out"; exit 2; }
  sleep 0.1
done
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
code=0; dynsec setDefaultACLAccess subscribe allow >"$dir/said" || code=$?
echo "setDefaultACLAccess subscribe allow: exit $code, $(wc -c <"$dir/said") bytes said"
shown() { dynsec getDefaultACLAccess | grep '^subscribe '; }
shown | tee "$dir/seen"
mosquitto_pub -h 127.0.0.1 -p 18961 -u admin -P admin-password -q 1 -t '$CONTROL/dynamic-security/v1' \
  -m '{"commands":[{"command":"setDefaultACLAccess","acls":[{"acltype":"subscribe","allow":true}]}]}'
echo "by hand, with allow:true:"; shown | tee "$dir/after"
grep -q 'deny' "$dir/seen" && grep -q 'allow' "$dir/after" && [ "$code" -eq 0 ] || { echo "changed"; exit 1; }
echo "as found: the tool's own form is passed over in silence"
