/** What an operator reads of times and policies when a stopped broker's log is dumped. */
import { expect, it } from 'vitest';
import { MODIFIED, REJECTED } from '../../../src/api/index.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { dump, logsIn } from '../../../src/vhost/journal/offline.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { consume, DURABLE, makeDraft, openSession, queueArguments, safe, send, startCore } from '../harness.ts';

it('shows delays, retries and policies in words', async () => {
  await withTemporaryDirectory(async (directory) => {
    const clock = new ManualClock();
    const broker = await startCore(directory, { clock });
    const session = openSession(broker);
    await broker.policies.set('/', { name: 'p', pattern: '^q$', definition: { 'retry-delay': 5_000 } });
    await broker.policies.set('/', { name: 'gone', pattern: 'x', definition: { expires: 5 } });
    await broker.policies.clear('/', 'gone');
    session.declareQueue('q', DURABLE);
    const delayed = makeDraft('later');
    delayed.delayMs = 100;
    session.publish(session.routeAll('', 0, ['q', 'r']), delayed);
    send(session, 'q', 'now');
    const reader = consume(session, 'q');
    broker.turn.end();
    reader.consumer.settle(reader.seen[0]!.slot, MODIFIED);
    clock.advance(120);
    for (let i = 0; i < 4; i++) broker.turn.end();
    await safe(session);
    await broker.close();

    const lines: Record<string, unknown>[] = [];
    for (const log of await logsIn(directory)) await dump(log, undefined, (text) => lines.push(JSON.parse(text)));
    const of = (what: string) => lines.find((line) => line['what'] === what);
    const at = (ms: number): string => new Date(1_700_000_000_000 + ms).toISOString();
    expect(of('delayed')).toMatchObject({ count: 1, dueAt: at(100) });
    expect(of('delayed keys')).toMatchObject({ keys: ['q', 'r'] });
    expect(of('delay over')).toMatchObject({ seqs: [of('delayed')!['first']] });
    expect(of('retry')).toMatchObject({ queues: ['q'], dueAt: at(5_000) });
    expect(of('policy set')).toMatchObject({ name: 'p', kind: 'policy', definition: { 'retry-delay': 5_000 } });
    expect(of('policy cleared')).toMatchObject({ name: 'gone', kind: 'policy' });
  });
});

it('shows what has died and waits for a dead letter queue that is full', async () => {
  await withTemporaryDirectory(async (directory) => {
    const broker = await startCore(directory, { clock: new ManualClock() });
    const session = openSession(broker);
    const full = { 'x-max-length': 0, 'x-overflow': 'reject-publish' };
    session.declareQueue('full', { ...DURABLE, arguments: queueArguments(full) });
    const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'full' };
    session.declareQueue('q', { ...DURABLE, arguments: queueArguments(dead) });
    send(session, 'q', 'x');
    const reader = consume(session, 'q');
    broker.turn.end();
    reader.consumer.settle(reader.seen[0]!.slot, REJECTED);
    await safe(session);
    await broker.close();

    const lines: Record<string, unknown>[] = [];
    for (const log of await logsIn(directory)) await dump(log, undefined, (text) => lines.push(JSON.parse(text)));
    const dying = lines.find(({ what }) => what === 'dying');
    expect(dying).toMatchObject({ queues: ['q'], reason: 'rejected' });
  });
});
