/** Users of the command: from its settings, at SIGHUP, in its data directory after a kill; and no open port without one. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBroker } from '../../src/index.ts';
import { Command } from '../support/command.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
const running: Command[] = [];
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(async () => {
  for (const command of running.splice(0)) {
    command.signal('SIGKILL');
    await command.finished();
  }
  await directory.remove();
});

async function start(...args: string[]): Promise<Command> {
  const command = await Command.start(['--data', join(directory.path, 'data'), ...args]);
  running.push(command);
  return command;
}

/** `in`, or the code of its refusal. */
async function login(command: Command, username: string, password: string): Promise<string> {
  try {
    const url = `mqtt://127.0.0.1:${command.port('mqtt')}`;
    const client = await mqtt.connectAsync(url, { username, password, reconnectPeriod: 0, protocolVersion: 5 }, false);
    await client.endAsync();
    return 'in';
  } catch (error) {
    return String((error as { code?: number }).code);
  }
}

it('lets nobody reach a port from elsewhere while there is no user, and says which settings would mend it', async () => {
  const data = join(directory.path, 'data');
  const refused = await Command.run(['start', '--data', data, '--listen', 'mqtt://0.0.0.0:0']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(
    /^entrepot: other machines reach 'mqtt:\/\/0\.0\.0\.0:\d+', and there is no user: set one \(users: .*\), or listen on 127\.0\.0\.1 \(listen\)\n$/,
  );
  const users = { ENTREPOT_USERS: JSON.stringify({ ann: { password: 'x', permissions: { '/': ALL } } }) };
  const command = await Command.start(['--data', data, '--listen', 'mqtt://0.0.0.0:0'], users);
  running.push(command);
  expect(await login(command, 'ann', 'x')).toBe('in');
  expect(await login(command, 'guest', 'guest')).toBe('134');
});

it('takes users over at SIGHUP, and keeps those it has when the new ones are wrong', async () => {
  const file = join(directory.path, 'entrepot.yaml');
  const write = (password: string, vhost = '/') =>
    writeFileSync(
      file,
      `listen: mqtt://127.0.0.1:0\nusers: { ann: { password: ${password}, permissions: { ${vhost}: { configure: .*, write: .*, read: .* } } } }\n`,
    );
  write('first');
  const command = await start('--config', file);
  expect(await login(command, 'ann', 'first')).toBe('in');
  write('second');
  command.signal('SIGHUP');
  await until(() => /"atNextStart":\[\].*read again/.test(command.stderr), 'read again');
  expect(await login(command, 'ann', 'second')).toBe('in');
  expect(await login(command, 'ann', 'first')).toBe('134');
  write('third', 'nowhere');
  command.signal('SIGHUP');
  await until(() => /no vhost 'nowhere'.*those in force stay/.test(command.stderr), 'refused');
  expect(await login(command, 'ann', 'second')).toBe('in');
  expect(command.stderr).not.toMatch(/first|second|third/);
});

it('knows the users that its data directory holds, after a kill too; verify and dump show them without secrets', async () => {
  const data = join(directory.path, 'data');
  const listen = ['mqtt://127.0.0.1:0'];
  const before = await createBroker({ data, listen });
  await before.users.put('ann', { password: 'hunter2', tags: ['monitoring'] });
  await before.users.setPermissions('ann', '/', ALL);
  // What is on the disk while it runs is what a kill would leave.
  const copy = join(directory.path, 'copy');
  cpSync(data, copy, { recursive: true, filter: (name) => !name.endsWith('lock') });
  await before.close();

  for (const place of [data, copy]) {
    const command = await Command.start(['--data', place, '--listen', listen[0]!]);
    running.push(command);
    expect(await login(command, 'ann', 'hunter2')).toBe('in');
    expect(await login(command, 'guest', 'guest')).toBe('134');
    command.signal('SIGKILL');
    await command.finished();
    expect((await Command.run(['log', 'verify', place])).stdout).toMatch(
      /^vhost \/: .*\nthe broker's own state: 1 segment, .*: nothing is damaged\n$|^vhost \/: .*\nthe broker's own state: \d+ segments, .*: nothing is damaged\n$/,
    );
    const dumped = (await Command.run(['log', 'dump', place])).stdout;
    expect(dumped).toContain('"log":"state"');
    expect(dumped).toContain('"key":"user:ann"');
    expect(dumped).not.toMatch(/hunter2|scrypt|storedKey/);
    const state = join(place, 'state');
    const written = readdirSync(state)
      .map((name) => readFileSync(join(state, name), 'latin1'))
      .join('');
    expect(written).toContain('scrypt');
    expect(written).not.toContain('hunter2');
  }
});
