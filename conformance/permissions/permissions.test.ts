/**
 * The same users, permissions and topic permissions on this broker and, when the peers are asked for (`npm run conformance`), on
 * RabbitMQ: the same questions over the wire, and the same answers but for the differences that have a reason.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../peers/index.ts';
import { ask } from './ask.ts';
import { type AskedBroker, startHere, startThere } from './brokers.ts';
import { DIFFERENCES } from './differences.ts';
import { QUESTIONS } from './questions.ts';

const BROKERS = [
  { kind: 'this broker', start: startHere, skipped: false },
  {
    kind: 'RabbitMQ',
    start: startThere,
    skipped: process.env['CONFORMANCE_PEERS'] !== 'all' || installed('rabbitmq') === undefined,
  },
];

for (const { kind, start, skipped } of BROKERS) {
  describe.skipIf(skipped)(`who may do what on ${kind}`, () => {
    let broker: AskedBroker;

    beforeAll(async () => {
      broker = await start();
    }, 120_000);

    afterAll(() => broker?.stop(), 60_000);

    it.each(Object.keys(QUESTIONS))('is answered for user %s', async (user) => {
      const answers: [string, string][] = [];
      for (const [line] of QUESTIONS[user]!) answers.push([line, await ask(broker, user, line)]);
      const wanted = QUESTIONS[user]!.map(([line, there, here = there]) => [line, start === startHere ? here : there]);
      expect(answers).toEqual(wanted);
    });
  });
}

it('every difference has its reason, and every reason a question', () => {
  const used = Object.values(QUESTIONS).flatMap((questions) => questions.map(([, , , because]) => because));
  expect(new Set(used.filter((because) => because !== undefined))).toEqual(new Set(Object.keys(DIFFERENCES)));
});
