/**
 * What servers send their logs and measurements with: syslog-ng's AMQP and STOMP plugins and collectd's AMQP and MQTT
 * plugins, as Debian has them and with their default settings, against this broker. CONFORMANCE_PEER=rabbitmq, mosquitto
 * or activemq runs against one of those what it speaks.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Peer, startActivemq, startEntrepot, startMosquitto, startRabbitmq } from '../peers/index.ts';
import { has } from '../support/commands.ts';
import { until, within } from '../support/inbox.ts';
import { type Child, freePorts, startChild, temporaryDirectory } from '../support/processes.ts';

const STARTS: Readonly<Record<string, () => Promise<Peer>>> = {
  entrepot: () => startEntrepot(),
  rabbitmq: () => startRabbitmq(),
  mosquitto: () => startMosquitto(),
  activemq: () => startActivemq(),
};
const peer = process.env['CONFORMANCE_PEER'] ?? 'entrepot';
const speaks = (protocol: string): boolean =>
  peer === 'entrepot' || peer === 'rabbitmq' || (peer === 'mosquitto' ? protocol === 'mqtt' : protocol === 'stomp');

/**
 * Whether a program has a plugin that can be loaded. Debian puts them below its folder, where differs by architecture; and
 * a plugin may lie there without the library it needs, which Debian only recommends.
 */
function hasPlugin(program: string, folder: string, file: RegExp): boolean {
  if (!has(program) || !existsSync(folder)) return false;
  const found = readdirSync(folder, { recursive: true })
    .map(String)
    .find((name) => file.test(name));
  if (found === undefined) return false;
  return !spawnSync('ldd', [join(folder, found)], { encoding: 'utf8' }).stdout?.includes('not found');
}
const SYSLOG_NG = '/usr/lib/syslog-ng';
const COLLECTD = '/usr/lib/collectd';
const plugins = {
  syslogAmqp: hasPlugin('syslog-ng', SYSLOG_NG, /libafamqp\.so$/),
  syslogStomp: hasPlugin('syslog-ng', SYSLOG_NG, /libafstomp\.so$/),
  collectdAmqp: hasPlugin('collectd', COLLECTD, /^amqp\.so$/) && existsSync('/usr/share/collectd/types.db'),
  collectdMqtt: hasPlugin('collectd', COLLECTD, /^mqtt\.so$/) && existsSync('/usr/share/collectd/types.db'),
};
for (const [name, there] of Object.entries(plugins)) {
  if (!there) console.log(`${name}: the plugin, or a library it needs, is not installed here: skipped`);
}

let broker: Peer;
let directory: { path: string; remove(): Promise<void> };
const children: Child[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory('collectors');
  broker = await STARTS[peer]!();
}, 120_000);

afterEach(async () => {
  for (const child of children.splice(0)) await child.stop();
});

afterAll(async () => {
  await broker?.stop();
  await directory?.remove();
}, 60_000);

/** syslog-ng that listens for lines on a port of its own and sends them where `destination` says. */
async function syslogNg(destination: string): Promise<(line: string) => void> {
  const home = join(directory.path, `syslog-ng-${children.length}-${performance.now()}`);
  await mkdir(home);
  const [port] = (await freePorts(1)) as [number];
  const config = join(home, 'syslog-ng.conf');
  const version = '3.38';
  await writeFile(
    config,
    [
      `@version: ${version}`,
      `source s { tcp(ip("127.0.0.1") port(${port})); };`,
      `destination d { ${destination}; };`,
      'log { source(s); destination(d); };',
      '',
    ].join('\n'),
  );
  const at = (name: string): string => join(home, name);
  children.push(
    await startChild({
      name: 'syslog-ng',
      command: 'syslog-ng',
      arguments: ['-F', '-e', '--no-caps', '-f', config, '-R', at('persist'), '-c', at('ctl'), '-p', at('pid')],
      readyPorts: [port],
    }),
  );
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  return (line) => void socket.write(`${line}\n`);
}

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** collectd, every second. */
async function collectd(name: string, lines: readonly string[]): Promise<Child> {
  const home = join(directory.path, name);
  await mkdir(home);
  const config = join(home, 'collectd.conf');
  await writeFile(
    config,
    [
      'Hostname "box"',
      'FQDNLookup false',
      'Interval 1',
      `BaseDir "${home}"`,
      `PIDFile "${join(home, 'pid')}"`,
      'TypesDB "/usr/share/collectd/types.db"',
      'LoadPlugin logfile',
      '<Plugin logfile>',
      '  LogLevel info',
      '  File STDERR',
      '</Plugin>',
      ...lines,
      '',
    ].join('\n'),
  );
  const child = await startChild({
    name: 'collectd',
    command: 'collectd',
    arguments: ['-f', '-C', config],
    readyLine: /Initialization complete/,
  });
  children.push(child);
  return child;
}

