/** stomp.py, the client of Python's users, where it is installed: the same script on each broker. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { installed } from '../peers/index.ts';
import { startHere, startThere } from './brokers.ts';
import { differenceHere } from './differences.ts';

const SCRIPT = fileURLToPath(new URL('../programs/stomp/stomp.py', import.meta.url));
/** Debian's: others on the path may not have the package. */
const PYTHON = '/usr/bin/python3';

const has = spawnSync(PYTHON, ['-c', 'import stomp']).status === 0;
if (!has) console.log('python3-stomp: skipped, it is not installed');
const asked = process.env['CONFORMANCE_PEERS'] === 'all';

describe.skipIf(!has)('stomp.py', () => {
  it.each(['entrepot', 'rabbitmq', 'activemq'] as const)(
    'works in all versions on %s',
    async (kind) => {
      if (kind !== 'entrepot' && (!asked || installed(kind) === undefined)) return;
      const broker = await (kind === 'entrepot' ? startHere() : startThere[kind]());
      try {
        const words = [SCRIPT, String(broker.stompPort), `python-${process.pid}`];
        if (differenceHere(kind, 'hosts-are-vhosts') !== undefined) words.push('/');
        const { stdout } = await promisify(execFile)(PYTHON, words, { timeout: 60_000 });
        expect(stdout.trim().split('\n')).toEqual(['ok 1.0', 'ok 1.1', 'ok 1.2']);
      } finally {
        await broker.stop();
      }
    },
    120_000,
  );
});
