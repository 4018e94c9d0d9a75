import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Command } from '../support/command.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';

let directory: { path: string; remove(): void };
const running: Command[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(async () => {
  for (const command of running.splice(0)) {
    command.signal('SIGKILL');
    await command.finished();
  }
  directory.remove();
});

async function start(...args: string[]): Promise<Command> {
  const command = await Command.start(['--data', join(directory.path, 'data'), ...args]);
  running.push(command);
  return command;
}

/** One line that names the program, and nothing else: no stack trace, nothing on stdout. */
async function refusal(
  args: readonly string[],
  environment: Record<string, string> = {},
  expected = 2,
): Promise<string> {
  const { code, stdout, stderr } = await Command.run(args, environment);
  expect(code).toBe(expected);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^entrepot: [^\n]+\n$/);
  return stderr;
}

describe('entrepot start', () => {
  it('shows what listens where, where the data is, who may connect, and a line to try', async () => {
    const command = await start(
      '--listen',
      'amqp://127.0.0.1:0',
      '--listen',
      'mqtt://127.0.0.1:0',
      '--listen',
      'http://127.0.0.1:0',
    );
    expect(command.stdout).toContain(`amqp://127.0.0.1:${command.port('amqp')}`);
    expect(command.stdout).toContain(join(directory.path, 'data'));
    expect(command.stdout).toContain('user guest, password guest');
    expect(command.stdout).toContain(`mosquitto_pub -p ${command.port('mqtt')}`);
    expect(command.stdout.trimEnd().split('\n').at(-1)).toMatch(/^Ready in \d+ ms$/);
    const health = await fetch(`http://127.0.0.1:${command.port('http')}/healthz`);
    expect(await health.json()).toMatchObject({ status: 'ok' });
    // Asked as it was started.
    const asked = await Command.run(['health', '--listen', `http://127.0.0.1:${command.port('http')}`]);
    expect(asked).toMatchObject({ code: 0, stdout: 'ok\n', stderr: '' });
    expect(command.stderr).toBe('');
  });

  it('stops in order on SIGTERM: clients are told, what was confirmed is there after a restart', async () => {
    const before = await start('--listen', 'amqp://127.0.0.1:0');
    const connection = await amqplib.connect(`amqp://127.0.0.1:${before.port('amqp')}`);
    const told = once(connection, 'close');
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('kept');
    for (let i = 0; i < 100; i++) channel.sendToQueue('kept', Buffer.from(`message ${i}`), { persistent: true });
    await channel.waitForConfirms();
    const finished = await before.stop();
    expect(finished.code).toBe(0);
    const lines = finished.stderr.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      ...['a client has come in', 'a queue was made', 'a client has left'],
    ]);
    expect(finished.stdout).toMatch(/Stopping \(SIGTERM\).*\nStopped\n$/);
    expect(String((await told)[0])).toContain('CONNECTION_FORCED');

    const after = await start('--listen', 'amqp://127.0.0.1:0');
    const again = await amqplib.connect(`amqp://127.0.0.1:${after.port('amqp')}`);
    const reader = await again.createChannel();
    for (let i = 0; i < 100; i++) {
      const message = await reader.get('kept', { noAck: true });
      expect(message ? message.content.toString() : undefined).toBe(`message ${i}`);
    }
    await again.close();
    expect((await after.stop()).code).toBe(0);
  });

  it('a second signal stops at once, though a client lingers', async () => {
    const command = await start('--listen', 'mqtt://127.0.0.1:0');
    const socket = connect({ port: command.port('mqtt'), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x61]));
    await once(socket, 'data');
    command.signal('SIGINT');
    await until(() => command.stdout.includes('Stopping (SIGINT)'));
    command.signal('SIGINT');
    expect((await command.finished()).code).toBe(1);
    socket.destroy();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops in order on %s though nobody reads what it says any more',
    async (signal) => {
      const command = await start('--listen', 'amqp://127.0.0.1:0');
      const connection = await amqplib.connect(`amqp://127.0.0.1:${command.port('amqp')}`);
      const told = once(connection, 'close');
      // As `| tee x` and Ctrl-C do it: the reader of both has gone before the broker speaks.
      command.process.stdout!.destroy();
      command.process.stderr!.destroy();
      command.signal(signal);
      expect(String((await told)[0])).toContain('CONNECTION_FORCED');
      expect((await command.finished()).code).toBe(0);
      // In order: the lock is gone, and the log was closed.
      const { stdout } = await Command.run(['log', 'verify', join(directory.path, 'data')]);
      expect(stdout).toMatch(/^vhost \/: \d segments?, \d+ batch(es)? checked: nothing is damaged\n$/);
    },
  );

  it('goes on when its readers have gone', async () => {
    const command = await start('--listen', 'mqtt://127.0.0.1:0');
    command.process.stdout!.destroy();
    command.process.stderr!.destroy();
    for (let i = 0; i < 5; i++) {
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${command.port('mqtt')}`, { reconnectPeriod: 0 });
      await client.endAsync();
    }
    expect((await command.stop()).code).toBe(0);
  });

  it('reads its settings again on SIGHUP, takes the level of the log over and says what must wait', async () => {
    const file = join(directory.path, 'entrepot.yaml');
    const listen = 'listen: mqtt://127.0.0.1:0\n';
    writeFileSync(file, `${listen}log: { level: warn }\n`);
    const command = await start('--config', file);
    const said = async (pattern: RegExp) => until(() => pattern.test(command.stderr), String(pattern));
    writeFileSync(file, `${listen}log: { level: info }\namqp: { heartbeat: 5 s }\n`);
    command.signal('SIGHUP');
    await said(/"logLevel":"info","atNextStart":\["amqp.heartbeat"\].*read again/);
    // Watermarks and limits are in force at once: nobody comes in any more.
    writeFileSync(file, `${listen}vhosts: { /: { limits: { max-connections: 0 } } }\nmemory: { highWatermark: 50% }\n`);
    command.signal('SIGHUP');
    await said(/"logLevel":"info","atNextStart":\[\].*read again/);
    const refused = await mqtt
      .connectAsync(`mqtt://127.0.0.1:${command.port('mqtt')}`, { reconnectPeriod: 0 })
      .catch((error: Error) => error.message);
    expect(refused).toBe('Connection refused: Server unavailable');
    writeFileSync(file, listen);
    command.signal('SIGHUP');
    await until(() => command.stderr.match(/read again/g)?.length === 3, 'the settings are read a third time');
    // Where it listens is another matter.
    writeFileSync(file, 'listen: mqtt://127.0.0.1:1\n');
    command.signal('SIGHUP');
    await said(/"atNextStart":\["listen"\].*read again/);
    writeFileSync(file, 'lsiten: x\n');
    command.signal('SIGHUP');
    await said(/lsiten is not known; did you mean listen.*those in force stay/);
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      command.signal(signal);
      await said(new RegExp(`"signal":"${signal}"`));
    }
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${command.port('mqtt')}`);
    await client.endAsync();
    expect((await command.stop()).code).toBe(0);
  });

  it('takes on other limits of a listener on SIGHUP, or none, and nothing else of where it listens', async () => {
    const file = join(directory.path, 'entrepot.yaml');
    const listen = (more: string): void =>
      writeFileSync(file, `listen: [amqp://127.0.0.1:0, 'mqtt://127.0.0.1:0${more}']\n`);
    listen('');
    const command = await start('--config', file);
    const connected = async (): Promise<boolean> => {
      const client = await mqtt
        .connectAsync(`mqtt://127.0.0.1:${command.port('mqtt')}`, { reconnectPeriod: 0 }, false)
        .catch(() => undefined);
      await client?.endAsync();
      return client !== undefined;
    };
    let times = 0;
    const readAgain = async (atNextStart: string): Promise<void> => {
      command.signal('SIGHUP');
      times++;
      await until(
        () => command.stderr.match(/"atNextStart".*read again/g)?.length === times,
        'the settings to be read',
      );
      const last = command.stderr.match(/"atNextStart":\[[^\]]*\]/g)?.at(-1);
      expect(last).toBe(`"atNextStart":[${atNextStart}]`);
    };
    expect(await connected()).toBe(true);
    // It had none at the start, and counts all the same.
    const there = await mqtt.connectAsync(`mqtt://127.0.0.1:${command.port('mqtt')}`);
    listen('?max_connections=1');
    await readAgain('');
    expect(await connected()).toBe(false);
    await there.endAsync();
    listen('?max_connections=0');
    await readAgain('');
    expect(await connected()).toBe(false);
    listen('?max_connections=1');
    await readAgain('');
    expect(await connected()).toBe(true);
    listen('?max_connections=0&messageSize=1KiB');
    await readAgain('');
    expect(await connected()).toBe(false);
    listen('');
    await readAgain('');
    expect(await connected()).toBe(true);
    listen('?max_connections=0&durability=none');
    await readAgain('"listen"');
    expect(await connected()).toBe(true);
    expect((await command.stop()).code).toBe(0);
  });

  it('says which profile is in force, and takes another one, with all that follows from it, only at the next start', async () => {
    const file = join(directory.path, 'entrepot.yaml');
    const listen = 'listen: mqtt://127.0.0.1:0\n';
    writeFileSync(file, listen);
    const command = await start('--config', file);
    expect(command.stdout).toMatch(/^ {2}Profile +default/m);
    writeFileSync(file, `${listen}profile: hardened\n`);
    command.signal('SIGHUP');
    await until(
      () =>
        /"atNextStart":\["profile","login.anonymous","login.guest","tls.ciphers"\].*read again/.test(command.stderr),
      'what waits for the next start is named',
    );
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${command.port('mqtt')}`, { reconnectPeriod: 0 });
    await client.endAsync();
    expect((await command.stop()).code).toBe(0);
    const hardened = await start('--config', file);
    expect(hardened.stdout).toMatch(/^ {2}Profile +hardened: TLS/m);
    expect(hardened.stdout).toMatch(/there is no user; nobody without a name/);
    expect((await hardened.stop()).code).toBe(0);
  });

  it('serves several protocols on one port', async () => {
    const command = await start('--listen', 'amqp+mqtt+stomp://127.0.0.1:0');
    const port = command.port('amqp+mqtt+stomp');
    const subscriber = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
    await subscriber.subscribeAsync('one/port');
    const got = new Promise<Buffer>((resolve) => subscriber.once('message', (_topic, body) => resolve(body)));
    const connection = await amqplib.connect(`amqp://127.0.0.1:${port}`);
    const channel = await connection.createChannel();
    channel.publish('amq.topic', 'one.port', Buffer.from('hello'));
    expect(String(await got)).toBe('hello');
    const socket = connect(port, '127.0.0.1');
    socket.write('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^CONNECTED\n/);
    socket.destroy();
    await connection.close();
    await subscriber.endAsync();
  });

  it('reads its settings from a file and the environment', async () => {
    const file = join(directory.path, 'entrepot.yaml');
    writeFileSync(file, 'listen: ["amqp://127.0.0.1:0"]\ndata: /nowhere\n');
    const command = await Command.start(['--config', file], { ENTREPOT_DATA: join(directory.path, 'from-env') });
    running.push(command);
    expect(command.stdout).toContain(join(directory.path, 'from-env'));
    expect(command.port('amqp')).toBeGreaterThan(0);
  });
});

