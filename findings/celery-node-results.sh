#!/usr/bin/env bash
# celery-node's tasks are done by a Celery 5 worker, and their results never come.
#
# Package:  npm: celery-node 0.5.9; Debian 12: python3-celery 5.2.6, rabbitmq-server 3.10.8
# Guess:    A task sent from Node with the amqp:// backend of celery-node's README is carried out by a Python worker (result back end
#           rpc://, Celery 5's only one over AMQP), and get() gives what it returned.
# Seen:     The worker does it and logs the result; get() times out. celery-node waits in a queue named after the task, as Celery's old
#           amqp back end did; it leaves reply-to empty, which is where rpc:// answers. With backend='amqp://', as that README has it,
#           a Celery 5 worker does not start: the back end is gone.
# Use:      findings/celery-node-results.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
for program in node npm; do command -v "$program" >/dev/null || { echo "not installed: $program"; exit 2; }; done
/usr/bin/python3 -c 'import celery' 2>/dev/null || { echo "not installed: python3-celery"; exit 2; }
port=${PORT:-5672}
dir=$(mktemp -d); worker=
trap 'kill $worker 2>/dev/null && wait $worker 2>/dev/null || true; rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --no-save celery-node@0.5.9 >"$dir/npm" 2>&1) || { echo "celery-node cannot be installed"; exit 2; }
cat >"$dir/tasks.py" <<'PYTHON'
import os, celery
app = celery.Celery('tasks', broker='amqp://guest:guest@127.0.0.1:%s//' % os.environ['BROKER_PORT'], backend=os.environ['BACKEND'])
app.conf.task_default_queue = 'celery-node-finding'
@app.task(name='tasks.add')
def add(x, y): return x + y
PYTHON
cat >"$dir/ask.cjs" <<'JAVASCRIPT'
const celery = require('celery-node');
const url = `amqp://guest:guest@127.0.0.1:${process.argv[2]}//`;
const client = celery.createClient(url, url, 'celery-node-finding');
client.createTask('tasks.add').applyAsync([1, 2]).get(6000)
  .then((result) => console.log('result', result), (error) => console.log('no result:', error?.message ?? error))
  .finally(() => process.exit(0));
JAVASCRIPT
cd "$dir"
export BROKER_PORT=$port
words="-m celery -A tasks worker -P solo --without-gossip --without-mingle -l INFO"
BACKEND=amqp:// timeout 20 /usr/bin/python3 $words >old.log 2>&1 || true
grep -q 'onnection refused' old.log && { echo "no RabbitMQ"; exit 2; }
BACKEND=rpc:// /usr/bin/python3 $words >worker.log 2>&1 & worker=$!
for _ in $(seq 40); do grep -q ' ready' worker.log && break || sleep 0.5; done
grep -q ' ready' worker.log || { echo "no RabbitMQ, or no worker"; exit 2; }
timeout 20 node ask.cjs "$port" >asked 2>error || true
for _ in $(seq 20); do grep -q 'succeeded' worker.log && break || sleep 0.2; done
kill $worker; wait $worker 2>/dev/null || true; worker=
BACKEND=rpc:// /usr/bin/python3 - <<'PYTHON'
import tasks
with tasks.app.connection_for_write() as connection: connection.default_channel.queue_delete('celery-node-finding')
PYTHON
{
  echo "worker with amqp://: $(grep -o "No module named '[a-z.]*'" old.log | head -n 1)"
  echo "worker with rpc://: $(grep -o 'succeeded.*: 3' worker.log | sed 's/ in .*s:/:/')"
  echo "celery-node: $(cat asked)"
} >seen
cat seen
[ "$(cat seen)" = "$(printf '%s\n' "worker with amqp://: No module named 'celery.backends.amqp'" 'worker with rpc://: succeeded: 3' 'celery-node: no result: TIMEOUT')" ] ||
  { tail -n 5 error; echo "changed"; exit 1; }
echo "as found: the task is done, the result does not come"
