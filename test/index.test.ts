import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@stomp/stompjs';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { describe, expect, it } from 'vitest';
import { type Authenticator, createBroker } from '../src/index.ts';
import { startTestBroker } from './support/broker.ts';
import { withTemporaryDirectory } from './support/directory.ts';
import { RecordingProtocol } from './support/recording.ts';
import { until } from './support/until.ts';

const INDEX = fileURLToPath(new URL('../src/index.ts', import.meta.url));
const LOOPBACK = ['amqp', 'mqtt', 'stomp', 'ws', 'http'].map((name) => `${name}://127.0.0.1:0`);

/** What keeps a process alive, besides its standard streams. */
function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|Timeout|Immediate|FSReq|File/.test(name))
    .sort();
}

/** Runs a program against the embedding interface; it must end by itself. */
function program(text: string): Promise<{ stdout: string }> {
  const source = `import * as entrepot from ${JSON.stringify(INDEX)};\n${text}`;
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], { timeout: 20_000 });
}

describe('embedding', () => {
  it('importing starts nothing, and the process ends by itself', async () => {
    const { stdout } = await program('console.log(typeof entrepot.createBroker)');
    expect(stdout).toBe('function\n');
  });

  it('a broker that was closed leaves nothing that keeps the process alive', async () => {
    const { stdout } = await program(`
      const before = process.eventNames().filter((name) => String(name).startsWith('SIG')).length;
      const running = await entrepot.createBroker({ listen: ${JSON.stringify(LOOPBACK)} });
      const after = process.eventNames().filter((name) => String(name).startsWith('SIG')).length;
      await running.close();
      console.log(after - before);
    `);
    expect(stdout).toBe('0\n');
  });

  it('reports actual ports, and gives them back', async () => {
    const before = resources();
    const running = await createBroker({ listen: LOOPBACK });
    const ports = running.listeners.map((listener) => listener.port);
    expect(new Set(ports).size).toBe(5);
    expect(ports.every((port) => port > 0)).toBe(true);
    expect(running.port('stomp')).toBe(ports[2]);
    expect(() => running.port('gopher')).toThrow('nothing listens for gopher');
    const first = running.close();
    expect(running.close()).toBe(first);
    await first;
    for (const port of ports) {
      const server = createServer();
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      server.close();
    }
    await until(() => resources().length <= before.length, 'everything released');
  });

  it('keeps vhosts apart, whatever protocol names them', async () => {
    const running = await createBroker({ listen: LOOPBACK, vhosts: ['/', 'plant'] });
    const inPlant = await amqplib.connect(`amqp://127.0.0.1:${running.port('amqp')}/plant`);
    const outside = await amqplib.connect(`amqp://127.0.0.1:${running.port('amqp')}`);
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.port('mqtt')}`, {
      username: 'plant:guest',
      password: 'guest',
    });
    for (const connection of [inPlant, outside]) {
      const channel = await connection.createChannel();
      await channel.assertQueue('q');
      await channel.bindQueue('q', 'amq.topic', '#');
    }
    await device.publishAsync('a/b', 'x', { qos: 1 });
    const count = async (connection: amqplib.ChannelModel): Promise<number> =>
      (await (await connection.createChannel()).checkQueue('q')).messageCount;
    expect([await count(inPlant), await count(outside)]).toEqual([1, 0]);
    await device.endAsync();
    await inPlant.close();
    await outside.close();
    await running.close();
  });

  it('leaves nothing running when it cannot start', async () => {
    await withTemporaryDirectory(async (directory) => {
      const data = join(directory, 'data');
      const taken = createServer();
      taken.listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as { port: number };
      const listen = ['mqtt://127.0.0.1:0', `amqp://127.0.0.1:${port}`];
      await expect(createBroker({ data, listen })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
      taken.close();
      // The directory's lock was given back.
      await (await createBroker({ data })).close();
    });
  });

  it('lets spill files take as much of the disk as it is told', async () => {
    await withTemporaryDirectory(async (data) => {
      const running = await createBroker({
        data,
        listen: ['http://127.0.0.1:0'],
        transient: { spillSizeMax: 3 << 20 },
      });
      const text = await (await fetch(`http://127.0.0.1:${running.port('http')}/metrics`)).text();
      await running.close();
      expect(text).toMatch(/^entrepot_transient_spill_limit_bytes(\{.*\})? 3145728$/m);
    });
  });

  it('refuses settings and addresses it does not know, by name', async () => {
    // @ts-expect-error a mistyped setting
    await expect(createBroker({ amqp: { bodySize: 1 } })).rejects.toThrow('did you mean bodySizeMax?');
    await expect(createBroker({ listen: ['amqq://h:1'] })).rejects.toThrow('did you mean amqp?');
  });

  it.each([
    [{ lsiten: [] }, 'createBroker has no option lsiten; did you mean listen?'],
    [{ log: { level: 'debug' } }, 'createBroker has no option log; give a logger instead'],
    [{ data: 5 }, 'the option data must be the path of a directory, or null for memory only, not 5'],
    [{ data: '' }, 'the option data must be'],
    [{ listen: 'amqp' }, "cannot listen on 'amqp': it should look like amqp://127.0.0.1:5672"],
    [{ listen: [5672] }, 'cannot listen on 5672: an address is a text such as'],
    [{ listen: { protocol: 'amqp', port: 0 } }, 'it has the unknown part protocol; did you mean protocols?'],
    [{ listen: { protocols: ['amqp'], host: '::1', port: '0' } }, 'port must be a number from 0 to 65535'],
    [{ listen: { protocols: ['amqq'], host: '::1', port: 0 } }, "there is no protocol 'amqq'; did you mean amqp?"],
    [{ listen: { protocols: ['amqp'], host: '', port: 0 } }, 'host must be an address or a name'],
    [{ listen: { protocols: ['amqp'], port: 0 } }, 'host must be an address or a name'],
    [{ logger: true }, 'the option logger must have the methods'],
    [{ logger: { log() {} } }, 'the option logger must have the methods'],
    [{ clock: Date }, 'the option clock must be a Clock'],
    [{ protocols: [undefined] }, 'the option protocols must be a list of adapters'],
    [{ protocols: [null] }, 'the option protocols must be a list of adapters'],
    [{ protocols: ['amqp'] }, 'the option protocols must be a list of adapters'],
    [{ protocols: [{}] }, 'the option protocols must be a list of adapters'],
    [{ protocols: { name: 'x' } }, 'the option protocols must be a list of adapters'],
    [
      { authenticator: { authenticate() {} } },
      'the option authenticator must have the methods authenticate and permits',
    ],
    [{ authenticator: true }, 'the option authenticator must have the methods'],
    [
      { authenticator: { authenticate() {}, permits() {} }, login: {} },
      'are for the built-in authenticator: leave them out',
    ],
    [{ vhosts: 'plant' }, 'vhosts must be a list of names'],
    [{ amqp: 5 }, 'amqp must hold keys and values, not 5'],
    [{ amqp: { heartbeat: 10 } }, 'amqp.heartbeat must be a duration in whole seconds'],
    [{ amqp: { heartbeat: '10' } }, 'amqp.heartbeat needs a unit: write "10 s"'],
    [null, 'createBroker takes an object of options'],
    ['./data', 'createBroker takes an object of options'],
  ])('refuses %j in words', async (options, told) => {
    const refused = createBroker(options as Parameters<typeof createBroker>[0]);
    await expect(refused).rejects.toThrow(told);
    await expect(refused).rejects.toMatchObject({ code: 'invalid' });
  });

  it('takes users and how they log in, where it is given no authenticator', async () => {
    const anna = { password: 'a good one', permissions: { '/': { configure: '.*', write: '.*', read: '.*' } } };
    await (await createBroker({ users: { anna }, login: { anonymous: 'never' } })).close();
  });

  it('promises on an address no more than the vhosts behind it keep', async () => {
    const vhosts = { '/': {}, quick: { durability: { level: 'interval' } } } as const;
    const listen = 'amqp://127.0.0.1:0';
    await expect(createBroker({ listen: `${listen}?durability=fsync`, vhosts })).rejects.toThrow(
      "it promises fsync, and the durability of vhost 'quick' is interval",
    );
    for (const promised of [listen, `${listen}?durability=interval`]) {
      await (await createBroker({ listen: promised, vhosts })).close();
    }
  });

  it('asks the authenticator that it is given who a client is, and what it may do', async () => {
    const asked: string[] = [];
    const authenticator: Authenticator = {
      authenticate({ user, password }, done) {
        asked.push(`${user}:${password}`);
        if (user === 'ada') done({ user });
        else done({ refused: 'credentials', reason: 'unknown' });
      },
      permits: (identity, { vhost, action, resource, name }) => {
        asked.push(`${identity.user} ${vhost} ${action} ${resource} ${name}`);
        return name !== 'private';
      },
    };
    const running = await createBroker({ listen: 'amqp://127.0.0.1:0', authenticator });
    try {
      const url = (user: string): string => `amqp://${user}:secret@127.0.0.1:${running.port('amqp')}`;
      await expect(amqplib.connect(url('mallory'))).rejects.toThrow('403');
      const connection = await amqplib.connect(url('ada'));
      connection.on('error', () => {});
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      await channel.assertQueue('orders');
      await expect(channel.assertQueue('private')).rejects.toThrow('403');
      await connection.close();
    } finally {
      await running.close();
    }
    expect(asked).toEqual([
      'mallory:secret',
      'ada:secret',
      'ada / configure queue orders',
      'ada / configure queue private',
    ]);
  });

  it('takes one address as well as a list, as text or in parts', async () => {
    for (const listen of ['amqp://127.0.0.1:0', { protocols: ['amqp'], host: '127.0.0.1', port: 0 }]) {
      const running = await createBroker({ listen });
      expect(running.port('amqp')).toBeGreaterThan(0);
      await running.close();
    }
  });

  it('tells of every port that is taken at once, and whether it is its own', async () => {
    const others = await Promise.all(
      [0, 1].map(async () => {
        const server = createServer();
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        return server;
      }),
    );
    const [a, b] = others.map((server) => (server.address() as { port: number }).port);
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as { port: number };
    free.close();
    await once(free, 'close');
    const listen = [
      `amqp://127.0.0.1:${a}`,
      `mqtt://127.0.0.1:${b}`,
      `stomp://127.0.0.1:${port}`,
      `amqp://127.0.0.1:${port}`,
    ];
    await expect(createBroker({ listen })).rejects.toMatchObject({
      code: 'unavailable',
      problems: [
        expect.stringContaining(`port ${a} on 127.0.0.1 is in use by another program`),
        expect.stringContaining(`port ${b} on 127.0.0.1 is in use by another program`),
        expect.stringContaining(`port ${port} on 127.0.0.1 is listened on already, as stomp://127.0.0.1:${port}`),
      ],
    });
    for (const server of others) server.close();
  });

  it('sets, shows and clears policies, and says what is wrong with one', async () => {
    const running = await createBroker();
    await running.setPolicy('/', { name: 'short', pattern: '^tmp', definition: { 'max-length': 100 } });
    expect(running.policies('/')).toMatchObject([{ name: 'short', applyTo: 'all', definition: { 'max-length': 100 } }]);
    expect(await running.clearPolicy('/', 'short')).toBe(true);
    expect(await running.clearPolicy('/', 'short')).toBe(false);
    const policy = { name: 'x', pattern: 'x', definition: { 'max-length': 1 } };
    await expect(running.setPolicy('nowhere', policy)).rejects.toThrow("vhost 'nowhere' not found");
    for (const [wrong, told] of [
      [{}, 'it needs a name'],
      [undefined, 'must be a policy'],
      [{ name: 'x', pattern: '(', definition: {} }, "policy 'x'"],
      [{ ...policy, definition: { 'max-lenght': 1 } }, 'did you mean max-length?'],
      [{ ...policy, apply: 'queues' }, 'the key apply, which is not known'],
      [{ ...policy, applyTo: 'topics' }, 'apply-to must be one of'],
    ] as const) {
      await expect(running.setPolicy('/', wrong as never)).rejects.toThrow(told);
    }
    await running.close();
  });

  it('two brokers in one process know nothing of each other', async () => {
    const [left, right] = [await startTestBroker(), await startTestBroker()];
    const publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${left.ports.mqtt}`);
    const subscriber = await mqtt.connectAsync(`mqtt://127.0.0.1:${right.ports.mqtt}`);
    const got: string[] = [];
    subscriber.on('message', (topic) => got.push(topic));
    await subscriber.subscribeAsync('#');
    await publisher.publishAsync('from/left', 'x', { qos: 1 });
    await subscriber.publishAsync('from/right', 'x', { qos: 1 });
    await until(() => got.length > 0);
    expect(got).toEqual(['from/right']);
    await Promise.all([publisher.endAsync(), subscriber.endAsync()]);
    await Promise.all([left.close(), right.close()]);
  });

  it("serves an adapter of someone else's making", async () => {
    const protocol = new RecordingProtocol('gopher', '/');
    const running = await createBroker({
      protocols: [protocol],
      listen: ['gopher://127.0.0.1:0', 'amqp+gopher://127.0.0.1:0'],
    });
    for (const listener of running.listeners) {
      const client = connect(listener.port, '127.0.0.1');
      client.write('/menu');
      await until(() => protocol.handlers.at(-1)?.received.toString() === '/menu');
      expect(running.connections).toBe(1);
      client.destroy();
      await until(() => running.connections === 0);
      protocol.handlers.length = 0;
    }
    await running.close();
  });

  it('is unhealthy while it stops', async () => {
    const protocol = new RecordingProtocol('gopher', '/');
    protocol.onAccept = (handler) => {
      handler.onShutdown = () => {};
    };
    const running = await createBroker({
      protocols: [protocol],
      listen: ['gopher://127.0.0.1:0', 'http://127.0.0.1:0'],
    });
    const client = connect(running.port('gopher'), '127.0.0.1');
    await until(() => running.connections === 1);
    const web = connect(running.port('http'), '127.0.0.1');
    await once(web, 'connect');
    expect(running.health).toEqual({ status: 'ok' });
    const closed = running.close('for a test');
    // The port takes nobody new; who was there already is told.
    web.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(String((await once(web, 'data'))[0])).toMatch(/^HTTP\/1\.1 503 [\s\S]*"status":"stopping"/);
    client.destroy();
    await closed;
  });
});