describe('says in one line why it cannot start', () => {
  it('a port in use', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const data = join(directory.path, 'data');
    expect(await refusal(['start', '--data', data, '--listen', `amqp://127.0.0.1:${port}`], {}, 1)).toBe(
      `entrepot: port ${port} on 127.0.0.1 is in use by another program; choose another with --listen amqp://127.0.0.1:PORT\n`,
    );
    other.close();
    // And the directory is free again.
    expect((await (await start('--listen', 'amqp://127.0.0.1:0')).stop()).code).toBe(0);
  });

  it('every port in use, at once', async () => {
    const first = await start('--listen', 'amqp://127.0.0.1:0', '--listen', 'mqtt://127.0.0.1:0');
    const taken = ['amqp', 'mqtt'].map((name) => `${name}://127.0.0.1:${first.port(name)}`);
    const { code, stderr } = await Command.run([
      'start',
      '--data',
      join(directory.path, 'second'),
      ...taken.flatMap((address) => ['--listen', address]),
    ]);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^entrepot: port \d+ on 127.0.0.1 is in use .* --listen amqp:/),
      expect.stringMatching(/^entrepot: port \d+ on 127.0.0.1 is in use .* --listen mqtt:/),
    ]);
  });

  it('a data directory that another broker holds', async () => {
    const first = await start('--listen', 'amqp://127.0.0.1:0');
    const data = join(directory.path, 'data');
    const line = await refusal(['start', '--data', data, '--listen', 'amqp://127.0.0.1:0'], {}, 1);
    expect(line).toContain(`${data} is in use by process ${first.process.pid}`);
  });

  it('a data directory that cannot be one', async () => {
    const file = join(directory.path, 'file');
    writeFileSync(file, '');
    expect(await refusal(['start', '--data', file, '--listen', 'amqp://127.0.0.1:0'], {}, 1)).toContain(file);
    expect(await refusal(['start', '--data', join(file, 'x'), '--listen', 'amqp://127.0.0.1:0'], {}, 1)).toContain(
      file,
    );
  });

  it.skipIf(process.getuid?.() === 0)('a data directory that is not writable', async () => {
    const data = join(directory.path, 'read-only');
    mkdirSync(data, { mode: 0o500 });
    expect(await refusal(['start', '--data', data, '--listen', 'amqp://127.0.0.1:0'], {}, 1)).toContain(
      'may not write there',
    );
  });

  it('a mistyped flag, command, address, file or variable', async () => {
    expect(await refusal(['start', '--dta', 'x'])).toContain("unknown option '--dta' (Did you mean --data?)");
    expect(await refusal(['strat'])).toContain("unknown command 'strat' (Did you mean start?)");
    expect(await refusal(['start', '--listen', 'amqq://localhost'])).toContain('did you mean amqp?');
    expect(await refusal(['start', '--config', '/nowhere.yaml'])).toContain('there is no such file');
    expect(await refusal(['start'], { ENTREPOT_DTA: 'x' })).toContain('did you mean ENTREPOT_DATA?');
    expect(await refusal(['start', '--log-level', 'loud'])).toContain('loud');
  });
});

