/** What one consumer's side throws in the middle of handing out. */
import { expect, it } from 'vitest';
import { NO_BACKPRESSURE } from '../../../src/api/index.ts';
import { consume, openSession, send, startCore, TRANSIENT } from '../harness.ts';

it('a consumer that throws once does not stop its queue for good', async () => {
  const broker = await startCore(null);
  const thrown: unknown[] = [];
  broker.turn.onError = (error) => thrown.push(error);
  const session = openSession(broker);
  session.declareQueue('q', TRANSIENT);
  const deliver = (): void => {
    throw new Error('a fault of an adapter');
  };
  const options = { tag: 'faulty', settled: true, exclusive: false, prefetch: 0, arguments: [] };
  const faulty = session.consume('q', options, { deliver, cancelled() {} }, NO_BACKPRESSURE);
  send(session, 'q', 'first', { persistent: false });
  broker.turn.end();
  expect(thrown).toHaveLength(1);
  faulty.cancel();
  const sound = consume(session, 'q', { settled: true });
  send(session, 'q', 'second', { persistent: false });
  broker.turn.end();
  expect(sound.bodies).toEqual(['second']);
  await broker.close();
});
