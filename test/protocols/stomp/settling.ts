/** A queue's consumer over STOMP, and what it leaves: for the tests of settling and of transactions. */
import type { Session } from '../../../src/api/index.ts';
import { until } from '../../support/until.ts';
import { type Frame, header, type RawClient } from './raw-client.ts';

/** Subscribes to `/queue/q` as 1. */
export async function consume(client: RawClient, ack: string, more: Record<string, string> = {}): Promise<void> {
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack, ...more });
}

/** Publishes 1, 2, 3 … and takes their deliveries. */
export async function deliveries(client: RawClient, count: number): Promise<Frame[]> {
  for (let i = 1; i <= count; i++) client.send('SEND', { destination: '/queue/q' }, `${i}`);
  const frames: Frame[] = [];
  for (let i = 0; i < count; i++) frames.push(await client.next('MESSAGE'));
  return frames;
}

/** What a consumer of the core gets of the queue `q` now: body, redelivered, attempts. */
export async function remaining(core: Session, count: number): Promise<[string, boolean, number][]> {
  const seen: [string, boolean, number][] = [];
  const consumer = core.consume(
    'q',
    { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] },
    {
      deliver: (view) => {
        seen.push([view.body.toString('utf8', view.bodyStart, view.bodyEnd), view.redelivered, view.attempts]);
      },
      cancelled: () => {},
    },
    { congested: false },
  );
  await until(() => seen.length >= count, `${count} messages`);
  consumer.cancel();
  return seen;
}

/** The headers that acknowledge a MESSAGE in a version. */
export const ackOf = (frame: Frame, version = '1.2'): Record<string, string> =>
  version === '1.2'
    ? { id: header(frame, 'ack')! }
    : { 'message-id': header(frame, 'message-id')!, ...(version === '1.1' && { subscription: '1' }) };
