#!/usr/bin/env bash
# aedes delivers at the lower QoS where two subscriptions of a client match, and while the client is away keeps the message twice.
#
# Package:  npm: aedes 1.2.0, mqtt 5.16.0
# Guess:    A client that has subscribed to "#" with QoS 0 and to "o/x" with QoS 1 gets a QoS 1 message to o/x with QoS 1 (the highest that
#           matches, [MQTT-3.3.5-1]), in one copy or two; and as many copies of what was kept for it as of what comes live.
# Seen:     It comes once, with QoS 0, so nobody repeats it if it is lost. With "o/#" and "o/x", both of QoS 1, a message comes once to
#           a client that is there, and twice out of its kept session.
# Use:      findings/aedes-overlapping-qos.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save aedes@1.2.0 mqtt@5.16.0 >"$dir/npm" 2>&1) || { echo "the packages cannot be installed"; exit 2; }
cat >"$dir/overlap.cjs" <<'JAVASCRIPT'
const { once } = require('node:events');
const net = require('node:net');
const mqtt = require('mqtt');
const { Aedes } = require('aedes');
(async () => {
  const broker = await Aedes.createBroker();
  const server = net.createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const seen = [];
  const connect = async (clientId) => {
    const client = mqtt.connect(`mqtt://127.0.0.1:${server.address().port}`, { clientId, clean: false });
    client.on('message', (_topic, payload, { qos }) => seen.push(`${payload} with QoS ${qos}`));
    await once(client, 'connect');
    return client;
  };
  // The last message says that all before it have come.
  const until = async (word) => {
    while (!seen.some((one) => one.startsWith(word))) await new Promise((resolve) => setTimeout(resolve, 20));
    return seen.splice(0).filter((one) => !one.startsWith(word)).join(', ');
  };
  const publisher = await connect('publisher');
  const say = (word) => publisher.publishAsync('o/x', word, { qos: 1 });
  const first = await connect('first');
  await first.subscribeAsync({ '#': { qos: 0 }, 'o/x': { qos: 1 } });
  await say('a'); await say('end');
  console.log(`# and o/x, there: ${await until('end')}`);
  await first.endAsync();
  const second = await connect('second');
  await second.subscribeAsync({ 'o/#': { qos: 1 }, 'o/x': { qos: 1 } });
  await say('b'); await say('end');
  console.log(`o/# and o/x, there: ${await until('end')}`);
  await second.endAsync();
  await say('c'); await say('end');
  await connect('second');
  console.log(`o/# and o/x, kept: ${await until('end')}`);
  process.exit(0);
})();
JAVASCRIPT
(cd "$dir" && timeout 20 node overlap.cjs) >"$dir/seen" 2>"$dir/error" || true
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' '# and o/x, there: a with QoS 0' 'o/# and o/x, there: b with QoS 1' 'o/# and o/x, kept: c with QoS 1, c with QoS 1')" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: the lower QoS live, two copies kept"
