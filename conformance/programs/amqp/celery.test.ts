/**
 * A Celery worker with tasks that wait for their time (ETA), where Debian's python3-celery is installed. For each of them the
 * worker raises its prefetch, in the specification's way unless the broker is RabbitMQ, and stands still if that does nothing.
 * CONFORMANCE_PEER=rabbitmq runs the same against RabbitMQ.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Peer, startEntrepot, startRabbitmq } from '../../peers/index.ts';
import { has, run } from '../../support/commands.ts';
import { temporaryDirectory } from '../../support/processes.ts';

const python = ['/usr/bin/python3', 'python3'].find((one) => has(one, '-c', 'import celery, amqp'));
if (python === undefined) console.log('Celery for Python is not installed here: skipped');

let broker: Peer | undefined;
beforeAll(async () => {
  if (python === undefined) return;
  broker = process.env['CONFORMANCE_PEER'] === 'rabbitmq' ? await startRabbitmq() : await startEntrepot();
}, 120_000);
afterAll(() => broker?.stop(), 60_000);

it.skipIf(python === undefined)('a Celery worker', { timeout: 120_000 }, async () => {
  const scratch = await temporaryDirectory('celery');
  try {
    const script = fileURLToPath(new URL('celery-worker.py', import.meta.url));
    const args = [`SCRATCH=${scratch.path}`, python!, script, String(broker!.amqpPort)];
    const { code, out, error } = await run('env', args, 110_000);
    expect(
      out.split('\n').filter((line) => line !== ''),
      error,
    ).toEqual([
      'works: a task and its result',
      'works: a plain task runs at once while tasks with an ETA wait',
      'works: a task with an ETA runs in its time',
      'works: a task that is retried',
      'works: a worker that is stopped gives back what waits for its ETA, and the next one takes it',
      'works: a task of a worker that was killed is done by the next, if it is acknowledged late',
      'works: purge',
    ]);
    expect(code).toBe(0);
  } finally {
    await scratch.remove();
  }
});
