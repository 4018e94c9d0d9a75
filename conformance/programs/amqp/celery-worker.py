"""A Celery worker and its application on the broker at 127.0.0.1:PORT, as Debian's python3-celery has them (kombu over
py-amqp). Prints `works: …` for each thing that does, and ends with 0 if all of them do.

    celery-worker.py PORT            the application, which starts workers of its own
    celery-worker.py PORT worker     a worker
"""
import os
import signal
import subprocess
import sys
import time

from celery import Celery

PORT = int(sys.argv[1])
QUEUE = 'celery-eta'
PATIENCE_S = 20

app = Celery('worker', broker='amqp://guest:guest@127.0.0.1:%d//' % PORT, backend='rpc://')
app.conf.update(
    task_default_queue=QUEUE,
    worker_prefetch_multiplier=4,
    worker_hijack_root_logger=False,
    broker_connection_timeout=5,
    result_expires=60,
)


@app.task(name='add')
def add(a, b):
    return a + b


@app.task(name='flaky', bind=True, max_retries=5)
def flaky(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.2)
    return self.request.retries


@app.task(name='late', acks_late=True, reject_on_worker_lost=True)
def late(path):
    with open(path, 'a') as file:
        file.write('begun\n')
    with open(path) as file:
        if len(file.readlines()) == 1:
            time.sleep(60)  # the first worker is killed meanwhile
    return 'done'


def start():
    env = dict(os.environ, C_FORCE_ROOT='1')
    worker = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(PORT), 'worker'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    until('a worker answers', lambda: app.control.ping(timeout=0.5))
    return worker


def stop(worker):
    worker.send_signal(signal.SIGTERM)
    worker.wait(PATIENCE_S)


def until(what, holds):
    end = time.monotonic() + PATIENCE_S
    while True:
        seen = holds()
        if seen:
            return seen
        if time.monotonic() > end:
            raise SystemExit('not in time: ' + what)
        time.sleep(0.05)


def waiting():
    with app.connection_for_read() as connection:
        return connection.default_channel.queue_declare(QUEUE, passive=True).message_count


def works(what):
    print('works: ' + what, flush=True)


def main():
    worker = start()
    try:
        assert add.delay(1, 2).get(timeout=PATIENCE_S) == 3
        works('a task and its result')

        # More than the worker would take if it could not ask for more: 4.
        later = [add.apply_async((i, i), countdown=3600) for i in range(10)]
        assert add.delay(3, 4).get(timeout=PATIENCE_S) == 7
        until('the worker holds what is to run later', lambda: waiting() == 0)
        works('a plain task runs at once while tasks with an ETA wait')

        assert add.apply_async((5, 6), countdown=1).get(timeout=PATIENCE_S) == 11
        works('a task with an ETA runs in its time')

        assert flaky.delay().get(timeout=PATIENCE_S) == 2
        works('a task that is retried')

        stop(worker)
        until('what was not run is there again', lambda: waiting() == len(later))
        worker = start()
        assert add.delay(7, 8).get(timeout=PATIENCE_S) == 15
        until('the next worker holds it', lambda: waiting() == 0)
        works('a worker that is stopped gives back what waits for its ETA, and the next one takes it')

        path = os.environ['SCRATCH'] + '/late'
        result = late.delay(path)
        until('the task has begun', lambda: os.path.exists(path))
        worker.kill()
        worker.wait(PATIENCE_S)
        worker = start()
        assert result.get(timeout=PATIENCE_S) == 'done'
        works('a task of a worker that was killed is done by the next, if it is acknowledged late')

        # A result is there before its task is acknowledged; the next task is begun after that.
        assert add.delay(1, 2).get(timeout=PATIENCE_S) == 3
        stop(worker)
        until('everything is back', lambda: waiting() == len(later))
        assert app.control.purge() == len(later)
        works('purge')
    finally:
        worker.kill()
        with app.connection_for_write() as connection:
            connection.default_channel.queue_delete(QUEUE)


if len(sys.argv) > 2:
    app.worker_main(['worker', '--pool=solo', '--loglevel=ERROR', '--without-gossip', '--without-mingle'])
else:
    main()
