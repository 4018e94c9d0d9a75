#!/usr/bin/env bash
# Eclipse Tahu's Sparkplug codec cannot read data sets of small numbers that it has written, and turns BigInts and Dates into 0.
#
# Package:  npm: sparkplug-payload 1.0.3
# Guess:    decodePayload(encodePayload(x)) has the values of x; what cannot be encoded is refused.
# Seen:     A metric of type Int8 to Int32 is right, negative or not. In a DataSet a column of such a type, or of UInt8 or DateTime, throws
#           when it is read back ("Invalid DataSetValue"), be the number 5 or -5; Int64, Float, String and Boolean are read, a null is
#           not. As a metric a BigInt (the natural value of UInt64 beyond 2^53) and a Date are 0, and an array of Sparkplug 3.0
#           (Int32Array) is nothing, without a type: no error.
# Use:      findings/sparkplug-payload-values.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save sparkplug-payload@1.0.3 >"$dir/npm" 2>&1) || { echo "sparkplug-payload cannot be installed"; exit 2; }
cat >"$dir/values.cjs" <<'JAVASCRIPT'
const codec = require('sparkplug-payload').get('spBv1.0');
const back = (metric) => codec.decodePayload(codec.encodePayload({ timestamp: 1, metrics: [{ name: 'm', ...metric }] })).metrics[0];
const shown = (read) => { try { return String(read()); } catch (error) { return error.message.replace(/:.*/s, ''); } };
const cell = (type, value) => () => back({ type: 'DataSet', value: { numOfColumns: 1, types: [type], columns: ['c'], rows: [[value]] } }).value.rows[0][0];
console.log(`metric Int8 -5: ${back({ type: 'Int8', value: -5 }).value}`);
for (const [type, value] of [['Int8', -5], ['Int32', 5], ['UInt8', 5], ['DateTime', 1], ['String', null], ['Float', 1.5], ['String', 'x']])
  console.log(`cell ${type} ${value}: ${shown(cell(type, value))}`);
console.log(`metric UInt64, BigInt 2^63: ${back({ type: 'UInt64', value: 2n ** 63n }).value}`);
console.log(`metric DateTime, a Date of 2023: ${back({ type: 'DateTime', value: new Date(1700000000000) }).value}`);
const array = back({ type: 'Int32Array', value: Buffer.from([1, 0, 0, 0]) });
console.log(`metric Int32Array: ${array.value}, type ${array.type}`);
JAVASCRIPT
(cd "$dir" && node values.cjs) >"$dir/seen" 2>"$dir/error" || true
cat "$dir/seen"
cat >"$dir/expected" <<'TEXT'
metric Int8 -5: -5
cell Int8 -5: Invalid DataSetValue
cell Int32 5: Invalid DataSetValue
cell UInt8 5: Invalid DataSetValue
cell DateTime 1: Invalid DataSetValue
cell String null: Invalid DataSetValue
cell Float 1.5: 1.5
cell String x: x
metric UInt64, BigInt 2^63: 0
metric DateTime, a Date of 2023: 0
metric Int32Array: null, type undefined
TEXT
cmp -s "$dir/seen" "$dir/expected" || { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: data sets of numbers are written and cannot be read; some values become 0 or nothing"