const csv = (home: string): readonly string[] => [
  'LoadPlugin csv',
  '<Plugin csv>',
  `  DataDir "${join(directory.path, home, 'csv')}"`,
  '</Plugin>',
];

/** The measurements of the uptime plugin that a receiver has written down. */
async function written(home: string): Promise<void> {
  const folder = join(directory.path, home, 'csv', 'box', 'uptime');
  await until(
    () => existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('uptime-')),
    `no measurement in ${folder}`,
    20_000,
  );
}

async function amqpQueue(exchange: string, key: string, declare: boolean): Promise<AsyncGenerator<amqplib.Message>> {
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.amqpPort}`);
  const channel = await connection.createChannel();
  // The plugin's own default kind, and not durable.
  if (declare) await channel.assertExchange(exchange, 'fanout', { durable: false });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, exchange, key);
  const messages: amqplib.Message[] = [];
  await channel.consume(queue, (message) => void (message !== null && messages.push(message)), { noAck: true });
  async function* arriving(): AsyncGenerator<amqplib.Message> {
    try {
      for (;;) {
        await until(() => messages.length > 0, `a message in ${exchange}`, 20_000);
        yield messages.shift()!;
      }
    } finally {
      await connection.close();
    }
  }
  return arriving();
}

it.skipIf(!plugins.syslogAmqp || !speaks('amqp'))('syslog-ng, amqp()', { timeout: 60_000 }, async () => {
  const arriving = await amqpQueue('syslog', '', true);
  const say = await syslogNg(`amqp(host("127.0.0.1") port(${broker.amqpPort}) username("guest") password("guest"))`);
  for (const n of [1, 2, 3]) say(`<38>Nov 27 10:00:0${n} box app[7]: line ${n}`);
  for (const n of [1, 2, 3]) {
    const { value } = await arriving.next();
    expect(value!.properties.headers).toMatchObject({ HOST: 'localhost', PROGRAM: 'app', MESSAGE: `line ${n}` });
    expect(value!.properties.deliveryMode).toBe(2);
  }
  await arriving.return(undefined);
});

it.skipIf(!plugins.syslogAmqp || !speaks('amqp'))(
  'syslog-ng, amqp() with an exchange that it declares, of a kind of its own and durable by its default',
  { timeout: 60_000 },
  async () => {
    const say = await syslogNg(
      `amqp(host("127.0.0.1") port(${broker.amqpPort}) username("guest") password("guest") exchange("logs-of-mine")
        exchange-declare(yes) exchange-type("topic") routing-key("$HOST.$FACILITY") body("$MSG"))`,
    );
    // It connects, and declares, before there is anything to send.
    const arriving = await until_(() => amqpQueue('logs-of-mine', '*.auth', false));
    say('<38>Nov 27 10:00:01 box app[7]: one');
    const { value } = await arriving.next();
    expect([value!.fields.routingKey, value!.content.toString()]).toEqual(['localhost.auth', 'one']);
    await arriving.return(undefined);
  },
);

/** Tries until it does not throw. */
async function until_<T>(attempt: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  await until(
    async () => {
      result = await attempt().catch(() => undefined);
      return result !== undefined;
    },
    'it goes through',
    20_000,
  );
  return result!;
}

it.skipIf(!plugins.syslogStomp || !speaks('stomp')).each([
  ['as it is', ''],
  ['with ack(yes)', ' ack(yes)'],
])('syslog-ng, stomp() %s', { timeout: 60_000 }, async (_, more) => {
  const socket = connect(broker.stompPort, '127.0.0.1');
  sockets.push(socket);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('utf8');
  });
  socket.write('CONNECT\naccept-version:1.0\nlogin:guest\npasscode:guest\nhost:/\n\n\0');
  socket.write('SUBSCRIBE\ndestination:/topic/syslog\nid:1\nreceipt:subscribed\n\n\0');
  await until(
    () => heard.includes('receipt-id:subscribed'),
    () => `a receipt, in ${heard}`,
  );
  const say = await syslogNg(`stomp(host("127.0.0.1") port(${broker.stompPort})${more})`);
  for (const n of [1, 2, 3]) say(`<38>Nov 27 10:00:0${n} box app[7]: line ${n}`);
  const seen = (): string[] => [...heard.matchAll(/^MESSAGE:(line \d)$/gm)].map((match) => match[1]!);
  await until(
    () => seen().length === 3,
    () => `3 messages, in ${heard}`,
    20_000,
  );
  expect(seen()).toEqual(['line 1', 'line 2', 'line 3']);
  expect(heard).toMatch(/^PROGRAM:app$/m);
  expect(heard).not.toContain('ERROR');
});

it.skipIf(!plugins.collectdAmqp || !speaks('amqp'))('collectd, amqp: out and in', { timeout: 60_000 }, async () => {
  const place = [`    Host "127.0.0.1"`, `    Port "${broker.amqpPort}"`];
  const arriving = await amqpQueue('amq.fanout', '', false);
  const receiver = await collectd('amqp-in', [
    'LoadPlugin amqp',
    '<Plugin amqp>',
    '  <Subscribe "in">',
    ...place,
    '    Exchange "amq.fanout"',
    '  </Subscribe>',
    '</Plugin>',
  ]);
  await collectd('amqp-out', [
    'LoadPlugin uptime',
    'LoadPlugin amqp',
    '<Plugin amqp>',
    '  <Publish "out">',
    ...place,
    '  </Publish>',
    '</Plugin>',
  ]);
  const { value } = await arriving.next();
  expect(value!.content.toString()).toMatch(/^PUTVAL box\/uptime\/uptime interval=1\.000 [\d.]+:\d+$/);
  expect([value!.properties.contentType, value!.properties.deliveryMode]).toEqual(['text/collectd', 1]);
  const taken = /Success: 1 value has been dispatched/;
  await until(
    () => taken.test(receiver.transcript()),
    () => receiver.transcript(),
    20_000,
  );
  await arriving.return(undefined);
});

it.skipIf(!plugins.collectdMqtt || !speaks('mqtt'))('collectd, mqtt: out and in', { timeout: 60_000 }, async () => {
  const place = [`    Host "127.0.0.1"`, `    Port ${broker.mqttPort}`];
  const watcher = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.mqttPort}`);
  const first = new Promise<[string, Buffer]>((resolve) => {
    watcher.once('message', (topic, body) => resolve([topic, body]));
  });
  await watcher.subscribeAsync('collectd/#');
  await collectd('mqtt-in', [
    ...csv('mqtt-in'),
    'LoadPlugin mqtt',
    '<Plugin mqtt>',
    '  <Subscribe "in">',
    ...place,
    '    ClientId "receiver"',
    '    Topic "collectd/#"',
    '  </Subscribe>',
    '</Plugin>',
  ]);
  await collectd('mqtt-out', [
    'LoadPlugin uptime',
    'LoadPlugin mqtt',
    '<Plugin mqtt>',
    '  <Publish "out">',
    ...place,
    '    ClientId "sender"',
    '  </Publish>',
    '</Plugin>',
  ]);
  const [topic, body] = await within(first, 20_000, () => 'a measurement');
  // The byte behind it is collectd's: findings/collectd-mqtt-nul.sh.
  expect([topic, body.toString()]).toEqual(['collectd/box/uptime/uptime', expect.stringMatching(/^[\d.]+:\d+\0$/)]);
  await written('mqtt-in');
  await watcher.endAsync();
});
