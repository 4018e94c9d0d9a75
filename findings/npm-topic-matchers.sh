#!/usr/bin/env bash
# Six npm packages that match MQTT topics agree with each other, and not with MQTT, on topics that begin with "$".
#
# Package:  npm: mqtt-pattern 2.1.1, mqtt-match 3.0.0, mqtt-wildcard 3.0.9, mqtt-emitter 4.1.0, mqtt-regex 1.1.0, qlobber 8.0.1 (with
#           the settings that its README gives for MQTT, empty levels on)
# Guess:    They follow MQTT 3.1.1 and 5.0, section 4.7, in each of the eight cases below.
# Seen:     None keeps a leading wildcard from topics that begin with "$" [MQTT-4.7.2-1]: a handler for "#" or "+/x" gets what a
#           subscription to it would never bring. Two know no empty levels: mqtt-pattern and mqtt-regex do not find "a//c" by "a/+/c",
#           "/a" by "+/+" or "a/" by "a/+", so what the broker delivers meets no handler; mqtt-regex does not find "/a" by "#" either.
# Use:      findings/npm-topic-matchers.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save mqtt-pattern@2.1.1 mqtt-match@3.0.0 mqtt-wildcard@3.0.9 mqtt-emitter@4.1.0 \
  mqtt-regex@1.1.0 qlobber@8.0.1 >"$dir/npm" 2>&1) || { echo "the packages cannot be installed"; exit 2; }
cat >"$dir/match.cjs" <<'JAVASCRIPT'
const whole = (name) => { const module = require(name); return module.default ?? module; };
const { Qlobber } = require('qlobber');
const Emitter = require('mqtt-emitter').MqttEmitter ?? whole('mqtt-emitter');
const matchers = {
  'mqtt-pattern': (filter, topic) => require('mqtt-pattern').matches(filter, topic),
  'mqtt-match': (filter, topic) => whole('mqtt-match')(filter, topic),
  'mqtt-wildcard': (filter, topic) => whole('mqtt-wildcard')(topic, filter) !== null,
  'mqtt-emitter': (filter, topic) => { let seen = false; const emitter = new Emitter(); emitter.on(filter, () => { seen = true; }); emitter.emit(topic); return seen; },
  // It wants names for its wildcards.
  'mqtt-regex': (filter, topic) => Boolean(whole('mqtt-regex')(filter.replace(/\+/g, (_, at) => `+n${at}`).replace('#', '#rest')).exec(topic)),
  qlobber: (filter, topic) => { const tree = new Qlobber({ separator: '/', wildcard_one: '+', wildcard_some: '#', match_empty_levels: true }); tree.add(filter, 1); return tree.match(topic).length > 0; },
};
const cases = [['#', '$SYS/x', 0], ['+/x', '$SYS/x', 0], ['$SYS/#', '$SYS/x', 1], ['a/#', 'a', 1], ['a/+', 'a/', 1], ['+/+', '/a', 1], ['a/+/c', 'a//c', 1], ['#', '/a', 1]];
for (const [name, matches] of Object.entries(matchers))
  console.log(`${name}: ${cases.filter(([filter, topic, right]) => Number(matches(filter, topic)) !== right).map(([filter, topic]) => `${filter} ${topic}`).join(', ')}`);
JAVASCRIPT
(cd "$dir" && node match.cjs) >"$dir/seen" 2>"$dir/error" || true
echo "wrong, of eight:"
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'mqtt-pattern: # $SYS/x, +/x $SYS/x, a/+ a/, +/+ /a, a/+/c a//c' 'mqtt-match: # $SYS/x, +/x $SYS/x' 'mqtt-wildcard: # $SYS/x, +/x $SYS/x' \
  'mqtt-emitter: # $SYS/x, +/x $SYS/x' 'mqtt-regex: # $SYS/x, +/x $SYS/x, a/+ a/, +/+ /a, a/+/c a//c, # /a' 'qlobber: # $SYS/x, +/x $SYS/x')" ] ||
  { cat "$dir/error"; echo "changed"; exit 1; }
echo "as found: all let wildcards match \$-topics, two of them know no empty levels"
