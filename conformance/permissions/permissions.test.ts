/**
 * The same users, permissions and topic permissions on this broker and, when the peers are asked for (`npm run conformance`), on
 * RabbitMQ: the same questions over the wire, and the same answers but for the differences that have a reason. Then once more on this
 * broker with what RabbitMQ has exported of its users, whose passwords it has hashed in three ways.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../peers/index.ts';
import { ask } from './ask.ts';
import { type AskedBroker, type Exports, startHere, startImported, startThere } from './brokers.ts';
import { DIFFERENCES } from './differences.ts';
import { QUESTIONS } from './questions.ts';

const skipped = process.env['CONFORMANCE_PEERS'] !== 'all' || installed('rabbitmq') === undefined;
/** What RabbitMQ has exported, once it has been there. */
let exports: Exports;

async function startAndExport(): Promise<AskedBroker> {
  const broker = await startThere();
  exports = await broker.exported();
  return broker;
}

interface Asked {
  readonly kind: string;
  readonly start: () => Promise<AskedBroker>;
  readonly skipped: boolean;
  /** Its answers are RabbitMQ's own. */
  readonly original?: boolean;
}

const BROKERS: readonly Asked[] = [
  { kind: 'this broker', start: startHere, skipped: false },
  { kind: 'RabbitMQ', start: startAndExport, skipped, original: true },
  ...(['rabbitmqctl', 'management API'] as const).map((by) => ({
    kind: `this broker with the definitions of RabbitMQ's ${by}`,
    start: () => startImported(exports[by]),
    skipped,
  })),
];

for (const { kind, start, skipped, original } of BROKERS) {
  describe.skipIf(skipped)(`who may do what on ${kind}`, () => {
    let broker: AskedBroker;

    beforeAll(async () => {
      broker = await start();
    }, 120_000);

    afterAll(() => broker?.stop(), 60_000);

    it.each(Object.keys(QUESTIONS))('is answered for user %s', async (user) => {
      const answers: [string, string][] = [];
      for (const [line] of QUESTIONS[user]!) answers.push([line, await ask(broker, user, line)]);
      const wanted = QUESTIONS[user]!.map(([line, there, here = there]) => [line, original === true ? there : here]);
      expect(answers).toEqual(wanted);
    });
  });
}

it.skipIf(skipped)('what RabbitMQ has exported has each of its ways to hash a password', () => {
  for (const text of Object.values(exports)) {
    const { users } = JSON.parse(text) as { users: { hashing_algorithm: string }[] };
    const algorithms = new Set(users.map(({ hashing_algorithm }) => hashing_algorithm));
    expect([...algorithms].sort()).toEqual(
      ['md5', 'sha256', 'sha512'].map((name) => `rabbit_password_hashing_${name}`),
    );
  }
});

it.skipIf(skipped)('how many answers are the same is said', () => {
  const all = Object.values(QUESTIONS).flat();
  const reasons = all.flatMap(([, , , because]) => because ?? []);
  const counted = [...new Set(reasons)].map((one) => `${one} ${reasons.filter((each) => each === one).length}`);
  console.log(`permissions: ${all.length} questions, ${all.length - reasons.length} answered the same as by RabbitMQ`);
  console.log(`${reasons.length} otherwise, and why (differences.ts): ${counted.join(', ')}`);
  expect(all.length).toBeGreaterThanOrEqual(100);
});

it('every difference has its reason, and every reason a question', () => {
  const used = Object.values(QUESTIONS).flatMap((questions) => questions.map(([, , , because]) => because));
  expect(new Set(used.filter((because) => because !== undefined))).toEqual(new Set(Object.keys(DIFFERENCES)));
});
