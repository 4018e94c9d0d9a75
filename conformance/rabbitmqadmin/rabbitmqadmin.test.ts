/**
 * RabbitMQ's own script `rabbitmqadmin`, unchanged: the same session of commands on RabbitMQ and here prints the same. What differs is
 * listed with its reason (`differences.ts`), and must differ.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed, startEntrepot, startRabbitmq } from '../peers/index.ts';
import { COMMANDS } from './commands.ts';
import { DIFFERENCES } from './differences.ts';

const SCRIPT = '/usr/bin/rabbitmqadmin';
const skipped =
  process.env['CONFORMANCE_PEERS'] !== 'all' || installed('rabbitmq') === undefined || !existsSync(SCRIPT);

const GUEST = {
  guest: {
    password: 'guest',
    tags: ['administrator'],
    permissions: { '/': { configure: '.*', write: '.*', read: '.*' } },
  },
};

interface Printed {
  readonly code: number;
  readonly text: string;
}

function run(port: number, words: readonly string[]): Promise<Printed> {
  return new Promise((resolve) => {
    // The machine's Python, not one that a version manager has put in front.
    execFile(
      '/usr/bin/python3',
      [SCRIPT, '-H', '127.0.0.1', '-P', String(port), ...words],
      { timeout: 60_000 },
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, text: `${out}${err}`.trimEnd() });
      },
    );
  });
}

describe.skipIf(skipped)('a session of rabbitmqadmin', () => {
  const stops: (() => Promise<void>)[] = [];
  const printed = new Map<string, { theirs: Printed; ours: Printed }>();
  const titles = COMMANDS.map(({ words }, i) => `${i + 1}. ${words.join(' ')}`);

  beforeAll(async () => {
    const rabbitmq = await startRabbitmq({ plugins: ['rabbitmq_management'] });
    stops.push(() => rabbitmq.stop());
    // As RabbitMQ has it: a user like any other, who stays when there are more.
    const ours = await startEntrepot({ environment: { ENTREPOT_USERS: JSON.stringify(GUEST) } });
    stops.push(() => ours.stop());
    for (const [i, { words }] of COMMANDS.entries()) {
      const [theirs, mine] = await Promise.all([run(rabbitmq.httpPort, words), run(ours.httpPort, words)]);
      printed.set(titles[i]!, { theirs, ours: mine });
    }
  }, 900_000);
  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  it.each(titles)('%s', (title) => {
    const { theirs, ours } = printed.get(title)!;
    const words = title.slice(title.indexOf(' ') + 1);
    if (DIFFERENCES[words] !== undefined) expect(ours, DIFFERENCES[words]).not.toEqual(theirs);
    else expect(ours).toEqual(theirs);
  });
});