describe('entrepot', () => {
  it('--version and --help', async () => {
    expect(await Command.run(['--version'])).toMatchObject({ code: 0, stdout: 'entrepot 0.1.0\n' });
    const help = await Command.run(['start', '--help']);
    expect(help.code).toBe(0);
    for (const word of ['--config', '--data', '--listen', 'amqp+mqtt+stomp://']) expect(help.stdout).toContain(word);
  });

  it('what config print says is what config check takes, whatever was set', async () => {
    const file = join(directory.path, 'entrepot.yaml');
    const printed = await Command.run(['config', 'print'], {
      ENTREPOT_AMQP_HEARTBEAT: '90 s',
      ENTREPOT_AMQP_BODY_SIZE_MAX: '500 B',
      ENTREPOT_VHOSTS: '/,plant',
    });
    writeFileSync(file, printed.stdout);
    expect(await Command.run(['config', 'check', '--config', file])).toMatchObject({ code: 0, stderr: '' });
    const again = await Command.run(['config', 'print', '--config', file]);
    const bare = (text: string) => text.replace(/ *#? *\(from .*?\)| *#.*/g, '');
    expect(bare(again.stdout)).toBe(bare(printed.stdout));
  });

  it.runIf(existsSync('/dev/full'))('says that what it prints cannot be written', async () => {
    const script = '"$0" src/main.ts config print > /dev/full';
    const ended = await promisify(execFile)('sh', ['-c', script, process.execPath]).catch((error) => error);
    expect([ended.code, ended.stderr]).toEqual([
      1,
      expect.stringMatching(/^entrepot: what was asked for cannot be written: ENOSPC[^\n]*\n$/),
    ]);
  });

  it.runIf(existsSync('/usr/bin/env'))(
    'is called from a clone by bin/entrepot.mjs, whichever Node there is',
    async () => {
      const run = promisify(execFile);
      expect((await run(process.execPath, ['bin/entrepot.mjs', '--version'])).stdout).toBe('entrepot 0.1.0\n');
      // As npm link leaves it, from anywhere.
      const link = join(directory.path, 'entrepot');
      symlinkSync(resolve('bin/entrepot.mjs'), link);
      expect((await run(process.execPath, [link, '--version'], { cwd: directory.path })).stdout).toBe(
        'entrepot 0.1.0\n',
      );
    },
  );

  it('config check and config print', async () => {
    const file = join(directory.path, 'entrepot.yaml');
    writeFileSync(file, 'mqtt:\n  inflightMax: 7\n');
    expect(await Command.run(['config', 'check', '--config', file])).toMatchObject({ code: 0 });
    const printed = await Command.run(['config', 'print', '--config', file]);
    expect(printed.stdout).toContain('inflightMax: 7');
    writeFileSync(file, 'mqtt:\n  inflghtMax: 7\n');
    expect(await refusal(['config', 'check', '--config', file])).toContain(
      `${file}:2:3: the key mqtt.inflghtMax is not known; did you mean inflightMax?`,
    );
  });
});
