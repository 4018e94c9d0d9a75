#!/usr/bin/env bash
# MQTT.js' mqtt-jsonl-store writes once a minute: what a device published before it lost its power is gone, though "stored".
#
# Package:  npm: mqtt 5.16.0, mqtt-jsonl-store 0.2.1, mqtt-level-store 3.1.0, mqtt-nedb-store 0.1.1
# Guess:    A persistent store for packets in flight has them on disk some seconds after publish(): twelve QoS 1 messages, published
#           without a broker, are all there when the process is killed five seconds later.
# Seen:     With mqtt-level-store and mqtt-nedb-store they are. mqtt-jsonl-store's file is empty: it writes every 60 s, or every 2,000
#           changes, unless it is given throttleFS (whose interval it takes from 1,000 ms up); its README does not speak of it. It
#           calls back at once, so MQTT.js takes the packet for stored. close() writes all.
# Use:      findings/mqtt-jsonl-store-minute.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
# level's binary comes within its package.
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save mqtt@5.16.0 mqtt-jsonl-store@0.2.1 mqtt-level-store@3.1.0 mqtt-nedb-store@0.1.1 >"$dir/npm" 2>&1) ||
  { echo "the packages cannot be installed"; exit 2; }
cat >"$dir/device.cjs" <<'JAVASCRIPT'
const { mkdirSync } = require('node:fs');
const [kind, what] = process.argv.slice(2);
(async () => {
  const at = `${process.cwd()}/${kind}-store`;
  let manager;
  if (kind === 'jsonl') {
    mkdirSync(at, { recursive: true });
    manager = new (require('mqtt-jsonl-store').Manager)(at);
    await manager.open();
  } else manager = require(`mqtt-${kind}-store`)(at);
  if (what === 'count') {
    let count = 0;
    manager.outgoing.createStream().on('data', () => { count += 1; }).on('end', () => { console.log(count); process.exit(0); });
    return;
  }
  // A port without a listener: the device is out of reach of its broker.
  const client = require('mqtt').connect('mqtt://127.0.0.1:1', { clientId: 'device', clean: false, incomingStore: manager.incoming, outgoingStore: manager.outgoing });
  client.on('error', () => {});
  for (let i = 1; i <= 12; i += 1) client.publish('t', String(i), { qos: 1 });
  setTimeout(async () => {
    if (what === 'close') await manager.close();
    process.kill(process.pid, 'SIGKILL');
  }, 5000);
})();
JAVASCRIPT
cd "$dir"
for kind in level nedb jsonl; do
  node device.cjs "$kind" die >/dev/null 2>&1 || true
  echo "$kind, killed after 5 s: $(timeout 20 node device.cjs "$kind" count 2>&1) of 12"
done >"$dir/seen" 2>/dev/null
rm -rf jsonl-store; { node device.cjs jsonl close >/dev/null 2>&1 || true; } 2>/dev/null
echo "jsonl, closed: $(timeout 20 node device.cjs jsonl count 2>&1) of 12" >>"$dir/seen"
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'level, killed after 5 s: 12 of 12' 'nedb, killed after 5 s: 12 of 12' 'jsonl, killed after 5 s: 0 of 12' 'jsonl, closed: 12 of 12')" ] ||
  { echo "changed"; exit 1; }
echo "as found: mqtt-jsonl-store has nothing on disk for up to a minute"
