/** Publishers of what is stored are held back when too much is not on the disk, whatever way the message takes into the log. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { until } from '../../support/until.ts';
import { DURABLE, makeDraft, openSession, send, startCore } from '../harness.ts';

const MIB = 1024 * 1024;
let broker: Broker;
let session: Session;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-held-'));
  broker = await startCore(join(directory, 'data'), { clock: new ManualClock() });
  session = openSession(broker);
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

const BODY = Buffer.alloc(MIB / 8);
const ways: Record<string, () => void> = {
  'to one plain queue': () => void send(session, 'q', BODY),
  'to several queues': () => void send(session, '', BODY, { exchange: 'amq.fanout' }),
  'for later': () => {
    const draft = makeDraft(BODY);
    draft.delayMs = 1_000_000;
    session.publish(session.route('', 0, Buffer.from('q'), 0, 1), draft);
  },
  'as retained': () => void send(session, 'a', BODY, { exchange: 'amq.topic', retain: true }),
};

for (const [way, publish] of Object.entries(ways)) {
  it(`${way}: 64 MiB that are not synced are the bound, and the publisher goes on when half of it is`, async () => {
    for (const name of ['q', 'r']) {
      session.declareQueue(name, DURABLE);
      session.bindQueue(name, 'amq.fanout', '', { spelling: 0, arguments: [] });
    }
    let published = 0;
    while (!session.congested && published < 800) {
      publish();
      published++;
    }
    expect(published).toBeGreaterThan(500);
    expect(published).toBeLessThan(520);
    await until(() => !session.congested, 'room again');
  });
}
