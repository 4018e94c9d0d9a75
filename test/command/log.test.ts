/** `entrepot log …`: a stopped broker's log, looked at from outside. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqplib from 'amqplib';
import { expect, it } from 'vitest';
import { createBroker } from '../../src/index.ts';
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

it('says in one line when there is no log', async () => {
  await withTemporaryDirectory(async (directory) => {
    const { code, stderr } = await entrepot('log', 'verify', directory);
    expect(code).toBe(1);
    expect(stderr).toBe(`entrepot: there is no log in ${directory}\n`);
  });
});
