#!/usr/bin/env bash
# Eclipse Tahu's Sparkplug client numbers every one of its lives 0: a late death cannot be told from the present one's.
#
# Package:  npm: sparkplug-client 3.2.4, sparkplug-payload 1.0.3, mqtt 5.16.0; Debian 12: mosquitto 2.0.11
# Guess:    Each new MQTT CONNECT has a will (NDEATH) whose bdSeq is one more than the last, as Sparkplug 3.0 says of edge nodes, and the
#           NBIRTH after it has the same number.
# Seen:     The numbers of NBIRTH and NDEATH are the same, and 0 in each of three connections: a host that has them matched, as the
#           specification tells it, takes the will of an older connection (a session that a broker gives up late) for the death of the
#           node that has just been born. A node that dies by stop() sends no NDEATH at all unless publishDeath is set.
# Use:      findings/sparkplug-client-bdseq.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save sparkplug-client@3.2.4 sparkplug-payload@1.0.3 mqtt@5.16.0 >"$dir/npm" 2>&1) ||
  { echo "the packages cannot be installed"; exit 2; }
printf 'listener 18953 127.0.0.1\nallow_anonymous true\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
cat >"$dir/node.cjs" <<'JAVASCRIPT'
const net = require('node:net');
const payload = require('sparkplug-payload').get('spBv1.0');
// The node reaches the broker through here, so that its connection can be cut.
let sockets = [];
const between = net.createServer((near) => {
  const far = net.connect(18953, '127.0.0.1');
  for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => {}).on('close', () => other.destroy()).pipe(other);
  sockets.push(near);
}).listen(0, '127.0.0.1', () => {
  const host = require('mqtt').connect('mqtt://127.0.0.1:18953');
  let births = 0;
  host.on('message', (topic, bytes) => {
    const kind = topic.split('/')[2];
    const metric = payload.decodePayload(bytes).metrics.find(({ name }) => name === 'bdSeq');
    console.log(`${kind} bdSeq ${metric.value}`);
    if (kind !== 'NBIRTH') return;
    births += 1;
    if (births < 3) for (const socket of sockets.splice(0)) socket.destroy();
    else {
      node.stop();
      setTimeout(() => process.exit(0), 1500);
    }
  });
  let node;
  host.subscribe('spBv1.0/#', { qos: 1 }, () => {
    node = require('sparkplug-client').newClient({ serverUrl: `mqtt://127.0.0.1:${between.address().port}`, username: '', password: '', groupId: 'G', edgeNode: 'E', clientId: 'E', version: 'spBv1.0' });
    node.on('birth', () => node.publishNodeBirth({ timestamp: Date.now(), metrics: [] }));
    node.on('error', () => {});
  });
});
JAVASCRIPT
(cd "$dir" && timeout 40 node node.cjs) >"$dir/seen" 2>"$dir/error" || true
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'NBIRTH bdSeq 0' 'NDEATH bdSeq 0' 'NBIRTH bdSeq 0' 'NDEATH bdSeq 0' 'NBIRTH bdSeq 0')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: three connections, one number; no death when it is stopped"
