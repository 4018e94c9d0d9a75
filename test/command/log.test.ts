/** `entrepot log …`: a broker's log, looked at from outside. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqplib from 'amqplib';
import { expect, it } from 'vitest';
import { bytesOfLogs, watchedReads } from '../../src/command/log-reads.ts';
import { verifyLogs } from '../../src/command/logs.ts';
import { createBroker } from '../../src/index.ts';
import { nodeFiles } from '../../src/log/files/files.ts';
import { Command } from '../support/command.ts';
import { withTemporaryDirectory } from '../support/directory.ts';

function entrepot(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/main.ts', ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

it('verifies and dumps what a broker left behind, and finds a damaged byte', async () => {
  await withTemporaryDirectory(async (directory) => {
    const running = await createBroker({ data: directory, listen: ['amqp://127.0.0.1:0'] });
    const connection = await amqplib.connect(`amqp://127.0.0.1:${running.port('amqp')}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('mine');
    await channel.assertQueue('other');
    for (const queue of ['mine', 'other'])
      channel.sendToQueue(queue, Buffer.from(`for ${queue}`), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
    await running.close();

    expect(await entrepot('log', 'verify', directory)).toMatchObject({ code: 0 });
    // As other commands name it, and where it is not there.
    expect(await entrepot('log', 'verify', '--data', directory)).toMatchObject({ code: 0 });
    expect(await entrepot('log', 'dump', '--data', `${directory}/none`)).toMatchObject({ code: 5 });
    const { stdout } = await entrepot('log', 'dump', directory, '--queue', 'mine');
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.filter((record) => record.what === 'message')).toMatchObject([
      { queues: ['mine'], key: 'mine', bodyBytes: 8, body: 'for mine' },
    ]);
    expect(stdout).not.toContain('for other');

    const log = join(directory, 'vhosts', '%2F');
    const name = readdirSync(log).find((file) => readFileSync(join(log, file)).includes('for mine'))!;
    const bytes = readFileSync(join(log, name));
    bytes[bytes.indexOf('for mine')]! ^= 1;
    writeFileSync(join(log, name), bytes);
    expect(await entrepot('log', 'verify', directory)).toMatchObject({ code: 1 });
  });
});

it('says that a broker is running, what it could check, and what not', async () => {
  await withTemporaryDirectory(async (directory) => {
    const broker = await Command.start(['--data', directory, '--listen', 'amqp://127.0.0.1:0']);
    const { pid } = broker.process;
    const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('mine');
    for (let i = 0; i < 100; i++) channel.sendToQueue('mine', Buffer.alloc(1000), { persistent: true });
    await channel.waitForConfirms();
    for (const place of [directory, join(directory, 'vhosts'), join(directory, 'vhosts', '%2F')]) {
      const { code, stdout, stderr } = await entrepot('log', 'verify', place);
      expect([code, stderr]).toEqual([0, '']);
      const [first, second, ...more] = stdout.trimEnd().split('\n');
      expect(first).toMatch(new RegExp(`^process ${pid} is running on this directory: .* not what it is writing now$`));
      expect(second).toMatch(
        /^vhost \/: \d segments?, [1-9]\d* batch(es)? checked: nothing is damaged in what could be read; the newest segment/,
      );
      expect(more).toEqual([]);
    }
    const dumped = await entrepot('log', 'dump', directory, '--queue', 'mine');
    expect(dumped.stderr).toMatch(new RegExp(`^entrepot: process ${pid} is running`));
    expect(dumped.stdout).toContain('"key":"mine"');
    await connection.close();
    expect((await broker.stop()).code).toBe(0);
    // Nothing was changed by looking.
    expect((await entrepot('log', 'verify', directory)).stdout).toMatch(
      /^vhost \/: \d segments?, .*: nothing is damaged\n$/,
    );
  });
});

it('tells how far it has come, each byte once, and says as JSON what it says', async () => {
  await withTemporaryDirectory(async (directory) => {
    const broker = await createBroker({ data: directory, listen: [] });
    await broker.close();
    let seen = 0;
    const steps: number[] = [];
    const files = watchedReads(nodeFiles, (bytes) => {
      steps.push(bytes);
      seen = bytes;
    });
    expect(await verifyLogs(directory, { out: () => {}, note: () => {} }, files)).toBe(true);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(seen).toBe(await bytesOfLogs(directory, nodeFiles));
    const { code, stdout } = await entrepot('log', 'verify', directory, '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, { sound: true, logs: [expect.stringContaining('vhost /: ')] }]);
  });
});

it('says in one line when there is no log to look at, and why', async () => {
  await withTemporaryDirectory(async (directory) => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    mkdirSync(join(directory, 'other', 'vhosts', '%'), { recursive: true });
    for (const [place, told] of [
      [directory, `there is no log in ${directory}; give the directory that the broker was started with (--data)`],
      [join(directory, 'other'), 'there is no log in'],
      [file, `${file} is a file; give the data directory`],
      [join(directory, 'nowhere'), `${join(directory, 'nowhere')} is not there`],
    ] as const) {
      for (const what of ['verify', 'dump']) {
        const { code, stdout, stderr } = await entrepot('log', what, place);
        expect([code, stdout]).toEqual([5, '']);
        expect(stderr).toMatch(/^entrepot: [^\n]+\n$/);
        expect(stderr).toContain(told);
      }
    }
  });
});
