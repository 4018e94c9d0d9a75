#!/usr/bin/env bash
# mosquitto_rr takes whatever comes to its response topic for the answer, also when it has sent correlation data.
#
# Package:  Debian 12: mosquitto 2.0.11-1.2+deb12u*, mosquitto-clients
# Guess:    With -D publish correlation-data it prints the response that carries the same, and waits on when another comes.
# Seen:     The request has the correlation data; the first message to the response topic is printed, whatever it carries, and the tool
#           ends with 0. Two that share a response topic get each other's answers.
# Use:      findings/mosquitto-rr-any-answer.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=$(command -v mosquitto || echo /usr/sbin/mosquitto)
[ -x "$server" ] || { echo "not installed: mosquitto"; exit 2; }
command -v mosquitto_sub >/dev/null || { echo "not installed: mosquitto-clients"; exit 2; }
dir=$(mktemp -d); broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; rm -rf "$dir"' EXIT
printf 'listener 18956 127.0.0.1\nallow_anonymous true\n' >"$dir/mosquitto.conf"
"$server" -c "$dir/mosquitto.conf" >"$dir/out" 2>&1 & broker=$!
at="-h 127.0.0.1 -p 18956"
for _ in 1 2 3 4 5 6 7 8 9 10; do mosquitto_pub $at -t ready -m x 2>/dev/null && break || sleep 0.2; done
mosquitto_sub $at -V 5 -t question -C 1 -W 8 -F 'request carries %D' >"$dir/asked" 2>/dev/null & responder=$!
sleep 0.5
code=0
timeout 8 mosquitto_rr $at -V 5 -t question -e answer -m x -D publish correlation-data mine >"$dir/got" 2>&1 & asker=$!
wait $responder || true
mosquitto_pub $at -V 5 -t answer -m "an answer to another" -D publish correlation-data theirs
wait $asker || code=$?
{ cat "$dir/asked"; echo "printed: $(cat "$dir/got"), ended with $code"; } >"$dir/seen"
grep -o 'mosquitto version [0-9.]*' "$dir/out" | head -n 1
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'request carries mine' 'printed: an answer to another, ended with 0')" ] || { echo "changed"; exit 1; }
echo "as found: correlation data is sent, and not looked at"
