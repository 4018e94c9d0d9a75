/** Consumers that do not read large messages pin memory no further than its setting says; what they get is whole all the same. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import amqplib from 'amqplib';
import { afterEach, expect, it } from 'vitest';
import { PinnedMemory } from '../../src/message/pinned-memory.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;
const CONSUMERS = 12;
const MESSAGES = 10;
const { bytesMax } = PinnedMemory;
let broker: TestBroker | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker?.close();
  broker = undefined;
  PinnedMemory.bytesMax = bytesMax;
});

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${broker!.ports.http}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]);
}

/** Subscribes to a queue and reads no more. */
async function slowConsumer(queue: string): Promise<Socket> {
  const socket = connect(broker!.ports.stomp, '127.0.0.1');
  sockets.push(socket);
  socket.write('CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^CONNECTED/);
  socket.write(`SUBSCRIBE\nid:1\ndestination:/queue/${queue}\nack:auto\nreceipt:r\n\n\0`);
  expect(String((await once(socket, 'data'))[0])).toMatch(/^RECEIPT/);
  socket.pause();
  return socket;
}

/** The first byte of each body that comes, if all its bytes are the same. */
function readBodies(socket: Socket): number[] {
  const bodies: number[] = [];
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = rest.indexOf('\n\n');
      if (head < 0 || rest.length < head + 2 + MIB + 1) return;
      const body = rest.subarray(head + 2, head + 2 + MIB);
      bodies.push(body.equals(Buffer.alloc(MIB, body[0])) ? body[0]! : -1);
      rest = rest.subarray(head + 2 + MIB + 1);
    }
  });
  socket.resume();
  return bodies;
}

it('slow consumers of 1 MiB messages pin no more than connections.pinnedSizeMax, and miss nothing', async () => {
  broker = await startTestBroker({ connections: { pinnedSizeMax: 3 * MIB } });
  const refusedBefore = await metric('entrepot_pinned_refused_total');
  const slow: Socket[] = [];
  for (let n = 0; n < CONSUMERS; n++) slow.push(await slowConsumer(`slow-${n}`));
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  const publisher = await connection.createConfirmChannel();
  let most = 0;
  for (let message = 1; message <= MESSAGES; message++) {
    const body = Buffer.alloc(MIB, message);
    for (let n = 0; n < CONSUMERS; n++) publisher.sendToQueue(`slow-${n}`, body, { deliveryMode: 1 });
    await publisher.waitForConfirms();
    most = Math.max(most, await metric('entrepot_pinned_bytes'));
  }
  await connection.close();
  expect(await metric('entrepot_pinned_limit_bytes')).toBe(3 * MIB);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(3 * MIB);
  expect(await metric('entrepot_pinned_refused_total')).toBeGreaterThan(refusedBefore);
  const received = slow.map(readBodies);
  await until(() => received.every((bodies) => bodies.length === MESSAGES), 'all of it received');
  const all = Array.from({ length: MESSAGES }, (_, i) => i + 1);
  for (const bodies of received) expect(bodies).toEqual(all);
  await until(() => PinnedMemory.bytes === 0, 'nothing pinned any more');
});
