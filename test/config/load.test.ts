import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, checkConfig, type Flags, keyPaths, loadConfig, variableName } from '../../src/config/load.ts';
import { printConfig } from '../../src/config/print.ts';
import { temporaryDirectory, withTemporaryDirectory } from '../support/directory.ts';

function load(yaml: string | undefined, flags: Flags = {}, environment: Record<string, string> = {}) {
  return withTemporaryDirectory((directory) => {
    if (yaml === undefined) return loadConfig(flags, environment);
    const file = join(directory, 'entrepot.yaml');
    writeFileSync(file, yaml);
    return loadConfig({ ...flags, config: file }, environment);
  });
}

/** The problems, with the temporary directory taken out of them. */
async function problems(yaml: string | undefined, flags: Flags = {}, environment: Record<string, string> = {}) {
  try {
    await load(yaml, flags, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) expect(problem).not.toContain('\n');
    return error.problems.map((problem) => problem.replace(/\S*entrepot-test-[^/]*\//, ''));
  }
  return [];
}

describe('flag over environment over file over default', () => {
  const yaml = 'data: /from/file\nlog: { level: warn }\namqp:\n  bodySizeMax: 1 MiB\n  heartbeat: 5s\n';

  it('default', async () => {
    const { config, origins } = await load(undefined);
    expect(config.data).toBe('./data');
    expect(config.log.level).toBe('info');
    expect(config.connections).toMatchObject({ max: 10_000, handshakeTimeout: 10_000 });
    expect(origins.size).toBe(0);
  });

  it('file over default, key by key', async () => {
    const { config } = await load(yaml);
    expect(config.data).toBe('/from/file');
    expect(config.amqp).toMatchObject({ bodySizeMax: 1_048_576, heartbeat: 5_000, frameSizeMax: 131_072 });
  });

  it('environment over file', async () => {
    const { config } = await load(yaml, {}, { ENTREPOT_DATA: '/from/env', ENTREPOT_AMQP_BODY_SIZE_MAX: '2 MiB' });
    expect(config.data).toBe('/from/env');
    expect(config.amqp).toMatchObject({ bodySizeMax: 2_097_152, heartbeat: 5_000 });
  });

  it('flag over environment', async () => {
    const flags = { data: '/from/flag', listen: ['amqp://h:1'], logLevel: 'error' };
    const environment = { ENTREPOT_DATA: '/x', ENTREPOT_LISTEN: 'mqtt://h:2', ENTREPOT_LOG_LEVEL: 'debug' };
    const { config, origins } = await load(yaml, flags, environment);
    expect(config).toMatchObject({ data: '/from/flag', listen: ['amqp://h:1'], log: { level: 'error' } });
    expect(origins.get('log.level')).toBe('--log-level');
  });

  it('a list of addresses in the environment', async () => {
    const { config } = await load(undefined, {}, { ENTREPOT_LISTEN: 'amqp://h:1, mqtt://h:2 stomp://h:3' });
    expect(config.listen).toEqual(['amqp://h:1', 'mqtt://h:2', 'stomp://h:3']);
  });

  it('the file that the environment names, unless a flag names one', async () => {
    const directory = temporaryDirectory();
    const file = join(directory.path, 'named.yaml');
    writeFileSync(file, 'data: /named\n');
    expect(loadConfig({}, { ENTREPOT_CONFIG: file }).config.data).toBe('/named');
    directory.remove();
  });

  it('one address need not be a list', async () => {
    expect((await load('listen: amqp://127.0.0.1:1\n')).config.listen).toEqual(['amqp://127.0.0.1:1']);
  });

  it('aliases stand for what they were given', async () => {
    const { config } = await load('vhosts:\n  /: &same\n    limits: { queues: 5 }\n  plant: *same\n');
    expect(config.vhosts['plant']!.limits.queues).toBe(5);
  });

  it('a heading with nothing below it, and a variable that is empty, change nothing', async () => {
    const { config } = await load('amqp:\n  # heartbeat: 10 s\nlog:\n', {}, { ENTREPOT_DATA: '', ENTREPOT_CONFIG: '' });
    expect(config).toEqual((await load(undefined)).config);
  });

  it('an empty file changes nothing', async () => {
    expect((await load('# nothing\n')).config).toEqual((await load(undefined)).config);
  });

  it('every key has a variable of its own', () => {
    const names = keyPaths().map(variableName);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('ENTREPOT_CONNECTIONS_HANDSHAKE_TIMEOUT');
  });
});

describe('says what is wrong, and where', () => {
  it('an unknown key, with the nearest one', async () => {
    expect(await problems('data: ./x\nlog:\n  levle: info\n')).toEqual([
      'entrepot.yaml:3:3: the key log.levle is not known; did you mean level?',
    ]);
    expect(await problems('lsiten: []\n')).toEqual([
      'entrepot.yaml:1:1: the key lsiten is not known; did you mean listen?',
    ]);
    expect(await problems('\n\ninflightMax: 3\n')).toEqual([
      'entrepot.yaml:3:1: the key inflightMax is not known; did you mean mqtt.inflightMax?',
    ]);
    expect(await problems('zebra: 3\n')).toEqual(['entrepot.yaml:1:1: the key zebra is not known']);
  });

  it('a value, with what it may be', async () => {
    expect(await problems('mqtt:\n  inflightMax: 0\n  packetSizeMax: big\n')).toEqual([
      expect.stringMatching(/^entrepot\.yaml:3:3: mqtt\.packetSizeMax must be a size from .* such as ".*", not "big"$/),
      'entrepot.yaml:2:3: mqtt.inflightMax must be a whole number from 1 to 65535, not 0',
    ]);
    expect(await problems('log: 3\n')).toEqual(['entrepot.yaml:1:1: log must hold keys and values, not 3']);
    expect(await problems('log: { level: loud }\n')).toEqual([
      'entrepot.yaml:1:8: log.level must be one of debug, info, warn, error, silent, not "loud"',
    ]);
  });

  it('an address in a list, by its own line', async () => {
    expect(await problems('listen:\n  - amqp://h:1\n  - amqp://h:99999\n  - 5\n')).toEqual([
      "entrepot.yaml:3:5: cannot listen on 'amqp://h:99999': '99999' is not a port number (0 to 65535)",
      'entrepot.yaml:4:5: listen must be an address such as amqp://127.0.0.1:5672, not 5',
    ]);
    expect(await problems('listen: []\n')).toEqual([
      'entrepot.yaml:1:1: listen must name at least one address, not []',
    ]);
  });

  it('a file that is not there, no YAML, or no map', async () => {
    expect(() => loadConfig({ config: '/nowhere/x.yaml' }, {})).toThrow(
      'cannot read the configuration /nowhere/x.yaml: there is no such file',
    );
    expect((await problems('data: [\n')).length).toBe(1);
    expect((await problems('data: a\ndata: b\n'))[0]).toMatch(/^entrepot\.yaml:2:1: .*unique/);
    expect((await problems('- 1\n- 2\n'))[0]).toContain('must be keys and values');
    expect((await problems('just text\n'))[0]).toContain('must be keys and values');
  });

  it('a variable, by its name', async () => {
    expect(await problems(undefined, {}, { ENTREPOT_DTA: 'x', ENTREPOT_LOG_LEVEL: 'loud' })).toEqual([
      'the environment variable ENTREPOT_DTA is not known; did you mean ENTREPOT_DATA?',
      'ENTREPOT_LOG_LEVEL: log.level must be one of debug, info, warn, error, silent, not "loud"',
    ]);
  });

  it('a duration or a size without its unit, with what to write, wherever it was set', async () => {
    expect(await problems('amqp:\n  heartbeat: 10\n')).toEqual([
      'entrepot.yaml:2:3: amqp.heartbeat needs a unit: write "10 s" or "10 min", not 10',
    ]);
    expect(await problems('connections: { handshakeTimeout: 500 }\n')).toEqual([
      'entrepot.yaml:1:16: connections.handshakeTimeout needs a unit: write "500 s" or "500 ms", not 500',
    ]);
    expect(await problems(undefined, {}, { ENTREPOT_MQTT_KEEP_ALIVE_MAX: '60' })).toEqual([
      'ENTREPOT_MQTT_KEEP_ALIVE_MAX: mqtt.keepAliveMax needs a unit: write "60 s" or "60 min", not "60"',
    ]);
    expect(await problems('vhosts: { /: { durability: { interval: 200 } } }\n')).toEqual([
      expect.stringContaining('vhosts./.durability.interval needs a unit: write "200 ms"'),
    ]);
    expect(await problems('amqp: { bodySizeMax: 64 }\n')).toEqual([
      'entrepot.yaml:1:9: amqp.bodySizeMax needs a unit: write "64 MiB" or "64 KiB", not 64',
    ]);
    for (const [name, key] of keyPaths()) {
      const written = printConfig(await load(undefined)).match(new RegExp(`^  ${key}: \\d+ (min|s|ms|h) #`, 'm'));
      if (key === undefined || written === null) continue;
      expect((await problems(`${name}: { ${key}: 7 }\n`))[0]).toMatch(/needs a unit: write "7 (s|ms|min)"/);
    }
  });

  it('what must be whole seconds and is not', async () => {
    expect(await problems('amqp: { heartbeat: 500 ms }\n')).toEqual([
      expect.stringContaining('amqp.heartbeat must be a duration in whole seconds from 0'),
    ]);
    expect(() => checkConfig({ amqp: { heartbeat: 10 } })).toThrow('whole seconds');
    expect(() => checkConfig({ mqtt: { sessionExpiryMax: 60 } })).toThrow('whole seconds');
    expect(checkConfig({ amqp: { heartbeat: 10_000 } }).amqp.heartbeat).toBe(10_000);
  });

  it.each([
    ['listen: *b\n', ':1:9: *b stands for nothing: no &b comes before it'],
    ['listen: &b [*b]\n', ':1:13: *b stands within what it stands for'],
    ['*b : 1\n', ':1:1: a key must be a plain word'],
    ['amqp:\n\theartbeat: 10 s\n', ':2:1: tabs are not allowed as indentation; write blanks'],
    ['data: x\n---\ndata: y\n', ':2:1: a second document begins here (---)'],
    ['data: !path x\n', ':1:7: Unresolved tag: !path'],
    ['data: "x\n', ':2:1: Missing closing'],
    ['data: x: y\n', ':1:7: '],
    ['? [data, listen]\n: x\n', ':1:3: a key must be a plain word'],
    ['amqp: 7\n', ':1:1: amqp must hold keys and values, not 7'],
    ['amqp: [heartbeat]\n', ':1:1: amqp must hold keys and values, not ["heartbeat"]'],
    ['data: 7\n', ':1:1: data must be the path of a directory, not 7'],
    [
      'data: ~/broker\n',
      ':1:1: data must be a whole path or one from here on: ~ is a word of the shell, not "~/broker"',
    ],
    ['data:\n', ':1:1: data must be the path of a directory, not nothing'],
    ['amqp:\n  heartbeat: true\n', ':2:3: amqp.heartbeat must be a duration in whole seconds'],
    ['x: &x { heartbeat: 5 }\namqp: *x\n', ':1:1: the key x is not known'],
    [
      'vhosts:\n  /:\n    limits:\n      queus: 5\n',
      ':4:7: the key vhosts./.limits.queus is not known; did you mean queues?',
    ],
    [
      'vhosts:\n  /:\n    policies:\n      - name: p\n        pattern: x\n        definition:\n          max-lenght: 5\n',
      ':7:11: vhosts./.policies has the setting max-lenght, which is not known; did you mean max-length?',
    ],
    ['['.repeat(100_000), ': it is nested too deeply'],
    [
      `a: &a [x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]\n`).join('')}`,
      ': its aliases (*name) stand for more than 1000 values',
    ],
  ])('%s', async (yaml, told) => {
    const all = await problems(yaml);
    expect(
      all.some((line) => line.includes(told)),
      all.join('\n'),
    ).toBe(true);
    for (const line of all) expect(line).toMatch(/^entrepot\.yaml:\d+:\d+: /);
  });

  it('bytes that are no text, and a directory', async () => {
    await withTemporaryDirectory(async (directory) => {
      const file = join(directory, 'entrepot.yaml');
      writeFileSync(file, Buffer.from('data: ./x\n', 'utf16le').fill(0xff, 0, 1));
      expect(() => loadConfig({ config: file }, {})).toThrow(`${file}: this is not text in UTF-8`);
      expect(() => loadConfig({ config: directory }, {})).toThrow('it is a directory');
    });
  });

  it('a flag, by its name, though the file is wrong in the same place', async () => {
    expect(await problems('listen: 7\n', { listen: ['amqq://h:1'] })).toEqual([
      expect.stringContaining(
        "--listen: cannot listen on 'amqq://h:1': there is no protocol 'amqq'; did you mean amqp?",
      ),
    ]);
  });

  it('but not what an orchestrator sets by itself for a service of our name', async () => {
    const environment = {
      ENTREPOT_SERVICE_HOST: '10.0.0.1',
      ENTREPOT_SERVICE_PORT_AMQP: '5672',
      ENTREPOT_PORT: 'tcp://10.0.0.1:5672',
      ENTREPOT_PORT_5672_TCP_ADDR: '10.0.0.1',
    };
    expect(await problems(undefined, {}, environment)).toEqual([]);
  });

  it('a key like __proto__ is a key like any other', async () => {
    expect((await problems('__proto__:\n  data: x\n')).length).toBe(1);
    expect((await problems('constructor: 1\n'))[0]).toContain('constructor is not known');
  });
});

it('settings from a program are checked alike', () => {
  expect(checkConfig({ amqp: { bodySizeMax: '1 MiB' } }).amqp.bodySizeMax).toBe(1_048_576);
  expect(() => checkConfig({ amqp: { bodySize: 1 } })).toThrow(
    'the key amqp.bodySize is not known; did you mean bodySizeMax?',
  );
});

it('what is printed is a configuration that means the same', async () => {
  const before = await load('mqtt:\n  inflightMax: 7\nlisten: ["amqp://127.0.0.1:1"]\n', { data: './else where' });
  const printed = printConfig(before);
  expect(printed).toMatch(/inflightMax: 7 # .*\(from .*entrepot\.yaml:2:3\)/);
  expect(printed).toContain('(from --data)');
  expect((await load(printed)).config).toEqual(before.config);
  expect((await load(printConfig(await load(undefined)))).config).toEqual((await load(undefined)).config);
});