describe('WebSocket', () => {
  it('carries MQTT and STOMP on its own port and on the HTTP port, and they meet', async () => {
    const broker = await startTestBroker();
    for (const port of [broker.ports.ws, broker.ports.http]) {
      for (const path of ['/ws', '/mqtt']) {
        const device = await mqtt.connectAsync(`ws://127.0.0.1:${port}${path}`);
        const web = new Client({ brokerURL: `ws://127.0.0.1:${port}/ws`, reconnectDelay: 0 });
        await new Promise<void>((resolve) => {
          web.onConnect = () => resolve();
          web.activate();
        });
        const got = new Promise<string>((resolve) => {
          web.subscribe('/topic/greeting', (message) => resolve(message.body), { receipt: 'subscribed' });
        });
        await new Promise<void>((resolve) => web.watchForReceipt('subscribed', () => resolve()));
        await device.publishAsync('greeting', 'grüße', { qos: 1 });
        expect(await got).toBe('grüße');
        await Promise.all([device.endAsync(), web.deactivate()]);
      }
    }
    await broker.close();
  });

  it('carries bodies that need many slabs, both ways', async () => {
    const broker = await startTestBroker();
    const device = await mqtt.connectAsync(`ws://127.0.0.1:${broker.ports.ws}/mqtt`);
    const body = Buffer.alloc(3 * 1024 * 1024 + 1);
    for (let i = 0; i < body.length; i++) body[i] = (i * 31) % 256;
    await device.subscribeAsync('large', { qos: 1 });
    const got = new Promise<Buffer>((resolve) => device.once('message', (_topic, payload) => resolve(payload)));
    await device.publishAsync('large', body, { qos: 1 });
    expect(body.equals(await got)).toBe(true);
    await device.endAsync();
    await broker.close();
  });
});
