/**
 * The brokers, with the users of these questions: this one in the test's own process, RabbitMQ, and this one with what RabbitMQ has
 * exported.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import amqplib from 'amqplib';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { startRabbitmq } from '../peers/index.ts';
import { temporaryDirectory } from '../support/processes.ts';
import type { Ports } from './ask.ts';
import { EXCHANGES, QUEUES, USERS } from './users.ts';

export interface AskedBroker extends Ports {
  stop(): Promise<void>;
}

const LISTEN = ['amqp', 'mqtt', 'stomp'].map((name) => `${name}://127.0.0.1:0`);

const portsOf = (running: RunningBroker): Ports => ({
  amqpPort: running.port('amqp'),
  mqttPort: running.port('mqtt'),
  stompPort: running.port('stomp'),
});

export async function startHere(): Promise<AskedBroker> {
  const users = Object.fromEntries(
    Object.entries(USERS).map(([user, { permissions, topics }]) => [
      user,
      {
        password: 'p',
        permissions: permissions === undefined ? {} : { '/': permissions },
        topicPermissions: topics.map((topic) => ({ vhost: '/', ...topic })),
      },
    ]),
  );
  const running = await createBroker({ listen: LISTEN, users });
  const ports = portsOf(running);
  await prepare(`amqp://all:p@127.0.0.1:${ports.amqpPort}`);
  return { ...ports, stop: () => running.close() };
}

/** RabbitMQ's definitions, as it writes them itself. */
export interface Exports {
  readonly rabbitmqctl: string;
  readonly 'management API': string;
}

/** What its passwords are hashed with, in turn. */
const HASHINGS = ['sha256', 'sha512', 'md5'] as const;

export interface AskedRabbitmq extends AskedBroker {
  exported(): Promise<Exports>;
}

export async function startThere(): Promise<AskedRabbitmq> {
  const peer = await startRabbitmq({ plugins: ['rabbitmq_management'] });
  const { amqpPort, mqttPort, stompPort, httpPort } = peer;
  const put = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/api/${path}`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  for (const [i, [user, { permissions, topics }]] of Object.entries(USERS).entries()) {
    const hashing = `rabbit_password_hashing_${HASHINGS[i % HASHINGS.length]}`;
    await peer.control(['eval', `application:set_env(rabbit, password_hashing_module, ${hashing}).`]);
    await put(`users/${user}`, { password: 'p', tags: '' });
    if (permissions !== undefined) await put(`permissions/%2f/${user}`, permissions);
    for (const topic of topics) await put(`topic-permissions/%2f/${user}`, topic);
  }
  await prepare(`amqp://all:p@127.0.0.1:${amqpPort}`);
  const exported = async (): Promise<Exports> => {
    const directory = await temporaryDirectory('definitions');
    try {
      const file = join(directory.path, 'definitions.json');
      await peer.control(['export_definitions', file]);
      const authorization = `Basic ${btoa('guest:guest')}`;
      const answer = await fetch(`http://127.0.0.1:${httpPort}/api/definitions`, { headers: { authorization } });
      return { rabbitmqctl: await readFile(file, 'utf8'), 'management API': await answer.text() };
    } finally {
      await directory.remove();
    }
  };
  return { amqpPort, mqttPort, stompPort, exported, stop: () => peer.stop() };
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** This broker, which has taken over the users of these definitions. */
export async function startImported(definitions: string): Promise<AskedBroker> {
  const directory = await temporaryDirectory('imported');
  const file = join(directory.path, 'definitions.json');
  const data = join(directory.path, 'data');
  await writeFile(file, definitions);
  await promisify(execFile)(process.execPath, [MAIN, 'import', 'rabbitmq', file, '--data', data]);
  const running = await createBroker({ listen: LISTEN, data });
  const ports = portsOf(running);
  await prepare(`amqp://all:p@127.0.0.1:${ports.amqpPort}`);
  return {
    ...ports,
    async stop() {
      await running.close();
      await directory.remove();
    },
  };
}

async function prepare(url: string): Promise<void> {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const queue of QUEUES) await channel.assertQueue(queue);
  for (const [name, type] of EXCHANGES) await channel.assertExchange(name, type);
  await connection.close();
}
