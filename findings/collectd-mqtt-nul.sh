#!/bin/sh
# collectd's mqtt plugin publishes a NUL behind every value.
#
# Package:  Debian 12: collectd-core 5.12.0-14, mosquitto and mosquitto-clients 2.0.11-1.2+deb12u*
# Guess:    The payload of collectd/HOST/PLUGIN/TYPE is the text "TIME:VALUE" that collectd.conf(5) shows, and nothing more.
# Seen:     It ends in one byte 00, which belongs to the payload: a JSON or number parser that is strict refuses it, and a
#           subscriber that prints text shows a box or a blank. collectd's own Subscribe needs the byte.
# Use:      findings/collectd-mqtt-nul.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in collectd mosquitto mosquitto_sub od; do
  PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }
done
PATH="$PATH:/usr/sbin"
dir=$(mktemp -d); broker=; sender=
trap 'kill $sender $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
port=18931
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$dir/mosquitto.conf"
mosquitto -c "$dir/mosquitto.conf" >"$dir/mosquitto.out" 2>&1 & broker=$!
cat >"$dir/collectd.conf" <<CONF
Hostname "box"
FQDNLookup false
Interval 1
BaseDir "$dir"
PIDFile "$dir/pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin uptime
LoadPlugin mqtt
<Plugin mqtt>
  <Publish "out">
    Host "127.0.0.1"
    Port $port
  </Publish>
</Plugin>
CONF
sleep 1
collectd -f -C "$dir/collectd.conf" >"$dir/collectd.out" 2>&1 & sender=$!
mosquitto_sub -h 127.0.0.1 -p "$port" -t 'collectd/#' -C 1 -W 20 -N >"$dir/payload"
collectd -h | tail -n 3 | head -n 1
echo "payload:"; od -c "$dir/payload"
[ "$(tail -c 1 "$dir/payload" | od -An -tx1 | tr -d ' ')" = 00 ] || { echo "changed: no NUL behind the value any more"; exit 1; }
echo "as found: the last byte of the payload is 00"
