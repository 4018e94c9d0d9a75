/** Heartbeats, both ways. */
import { expect } from 'vitest';
import { until, within } from '../../support/inbox.ts';
import { bits, frame, HEARTBEAT, header, method, short, table, u16 } from '../clients/frames.ts';
import { rawScenario, topic } from '../scenario.ts';

const EMPTY_CONTENT = header(1, 0);

export const heartbeats = topic('heartbeats', [
  rawScenario(
    'the broker’s heartbeats come while there is nothing else to say',
    '§1.4.2.6.3 heartbeat; heartbeats',
    async (t) => {
      const raw = await t.raw({ heartbeatS: 1 });
      const beat = setInterval(() => raw.send(frame(HEARTBEAT, 0, Buffer.alloc(0))), 300);
      try {
        await raw.heartbeats.next(2);
      } finally {
        clearInterval(beat);
      }
    },
  ),
  rawScenario('a client that is silent for too long is closed', 'heartbeats', async (t) => {
    const raw = await t.raw({ heartbeatS: 1 });
    const before = performance.now();
    await within(raw.ended, 15_000, () => 'the broker did not miss the heartbeats');
    expect(performance.now() - before).toBeGreaterThan(1_500);
  }),
  rawScenario('any traffic stands for a heartbeat', 'heartbeats', async (t) => {
    const raw = await t.rawChannel({ heartbeatS: 1 });
    const q = t.name();
    let ended = false;
    void raw.ended.then(() => {
      ended = true;
    });
    raw.send(method(1, 'queue.declare', u16(0), short(q), bits(), table()));
    await raw.expect('queue.declare-ok', 1);
    const before = performance.now();
    const talk = setInterval(
      () => raw.send(method(1, 'basic.publish', u16(0), short(''), short(q), bits()), EMPTY_CONTENT),
      400,
    );
    try {
      await until(() => ended || performance.now() - before > 4_000, 'four seconds', 10_000);
    } finally {
      clearInterval(talk);
    }
    expect(ended).toBe(false);
  }),
  rawScenario('without a heartbeat nobody is missed', 'heartbeats#disabling', async (t) => {
    const raw = await t.raw({ heartbeatS: 0 });
    const silent = await t.raw({ heartbeatS: 1 });
    await within(silent.ended, 15_000, () => 'the other one is not missed either');
    await raw.openChannel(1);
  }),
  rawScenario('a heartbeat on a channel is an error', '§4.2.7', async (t) => {
    const raw = await t.rawChannel();
    raw.send(frame(HEARTBEAT, 1, Buffer.alloc(0)));
    expect((await raw.connectionClose()).replyCode).toBe(505);
  }),
]);
