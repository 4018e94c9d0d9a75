#!/bin/sh
# amqp-consume neither acknowledges nor gives back a message whose command has failed: it keeps it until it ends, and says nothing.
#
# Package:  Debian 12: amqp-tools 0.11.0-1*, rabbitmq-server 3.10.8 (or another AMQP 0-9-1 broker)
# Guess:    A command that exits with 1 has its message given back (or rejected), or ends amqp-consume with an error: the manual says
#           that messages are acknowledged when the command has succeeded.
# Seen:     With -p 1 the first failure is the last message that comes: it waits for ever beside a queue that is full. Without -p the
#           next messages come and are held likewise; -c counts the failed ones too, so «-c 2» ends with exit code 0 after two
#           failures, and both messages are back in the queue then, marked redelivered, behind nobody's error.
# Use:      findings/amqp-consume-failing-command.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for tool in amqp-consume amqp-publish amqp-declare-queue amqp-delete-queue amqp-get; do
  command -v $tool >/dev/null || { echo "not installed: $tool"; exit 2; }
done
url=amqp://guest:guest@127.0.0.1:${PORT:-5672}
queue=finding-$$
amqp-declare-queue -u "$url" -q "$queue" >/dev/null 2>&1 || { echo "no RabbitMQ"; exit 2; }
dir=$(mktemp -d)
trap 'amqp-delete-queue -u "$url" -q "$queue" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
printf '#!/bin/sh\ncat >>"%s/got"\necho >>"%s/got"\nexit 1\n' "$dir" "$dir" >"$dir/fail"
chmod +x "$dir/fail"
for n in 1 2 3; do amqp-publish -u "$url" -r "$queue" -b "job $n"; done

try() { # OPTIONS: what came, and how amqp-consume ended
  : >"$dir/got"
  code=0; timeout 3 amqp-consume -u "$url" -q "$queue" "$@" "$dir/fail" >/dev/null 2>"$dir/err" || code=$?
  ended="ended with $code"; [ "$code" -ne 124 ] || ended="still waiting"
  echo "$*: $(tr '\n' ' ' <"$dir/got")$ended$([ ! -s "$dir/err" ] || echo ", said something")"
}
{
  try -p 1 -c 2
  try -c 2
  for n in 1 2 3; do amqp-get -u "$url" -q "$queue"; echo; done
} >"$dir/seen"
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' '-p 1 -c 2: job 1 still waiting' '-c 2: job 1 job 2 ended with 0' 'job 1' 'job 2' 'job 3')" ] ||
  { echo "changed"; exit 1; }
echo "as found: a failed command's message is held, whatever came of it, and a failure is not told"
