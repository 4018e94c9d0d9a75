#!/bin/sh
# RabbitMQ's STOMP hands a publisher's `transaction` header on to consumers, and PHP's client sends it back.
#
# Package:  Debian 12: rabbitmq-server 3.10.8-1.1+deb12u*, php-cli, php-stomp 2.0.3
# Guess:    `transaction` belongs to the SEND frame, like `destination`: the MESSAGE of what was committed does not have it,
#           and `$stomp->ack($frame)` acknowledges it like any other.
# Seen:     The MESSAGE has it. `ack($frame)` makes the ACK of all headers of the frame, so the ACK is in a transaction that
#           is over: ERROR «Bad transaction», and the message stays unacknowledged. `ack($frame->headers['message-id'])` works.
# Use:      findings/rabbitmq-stomp-transaction-header.sh
#           exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
set -eu
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$server" ] || { echo "not installed: rabbitmq-server"; exit 2; }
command -v epmd >/dev/null || { echo "not installed: epmd"; exit 2; }
php -r 'exit(class_exists("Stomp") ? 0 : 1);' 2>/dev/null || { echo "not installed: php with php-stomp"; exit 2; }
dir=$(mktemp -d); mapper=; broker=
trap 'kill $broker 2>/dev/null && wait $broker 2>/dev/null || true; kill $mapper 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir "$dir/home" "$dir/mnesia" "$dir/log"
printf 'FINDING' >"$dir/home/.erlang.cookie"; chmod 400 "$dir/home/.erlang.cookie"
echo '[rabbitmq_stomp].' >"$dir/plugins"
printf 'listeners.tcp.local = 127.0.0.1:18941\nstomp.listeners.tcp.1 = 127.0.0.1:18942\n' >"$dir/rabbitmq.conf"
export HOME="$dir/home" ERL_EPMD_PORT=18943 ERL_EPMD_ADDRESS=127.0.0.1 RUNNING_UNDER_SYSTEMD=true \
  RABBITMQ_NODENAME=finding@localhost RABBITMQ_DIST_PORT=18944 RABBITMQ_MNESIA_BASE="$dir/mnesia" \
  RABBITMQ_LOG_BASE="$dir/log" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" \
  RABBITMQ_CONF_ENV_FILE="$dir/none" RABBITMQ_PID_FILE="$dir/pid"
epmd >"$dir/epmd.out" 2>&1 & mapper=$!
"$server" >"$dir/server.out" 2>&1 & broker=$!
cat >"$dir/client.php" <<'PHP'
<?php
$client = null;
for ($i = 0; $i < 50 && $client === null; $i++) {
    try {
        $client = new Stomp('tcp://127.0.0.1:18942', 'guest', 'guest');
    } catch (StompException $notYet) {
        sleep(1);
    }
}
if ($client === null) exit(2);
$client->subscribe('/queue/finding', ['ack' => 'client', 'id' => '1', 'receipt' => 'subscribed']);
$client->begin('over');
$client->send('/queue/finding', 'x', ['transaction' => 'over']);
$client->commit('over', ['receipt' => 'committed']);
$frame = $client->readFrame();
echo 'MESSAGE: transaction:', $frame->headers['transaction'] ?? 'none', "\n";
$acknowledged = $client->ack($frame, ['receipt' => 'acknowledged']);
echo 'ack: ', $acknowledged ? 'taken' : $client->error(), "\n";
PHP
code=0; php "$dir/client.php" >"$dir/seen" 2>"$dir/client.err" || code=$?
[ "$code" -ne 2 ] || { echo "the broker did not start:"; tail -n 5 "$dir/server.out"; exit 2; }
grep -o 'RabbitMQ [0-9.]*' "$dir/server.out" | head -n 1
php -r 'echo "php-stomp ", phpversion("stomp"), "\n";'
cat "$dir/seen"
[ "$(head -n 2 "$dir/seen")" = "$(printf 'MESSAGE: transaction:over\nack: Bad transaction')" ] || { echo "changed"; exit 1; }
echo "as found: an ACK made of the frame names the publisher's transaction"
