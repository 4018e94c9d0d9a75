/** Kill -9 during load, three rounds; `node scripts/crash.ts --rounds 20` is the long form. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, Ledger } from '../../conformance/kill/ledger.ts';
import { runKillRounds } from '../../conformance/kill/rounds.ts';
import { type EntrepotPeer, startEntrepot } from '../../conformance/peers/index.ts';

describe('kill -9 during load', () => {
  let broker: EntrepotPeer;
  beforeAll(async () => {
    broker = await startEntrepot();
  });
  afterAll(() => broker?.stop());

  it('loses nothing that was confirmed, and brings nothing back whose settlement was', {
    timeout: 120_000,
  }, async () => {
    const reports = await runKillRounds(broker, { rounds: 3, confirmsMin: 300, confirmsMax: 1_200 });
    expect(reports.flatMap((report) => report.failures)).toEqual([]);
    for (const report of reports) {
      expect(report.confirmed).toBeGreaterThan(0);
      expect(report.redelivered, 'some were in hand when the broker died').toBeGreaterThan(0);
    }
  });
});

describe('the judge of it', () => {
  const killedWith = (stage: 'never seen' | 'held' | 'settling' | 'settled') => {
    const ledger = new Ledger();
    const queue = ledger.destination('queue');
    const body = bodyOf('1.amqp.0', 0);
    ledger.published.set('1.amqp.0', 0);
    ledger.confirmed.add('1.amqp.0');
    if (stage !== 'never seen') queue.seen({ id: '1.amqp.0', body, redelivered: false });
    if (stage === 'settling' || stage === 'settled') queue.settling('1.amqp.0');
    if (stage === 'settled') queue.settled('1.amqp.0');
    queue.killed();
    return { ledger, queue, body };
  };

  it.each(['never seen', 'held'] as const)(
    'calls it a loss when a confirmed message that was %s does not come',
    (stage) => {
      const { ledger, queue } = killedWith(stage);
      expect(queue.verdict(ledger)).toEqual([expect.stringContaining('is lost')]);
    },
  );

  it('lets a message whose settlement was under way come or not', () => {
    const gone = killedWith('settling');
    expect(gone.queue.verdict(gone.ledger)).toEqual([]);
    const back = killedWith('settling');
    back.queue.seen({ id: '1.amqp.0', body: back.body, redelivered: true });
    expect(back.queue.verdict(back.ledger)).toEqual([]);
  });

  it('objects to a message that comes back after its settlement was confirmed', () => {
    const { ledger, queue, body } = killedWith('settled');
    queue.seen({ id: '1.amqp.0', body, redelivered: true });
    expect(queue.verdict(ledger)).toEqual([expect.stringContaining('came back')]);
  });

  it('objects to a held message that comes unmarked, to one that comes twice, and to a changed body', () => {
    const { ledger, queue, body } = killedWith('held');
    queue.seen({ id: '1.amqp.0', body, redelivered: false });
    expect(queue.verdict(ledger)).toEqual([expect.stringContaining('came unmarked')]);
    queue.seen({ id: '1.amqp.0', body, redelivered: true });
    expect(queue.verdict(ledger)).toContainEqual(expect.stringContaining('came 2 times'));
    const other = killedWith('held');
    const changed = Buffer.from(other.body);
    changed[changed.length - 1]! ^= 1;
    other.queue.seen({ id: '1.amqp.0', body: changed, redelivered: true });
    expect(other.queue.verdict(other.ledger)).toEqual([expect.stringContaining('has changed')]);
  });

  it('objects to a message that nobody has published', () => {
    const { ledger, queue } = killedWith('settled');
    queue.seen({ id: '9.amqp.9', body: Buffer.from('9.amqp.9|'), redelivered: false });
    expect(queue.verdict(ledger)).toEqual([expect.stringContaining('never published')]);
  });
});
