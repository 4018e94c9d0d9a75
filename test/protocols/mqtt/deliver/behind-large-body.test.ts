/** A large body that has to be fetched first holds up what is behind it, and no longer than until it is out. */
import { afterEach, expect, it, vi } from 'vitest';
import type { BodyReader } from '../../../../src/api/index.ts';
import { ClientSession } from '../../../../src/broker/session.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { RawClient } from '../raw-client.ts';

let broker: TestBroker;
afterEach(async () => {
  vi.restoreAllMocks();
  await broker.close();
});

it.each([0, 1] as const)(
  'what waits behind it is delivered when it is out, though nothing else happens; QoS %i',
  async (qos) => {
    broker = await startTestBroker({ data: null });
    const subscriber = await RawClient.connect(broker.ports.mqtt, 'subscriber');
    await subscriber.subscribe('large', qos);
    await subscriber.subscribe('small', 1, 2);
    const publisher = await RawClient.connect(broker.ports.mqtt, 'publisher');

    // The body cannot be read until it is released, as one that lies on a slow disk.
    let fetched = false;
    let reader: BodyReader | undefined;
    const { readBody } = ClientSession.prototype;
    vi.spyOn(ClientSession.prototype, 'readBody').mockImplementationOnce(function (this: ClientSession, body) {
      const read = readBody.call(this, body);
      const { next } = read;
      read.next = (maxBytes) => fetched && next.call(read, maxBytes);
      reader = read;
      return read;
    });
    // Longer than a message that is kept in one piece, and shorter than what makes a client count as slow.
    const large = Buffer.alloc(200_000, 'x');
    publisher.publish('large', large, 1, 1);
    await publisher.next('puback');
    publisher.publish('small', 'behind it', 1, 2);
    await publisher.next('puback');
    await publisher.settle();
    expect(subscriber.packets).toEqual([]);

    fetched = true;
    reader?.onReady();
    // It answers neither, so that no answer has the broker look again.
    expect((await subscriber.next('publish')).payload).toHaveLength(large.length);
    expect((await subscriber.next('publish')).payload.toString()).toBe('behind it');
  },
);
