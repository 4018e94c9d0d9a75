/** Whatever a client sends, the broker serves the others. */
import * as fc from 'fast-check';
import * as wire from 'mqtt-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MqttProtocol } from '../../../protocols/mqtt/index.ts';
import { mqtt } from '../../../protocols/mqtt/index.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { until } from '../../support/until.ts';
import { RawClient } from './raw-client.ts';

let broker: TestBroker;
let adapter: MqttProtocol;
let port: number;
beforeAll(async () => {
  adapter = Object.assign(mqtt(), { name: 'mqtt-under-test' });
  broker = await startTestBroker({ data: null, protocols: [adapter], listen: ['mqtt-under-test://127.0.0.1:0'] });
  port = broker.port('mqtt-under-test');
});
afterAll(() => broker.close());

const topic = fc.constantFrom('a', 'a/b', 'b', '$share/g/a', 'a/#', '+/b', '#');
const id = fc.integer({ min: 0, max: 5 });
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
const generated = (packet: wire.Packet): Buffer => wire.generate(packet);
const packet: fc.Arbitrary<Buffer> = fc.oneof(
  fc.record({ topic, id, qos, dup: fc.boolean(), retain: fc.boolean(), size: fc.nat(400) }).map((p) => {
    const name = Buffer.from(p.topic);
    const head = Buffer.from([name.length >> 8, name.length, ...name, ...(p.qos > 0 ? [p.id >> 8, p.id] : [])]);
    const length = head.length + p.size;
    const first = 0x30 | (p.dup ? 8 : 0) | (p.qos << 1) | (p.retain ? 1 : 0);
    return Buffer.concat([Buffer.of(first, (length & 0x7f) | 0x80, length >> 7), head, Buffer.alloc(p.size, 'x')]);
  }),
  fc.record({ topic, id, qos }).map((s) => {
    const name = Buffer.from(s.topic);
    return Buffer.from([0x82, 5 + name.length, s.id >> 8, s.id, 0, name.length, ...name, s.qos]);
  }),
  fc.record({ topic, id }).map((s) => {
    const name = Buffer.from(s.topic);
    return Buffer.from([0xa2, 4 + name.length, s.id >> 8, s.id, 0, name.length, ...name]);
  }),
  fc.record({ type: fc.constantFrom(0x40, 0x50, 0x62, 0x70), id }).map((a) => Buffer.of(a.type, 2, a.id >> 8, a.id)),
  fc.constant(generated({ cmd: 'pingreq' })),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);
const script = fc.record({
  clientId: fc.constantFrom('f1', 'f2'),
  clean: fc.boolean(),
  will: fc.boolean(),
  packets: fc.array(packet, { maxLength: 25 }),
  end: fc.constantFrom<'vanish' | 'disconnect'>('vanish', 'disconnect'),
});

it('any packets in any order, valid or not, cost the sender its connection at most', async () => {
  const witness = await RawClient.connect(port, 'witness');
  await witness.subscribe('witness', 1);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 4 }), async (scripts) => {
      const clients = await Promise.all(
        scripts.map(async ({ clientId, clean, will, packets }) => {
          const client = await RawClient.dial(port);
          const lastWords = { topic: 'a/b', payload: Buffer.from('will'), qos: 1 as const, retain: false };
          const connect = generated({
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 4,
            clientId,
            clean,
            ...(will ? { will: lastWords } : {}),
          });
          client.raw(Buffer.concat([connect, ...packets]));
          return client;
        }),
      );
      for (const [i, client] of clients.entries()) {
        if (scripts[i]!.end === 'disconnect') client.raw(generated({ cmd: 'disconnect' }));
        // A cut packet swallows DISCONNECT: the client goes away all the same.
        await client.vanish();
      }
      witness.publish('witness', String(++round), 1, 1 + (round % 60_000));
      await witness.next('puback');
      const seen = await witness.next('publish');
      expect(seen.payload.toString()).toBe(String(round));
      witness.send({ cmd: 'puback', messageId: seen.messageId! });
    }),
    { numRuns: 150 },
  );
  await witness.leave();
  await until(() => broker.connections === 0, 'all connections to be gone');
  expect(adapter.stats.internalErrors).toBe(0);
  expect(adapter.stats.protocolErrors).toBeGreaterThan(20);
}, 60_000);
