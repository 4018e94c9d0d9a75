/** What holds for a client whichever way it has logged in, and for what is kept in the name of somebody whom several back ends know. */
import { readFileSync } from 'node:fs';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../../src/index.ts';
import { RawClient } from '../../protocols/mqtt/raw-client.ts';
import { Authority, OPENSSL } from '../../support/certificates.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { until } from '../../support/until.ts';
import { ScramClient } from '../scram-client.ts';
import { type AuthService, startAuthService } from './harness.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const authenticationMethod = 'SCRAM-SHA-256';

let service: AuthService;
let running: RunningBroker;

beforeEach(async () => {
  service = await startAuthService();
});
afterEach(async () => {
  await running.close();
  await service.close();
});

/** Comes in by SCRAM; returns the code of its CONNACK, 0 where it is in. */
async function scram(user: string, password: string): Promise<{ client: RawClient; code: number }> {
  const client = await RawClient.dial(running.port('mqtt'), 5);
  const proof = new ScramClient(user, password);
  client.send({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 's', clean: true, keepalive: 0 },
    properties: { authenticationMethod, authenticationData: proof.first },
  });
  const answer = await Promise.race([client.next('auth'), client.next('connack')]);
  if (answer.cmd === 'connack') return { client, code: answer.reasonCode! };
  const authenticationData = proof.last(answer.properties!.authenticationData!);
  client.send({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod, authenticationData } });
  return { client, code: (await client.next('connack')).reasonCode! };
}

describe('users of the broker for whom a service decides what they may do', () => {
  const tls = temporaryDirectory();
  const authority = OPENSSL === undefined ? undefined : new Authority(tls.path, 'authority');

  afterAll(() => tls.remove());
  beforeEach(async () => {
    const server = authority?.issue('localhost', { dns: ['localhost'] });
    running = await createBroker({
      listen: ['amqp', 'mqtt', ...(server === undefined ? [] : ['mqtts'])].map((name) => `${name}://localhost:0`),
      ...(server !== undefined && {
        tls: {
          certificate: server.certificate,
          key: server.key,
          authority: authority!.certificate,
          clientCertificates: 'asked',
        },
      }),
      users: { u: { password: 'p', permissions: { '/': ALL } } },
      auth: { backends: [{ internal: { authorization: 'http' } }, service.backend()] },
    });
  });

  it('are asked for there when they come with a password', async () => {
    service.answer = ({ fields }) => (fields['name'] === 'yours' ? 'deny' : 'allow');
    const connection = await amqplib.connect(`amqp://u:p@localhost:${running.port('amqp')}`);
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await channel.assertQueue('mine');
    await expect(channel.assertQueue('yours')).rejects.toThrow('ACCESS_REFUSED');
    await connection.close();
  });

  it('are asked for there when they come by SCRAM', async () => {
    service.answer = ({ path }) => (path === 'topic' ? 'deny' : 'allow');
    const { client, code } = await scram('u', 'p');
    expect(code).toBe(0);
    expect(await client.subscribe('t', 0)).toBe(0x87);
    expect(service.questions).toContain('vhost /');
    await client.leave();
  });

  it.skipIf(authority === undefined)('are asked for there when they come by a certificate', async () => {
    service.answer = ({ path }) => (path === 'topic' ? 'deny' : 'allow');
    const own = authority!.issue('u');
    const client = await mqtt.connectAsync(`mqtts://localhost:${running.port('mqtts')}`, {
      ...{ ca: readFileSync(authority!.certificate), cert: readFileSync(own.certificate), key: readFileSync(own.key) },
      reconnectPeriod: 0,
    });
    await expect(client.subscribeAsync('t')).rejects.toThrow('Subscribe error');
    expect(service.questions).toContain('vhost /');
    await client.endAsync();
  });
});

it('a broker that is told to ask a service alone lets nobody in by SCRAM either', async () => {
  running = await createBroker({
    listen: 'mqtt://localhost:0',
    users: { u: { password: 'p', permissions: { '/': ALL } } },
    auth: { backends: [service.backend()] },
  });
  const { client, code } = await scram('u', 'p');
  expect(code).toBe(0x8c);
  await until(() => client.closed);
});

describe('somebody whom the service has let in, and who is called like a user of the broker', () => {
  beforeEach(async () => {
    running = await createBroker({
      listen: ['amqp', 'mqtt', 'http'].map((name) => `${name}://localhost:0`),
      users: {
        u: { password: 'p', tags: ['administrator'], permissions: { '/': { configure: '', write: '', read: '' } } },
        own: { password: 'p', tags: ['administrator'], permissions: { '/': ALL } },
      },
      retained: { checkSource: true },
      auth: { backends: ['internal', service.backend()] },
    });
  });

  it('is judged as the service says in what is kept in that name', async () => {
    const port = running.port('mqtt');
    const username = 'u';
    const publisher = await RawClient.connect(port, 'a', { username, password: Buffer.from('of the service') });
    publisher.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 1, retain: true, dup: false });
    await publisher.next('puback');
    await publisher.leave();
    const reader = await RawClient.connect(port, 'b', { username: 'own', password: Buffer.from('p') });
    await reader.subscribe('t', 0);
    expect((await reader.next('publish')).payload.toString()).toBe('x');
    await reader.leave();
  });

  it('is explained by the rules of the broker as long as the service has let in nobody of that name', async () => {
    const asked = async (user: string): Promise<string> => {
      const url = `http://localhost:${running.port('http')}/v1/access?user=${user}&action=read&resource=queue:q`;
      const headers = { authorization: `Basic ${Buffer.from('own:p').toString('base64')}` };
      const { rules } = (await (await fetch(url, { headers })).json()) as { rules: { sentence: string }[] };
      return rules[0]!.sentence;
    };
    expect(await asked('own')).toBe(
      "allowed: user 'own', read queue 'q' in vhost '/': its permission read '.*' is found in 'q'",
    );
    expect(await asked('u')).toContain("its permission read '' is not found");
    await (await amqplib.connect(`amqp://u:of%20the%20service@localhost:${running.port('amqp')}`)).close();
    expect(await asked('u')).toContain('rules that the broker does not keep say so');
  });
});
