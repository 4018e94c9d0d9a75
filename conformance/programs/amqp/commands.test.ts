/**
 * Clients of other languages against this broker, where they are installed: pika for Python, RabbitMQ's own client for
 * Java, and the command-line tools of librabbitmq, which is C. CONFORMANCE_PEER=rabbitmq runs the same against RabbitMQ.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Peer, startEntrepot, startRabbitmq } from '../../peers/index.ts';
import { has, run, start } from '../../support/commands.ts';

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
/** Debian's Python first: it is the one that has Debian's packages. */
const python = ['/usr/bin/python3', 'python3'].find((one) => has(one, '-c', 'import pika'));
const tools = ['publish', 'consume', 'get', 'declare-queue', 'delete-queue'].every((tool) => has(`amqp-${tool}`));
const JARS = ['amqp-client', 'slf4j-api'].map((name) => `/usr/share/java/${name}.jar`);
const java = JARS.every((jar) => existsSync(jar)) && has('java') && has('javac');
if (python === undefined) console.log('pika for Python is not installed here: skipped');
if (!tools) console.log('the tools of librabbitmq (amqp-tools) are not installed here: skipped');
if (!java) console.log('a Java compiler with librabbitmq-client-java is not installed here: skipped');

let broker: Peer;
beforeAll(async () => {
  broker = process.env['CONFORMANCE_PEER'] === 'rabbitmq' ? await startRabbitmq() : await startEntrepot();
}, 120_000);
afterAll(() => broker?.stop(), 60_000);

const worksIn = (out: string): string[] =>
  out.split('\n').flatMap((line) => (line.startsWith('works: ') ? [line.slice('works: '.length)] : []));

it.skipIf(python === undefined)('pika', { timeout: 60_000 }, async () => {
  const { code, out, error } = await run(python!, [beside('amqp-users.py'), String(broker.amqpPort)], 50_000);
  expect(error).toBe('');
  expect(code).toBe(0);
  expect(worksIn(out)).toEqual([
    'publish with confirms',
    'get and acknowledge',
    'returned when mandatory',
    'bind, route by topic, unbind',
    'consume with prefetch, acknowledge, nack with requeue',
    'nack without requeue, dead letter',
    "a full queue's negative confirm",
    'transactions',
    'request and answer by direct reply-to',
    'an error closes the channel, and the connection lives',
    'a body of 5 MB',
    'leaving in order',
  ]);
});

it.skipIf(!java)('the Java client', { timeout: 90_000 }, async () => {
  const args = ['-cp', JARS.join(':'), beside('AmqpUsers.java'), String(broker.amqpPort)];
  const { code, out, error } = await run('java', args, 80_000);
  expect(worksIn(out), error).toEqual([
    'publish with confirms',
    'get, acknowledge, purge',
    'bind queues and exchanges, unbind',
    'consume with prefetch, acknowledge, nack with requeue',
    'reject, dead letter',
    "a full queue's negative confirm",
    'transactions',
    'a consumer hears that its queue is gone',
    'an error closes the channel, and the connection lives',
    'leaving in order',
  ]);
  expect(code).toBe(0);
});

describe.skipIf(!tools)('the tools of librabbitmq', () => {
  const tool = (name: string, ...args: string[]) =>
    run(`amqp-${name}`, [`--url=amqp://guest:guest@127.0.0.1:${broker.amqpPort}/%2f`, ...args]);

  it('declare, publish, get, delete', async () => {
    expect(await tool('declare-queue', '-q', 'tools.q', '-d')).toMatchObject({ code: 0, out: 'tools.q\n' });
    for (const body of ['first', 'second']) {
      const published = await tool('publish', '-e', '', '-r', 'tools.q', '-p', '-C', 'text/plain', '-b', body);
      expect(published).toEqual({ code: 0, out: '', error: '' });
    }
    expect(await tool('get', '-q', 'tools.q')).toMatchObject({ code: 0, out: 'first' });
    expect(await tool('get', '-q', 'tools.q')).toMatchObject({ code: 0, out: 'second' });
    // It ends with 2 where the queue is empty.
    expect(await tool('get', '-q', 'tools.q')).toMatchObject({ code: 2, out: '' });
    await tool('publish', '-e', '', '-r', 'tools.q', '-b', 'one more');
    expect(await tool('delete-queue', '-q', 'tools.q')).toMatchObject({ code: 0, out: '1\n' });
    expect((await tool('delete-queue', '-q', 'tools.q', '--if-unused')).code).toBe(0);
  });

  it('declare an exclusive queue, bind it to an exchange and consume', async () => {
    const url = `--url=amqp://guest:guest@127.0.0.1:${broker.amqpPort}/%2f`;
    const args = [url, '-q', 'tools.topic', '-x', '-e', 'amq.topic', '-r', 'tools.#', '-c', '3', '-A', 'cat'];
    const consuming = start('amqp-consume', args);
    // It binds before it consumes, and says nothing of it: what is published until then is not for it.
    const stop = setInterval(() => void tool('publish', '-e', 'amq.topic', '-r', 'tools.a', '-b', 'x'), 300);
    const { code, out } = await consuming.ended;
    clearInterval(stop);
    expect(code).toBe(0);
    expect(out).toBe('xxx');
  });

  it('a message that its command refuses is there again', async () => {
    await tool('declare-queue', '-q', 'tools.nack', '-d');
    await tool('publish', '-e', '', '-r', 'tools.nack', '-b', 'x');
    await tool('consume', '-q', 'tools.nack', '-c', '1', 'false');
    await expect.poll(async () => (await tool('get', '-q', 'tools.nack')).out).toBe('x');
    await tool('delete-queue', '-q', 'tools.nack');
  });

  it('hears what was wrong', async () => {
    const { code, error } = await tool('get', '-q', 'tools.nowhere');
    expect(code).not.toBe(0);
    expect(error).toContain("NOT_FOUND - no queue 'tools.nowhere' in vhost '/'");
  });
});
