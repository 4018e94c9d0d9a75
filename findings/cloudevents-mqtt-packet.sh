#!/usr/bin/env bash
# The CloudEvents SDK's MQTT binding does not survive the wire: what it made itself is another event when it comes back.
#
# Package:  npm: cloudevents 10.0.0, mqtt 5.16.0; Debian 12: mosquitto 2.0.11
# Guess:    MQTT.toEvent() of a received packet gives the event that MQTT.binary() or MQTT.structured() was given: same id, JSON data
#           as a value, numbers among the extensions as numbers. MQTT.js takes what they return as payload and user properties.
# Seen:     Payload and properties want help first (an object is no payload; attributes that were not set are there as undefined, which
#           MQTT.js throws at). Binary mode: data is a Buffer (data_base64 in JSON), whatever the content type says; a number
#           among the extensions is text. Structured mode: the packet's payload, a Buffer, is taken for the event's fields, so it has
#           a *new* id, type and source are missing, and each byte is an attribute; no error. Parsing the payload first mends both.
# Use:      findings/cloudevents-mqtt-packet.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save cloudevents@10.0.0 mqtt@5.16.0 >"$dir/npm" 2>&1) || { echo "the packages cannot be installed"; exit 2; }
printf 'listener 18952 127.0.0.1\nallow_anonymous true\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
cat >"$dir/events.cjs" <<'JAVASCRIPT'
const { CloudEvent, MQTT } = require('cloudevents');
const client = require('mqtt').connect('mqtt://127.0.0.1:18952', { protocolVersion: 5 });
const event = new CloudEvent({ id: 'one', source: '/sensor', type: 'reading', time: '2026-01-02T03:04:05.678901Z', attempt: 5, datacontenttype: 'application/json', data: { a: 1 } });
const set = (properties) => Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
const send = (topic, { PUBLISH, payload, headers }) =>
  client.publish(topic, JSON.stringify(payload), {
    properties: { contentType: PUBLISH['Content Type'], ...(topic === 'binary' && { userProperties: set(headers) }) },
  });
client.on('message', (topic, payload, { properties }) => {
  const headers = properties.userProperties ?? {};
  const back = MQTT.toEvent({ PUBLISH: { 'Content Type': properties.contentType }, headers, 'User Properties': headers, body: payload, payload });
  console.log(`${topic}: id ${back.id === 'one' ? 'same' : 'another'}, type ${back.type}, attempt a ${typeof back.attempt}, data ${Buffer.isBuffer(back.data) ? 'bytes' : typeof back.data}`);
  if (topic === 'structured') client.end();
});
client.on('connect', () => client.subscribe(['binary', 'structured'], () => { send('binary', MQTT.binary(event)); send('structured', MQTT.structured(event)); }));
JAVASCRIPT
(cd "$dir" && timeout 20 node events.cjs) >"$dir/seen" 2>"$dir/error" || true
cat "$dir/seen"
cat >"$dir/expected" <<'TEXT'
binary: id same, type reading, attempt a string, data bytes
structured: id another, type undefined, attempt a undefined, data undefined
TEXT
cmp -s "$dir/seen" "$dir/expected" || { cat "$dir/error"; echo "changed"; exit 1; }
echo "as found: a packet's payload is not taken apart, and in structured mode another event comes out, without an error"
