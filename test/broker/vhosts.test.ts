/** Vhosts that are made and removed while the broker runs, as clients of each protocol and later starts meet them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import amqp, { type ChannelModel } from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';

const LISTEN = ['amqp', 'mqtt', 'stomp'].map((name) => `${name}://127.0.0.1:0`);
const ALL = { configure: '.*', write: '.*', read: '.*' };
let running: RunningBroker;
const directories: { remove(): void }[] = [];
const directory = (): string => {
  const made = temporaryDirectory();
  directories.push(made);
  return made.path;
};

const start = async (data: string | null): Promise<void> => {
  running = await createBroker({ data, listen: LISTEN });
};
const own = async (vhost: string): Promise<void> => {
  await running.broker.putVhost(vhost);
  await running.users.put('ann', { password: 'pw' });
  await running.users.setPermissions('ann', vhost, ALL);
};
const enter = (vhost: string): Promise<ChannelModel> =>
  amqp.connect(`amqp://ann:pw@127.0.0.1:${running.port('amqp')}/${encodeURIComponent(vhost)}`);

afterEach(async () => {
  await running.close();
  for (const made of directories.splice(0)) made.remove();
});

describe('a vhost that is made while the broker runs', () => {
  it('takes clients, and is there after a restart with what it had', async () => {
    const data = directory();
    await start(data);
    await own('plant 1');
    const client = await enter('plant 1');
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('kept');
    channel.sendToQueue('kept', Buffer.from('one'), { persistent: true });
    await channel.waitForConfirms();
    await client.close();
    await running.close();

    await start(data);
    expect(running.broker.vhostNames).toEqual(['/', 'plant 1']);
    const again = await (await enter('plant 1')).createChannel();
    const got = await again.get('kept', { noAck: true });
    expect(got !== false && got.content.toString()).toBe('one');
  });

  it('is told of once: making it again changes what is said of it', async () => {
    await start(null);
    expect(await running.broker.putVhost('v', { description: 'first', tags: [] })).toBe(true);
    expect(await running.broker.putVhost('v', { description: 'second', tags: ['t'] })).toBe(false);
    expect(running.broker.vhostDetails('v')).toMatchObject({ description: 'second', tags: ['t'] });
  });

  it('stays out of the next start when the configuration has it, once the configuration has it no more', async () => {
    const data = directory();
    running = await createBroker({ data, listen: LISTEN, vhosts: ['/', 'conf'] });
    await running.broker.putVhost('conf', { description: 'more is said of it', tags: [] });
    await running.close();
    await start(data);
    expect(running.broker.vhostNames).toEqual(['/']);
  });

  it.each(['', '.', '..', 'é'.repeat(43), 'a'.repeat(256), '\ud800'])('may not be called %j', async (name) => {
    await start(null);
    await expect(running.broker.putVhost(name)).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('a vhost that is removed while the broker runs', () => {
  it('tells its clients to go, and takes nobody after that', async () => {
    await start(null);
    await own('v');
    const client = await enter('v');
    const gone = new Promise((resolve) => client.once('close', resolve));
    expect(await running.broker.deleteVhost('v')).toBe(true);
    expect(String(await gone)).toMatch(/CONNECTION_FORCED - vhost 'v' is deleted/);
    await expect(enter('v')).rejects.toThrow(/ConnectionClose/);
    expect(running.users.get('ann')?.permissions).toEqual([]);
  });

  it('leaves no file, and one of the same name begins empty, after a restart too', async () => {
    const data = directory();
    await start(data);
    await own('v');
    const client = await enter('v');
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('q');
    channel.sendToQueue('q', Buffer.from('old'), { persistent: true });
    await channel.waitForConfirms();
    await client.close();
    await running.broker.deleteVhost('v');
    expect(existsSync(join(data, 'vhosts', 'v'))).toBe(false);

    await own('v');
    expect(running.operator.queues.find('v', 'q')).toBeUndefined();
    await running.close();
    await start(data);
    expect(running.operator.queues.find('v', 'q')).toBeUndefined();
    expect(running.broker.vhostNames).toEqual(['/', 'v']);
  });

  it('lets go of its MQTT sessions: one of the same name knows none of them, and none of their wills', async () => {
    await start(null);
    await own('v');
    const connect = () =>
      mqtt.connect(`mqtt://127.0.0.1:${running.port('mqtt')}`, {
        ...{ username: 'v:ann', password: 'pw', clientId: 'dev', clean: false, protocolVersion: 5 },
        reconnectPeriod: 0,
        properties: { sessionExpiryInterval: 3600 },
      });
    const present = (client: mqtt.MqttClient): Promise<boolean> =>
      new Promise((resolve, reject) => {
        client.once('connect', ({ sessionPresent }) => resolve(sessionPresent));
        client.once('error', reject);
      });
    const first = connect();
    expect(await present(first)).toBe(false);
    await first.subscribeAsync('a/#', { qos: 1 });
    const closed = new Promise<void>((resolve) => first.once('close', () => resolve()));
    await running.broker.deleteVhost('v');
    await closed;
    await own('v');
    const second = connect();
    expect(await present(second)).toBe(false);
    await second.endAsync();
  });

  it('is refused where the configuration has it', async () => {
    await start(null);
    await expect(running.broker.deleteVhost('/')).rejects.toMatchObject({ code: 'not-allowed' });
    expect(await running.broker.deleteVhost('nowhere')).toBe(false);
  });

  it('goes on being removed at the next start when a kill came between', async () => {
    const data = directory();
    await start(data);
    await own('v');
    // As a kill leaves it that came right after the record was safe.
    const { state } = (
      running.broker as unknown as { ground: { state: import('../../src/broker/state.ts').BrokerState } }
    ).ground;
    state.unit(() => {
      state.put('vhost-gone:v', Buffer.alloc(0));
      state.delete('vhost:v');
    });
    await state.safe();
    await running.close();
    expect(readdirSync(join(data, 'vhosts'))).toContain('v');
    await start(data);
    expect(running.broker.vhostNames).toEqual(['/']);
    await until(() => !existsSync(join(data, 'vhosts', 'v')));
  });
});
