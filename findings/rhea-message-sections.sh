#!/usr/bin/env bash
# rhea writes a message's footer before its body.
#
# Package:  npm: rhea 3.0.5; Debian 12: python3-qpid-proton 0.37
# Guess:    The footer is the last section (AMQP 1.0, 3.2: header … body, footer); Proton, which many brokers are built with, reads it there.
# Seen:     rhea's footer comes before the body. Proton reads body and application properties of such a message all the same, and the
#           footer is left out. Who follows the specification's order strictly refuses what rhea sends with a footer.
# Use:      findings/rhea-message-sections.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import proton' 2>/dev/null || { echo "not installed: python3-qpid-proton"; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save rhea@3.0.5 >"$dir/npm" 2>&1) ||
  { echo "the package cannot be installed"; exit 2; }
cat >"$dir/write.cjs" <<'JAVASCRIPT'
const { message } = require('rhea');
const bytes = message.encode({ application_properties: { a: 1 }, footer: { sum: 'f' }, body: 'the body' });
process.stdout.write(bytes.toString('hex'));
JAVASCRIPT
(cd "$dir" && node write.cjs) >"$dir/bytes"
/usr/bin/python3 - "$dir/bytes" <<'PYTHON' >"$dir/seen" 2>&1 || true
import sys
from proton import Message
data = bytes.fromhex(open(sys.argv[1]).read())
# A section is a described value: 00 53 and its number.
names = {0x74: 'application-properties', 0x77: 'amqp-value', 0x78: 'footer'}
places = sorted((data.find(bytes([0, 0x53, code])), name) for code, name in names.items())
print('sections:', ', '.join(name for at, name in places if at >= 0))
message = Message()
message.decode(data)
print('proton reads:', message.body, message.properties)
PYTHON
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'sections: application-properties, footer, amqp-value' "proton reads: the body {'a': uint(1)}")" ] ||
  { echo "changed"; exit 1; }
echo "as found: the footer stands before the body"
