/** A queue with 200,000 messages on the disk, looked through over `/v1/`. The same with ten million: `bench/peek.ts`. */
import { afterEach, describe, expect, it } from 'vitest';
import { AT_LEAST_ONCE, DOT, Draft } from '../../../src/message/message.ts';
import { withTemporaryDirectory } from '../../support/broker.ts';
import { startV1, type V1Broker } from './harness.ts';

const MESSAGES = 200_000;
let broker: V1Broker | undefined;
afterEach(() => broker?.close());

describe('a long queue', () => {
  it('shows its first pages at once, and all that is searched in slices', { timeout: 120_000 }, () =>
    withTemporaryDirectory(async (data) => {
      broker = await startV1({ data });
      const session = broker.operator.enterAsOperator('/');
      session.declareQueue('long', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
      const key = Buffer.from('long');
      const draft = new Draft();
      for (let i = 0; i < MESSAGES; i++) {
        draft.reset();
        draft.assurance = AT_LEAST_ONCE;
        draft.body = Buffer.from(`message ${i} ${'x'.repeat(300)}`);
        draft.bodyEnd = draft.body.length;
        session.publish(session.route('', DOT, key, 0, key.length), draft);
        if (i % 5_000 === 0) await new Promise<void>((resolve) => session.whenSafe(session.mark(), () => resolve()));
      }
      await new Promise<void>((resolve) => session.whenSafe(session.mark(), () => resolve()));
      session.close(true);

      const path = '/vhosts/%2F/queues/long/messages';
      for (const [from, body] of [
        ['oldest', 'message 0 x'],
        ['newest', `message ${MESSAGES - 1} x`],
      ]) {
        const before = performance.now();
        const shown = await broker.ask(`${path}?from=${from}&limit=50&bodyBytes=${body!.length}`);
        // A page: a few blocks are read, whatever lies between. Generous, for machines that are busy.
        expect(performance.now() - before).toBeLessThan(2_000);
        expect(shown.body.messages[0].body).toBe(body);
        expect(shown.body).toMatchObject({ scanned: 50, of: MESSAGES });
      }

      let scanned = 0;
      let found: string[] = [];
      for (let next: string | null = 'oldest'; next !== null; ) {
        const { body } = await broker.ask(`${path}?from=${next}&text=message%20199999&bodyBytes=14`);
        scanned += body.scanned;
        found = [...found, ...body.messages.map((one: { body: string }) => one.body)];
        next = body.next;
      }
      expect([scanned, found]).toEqual([MESSAGES, ['message 199999']]);
      await broker.close();
    }),
  );
});
