/** One message for each packet that the adapter writes, and in fragments what leaves in pieces. */
import { once } from 'node:events';
import fc from 'fast-check';
import { parser as mqttParser } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { packetExtent } from '../../../protocols/mqtt/codec/packet.ts';
import { frameExtent } from '../../../protocols/stomp/codec/extent.ts';
import { OutgoingMessages } from '../../../protocols/websocket/codec/messages.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { until } from '../../support/until.ts';

let broker: TestBroker;
const clients: WebSocket[] = [];

beforeEach(async () => {
  broker = await startTestBroker();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await broker.close();
});

interface Message {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

async function dial(subProtocol: string | undefined, path = '/ws') {
  const client = new WebSocket(
    `ws://127.0.0.1:${broker.ports.ws}${path}`,
    subProtocol === undefined ? [] : [subProtocol],
  );
  clients.push(client);
  const messages: Message[] = [];
  client.on('message', (data, isBinary) => messages.push({ data: data as Buffer, isBinary }));
  client.on('error', () => {});
  await once(client, 'open');
  return { client, messages };
}

/** CONNECT of 3.1.1 with a clean session and no name; SUBSCRIBE; PUBLISH at QoS 0. */
const CONNECT = Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0]);
const SUBSCRIBE = Buffer.from([0x82, 6, 0, 1, 0, 1, 0x23, 0]);
const publish = (text: string): Buffer => {
  const rest = Buffer.concat([Buffer.from([0, 1, 0x74]), Buffer.from(text)]);
  const length: number[] = [];
  for (let left = rest.length; ; left >>>= 7) {
    length.push(left < 128 ? left : (left & 127) | 128);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([0x30, ...length]), rest]);
};

describe('MQTT', () => {
  it('sends each packet in a message of its own, also many of one turn', async () => {
    const { client, messages } = await dial('mqtt');
    const bodies = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat(i * 11)}`);
    client.send(Buffer.concat([CONNECT, SUBSCRIBE, ...bodies.map(publish)]));
    await until(() => messages.length >= 302);
    expect(messages).toHaveLength(302);
    expect(messages.every(({ isBinary }) => isBinary)).toBe(true);
    expect(messages.slice(2).map(({ data }) => data.toString('latin1'))).toEqual(
      bodies.map((body) => publish(body).toString('latin1')),
    );
    for (const { data } of messages) {
      const packets: unknown[] = [];
      const parser = mqttParser();
      parser.on('packet', (packet) => packets.push(packet));
      expect(parser.parse(data)).toBe(0);
      expect(packets).toHaveLength(1);
    }
  });

  it('sends a large body, which leaves in pieces, as one message, and what follows as the next', async () => {
    const { client, messages } = await dial('mqtt');
    const large = publish('y'.repeat(3_000_000));
    client.send(Buffer.concat([CONNECT, SUBSCRIBE]));
    client.send(large);
    client.send(publish('after'));
    await until(() => messages.length === 4);
    expect(messages[2]!.data.equals(large)).toBe(true);
    expect(messages[3]!.data.equals(publish('after'))).toBe(true);
  });

  it.each([
    ['mqtt', '/ws'],
    [undefined, '/ws'],
    [undefined, '/mqtt'],
  ])(
    'is closed by a text message, a sound CONNECT or a sound PUBLISH in it included (sub-protocol %s, %s) [MQTT-6.0.0-1]',
    async (subProtocol, path) => {
      const first = await dial(subProtocol, path);
      first.client.send(CONNECT.toString('latin1'));
      expect((await once(first.client, 'close'))[0]).toBe(1003);
      expect(first.messages).toEqual([]);

      const later = await dial(subProtocol, path);
      later.client.send(Buffer.concat([CONNECT, SUBSCRIBE]));
      await until(() => later.messages.length === 2);
      later.client.send(publish('never').toString('latin1'));
      expect((await once(later.client, 'close'))[0]).toBe(1003);
      expect(later.messages).toHaveLength(2);
      await until(() => broker.connections === 0);
    },
  );
});

describe('STOMP', () => {
  it('sends each frame in a message of its own, as text where it can be', async () => {
    const { client, messages } = await dial('v12.stomp');
    const send = (body: string | Buffer): Buffer =>
      Buffer.concat([
        Buffer.from(`SEND\ndestination:/topic/t\ncontent-length:${Buffer.byteLength(body)}\n\n`),
        Buffer.from(body),
        Buffer.from([0]),
      ]);
    client.send('CONNECT\naccept-version:1.2\nhost:/\n\n\0SUBSCRIBE\nid:1\ndestination:/topic/t\nreceipt:r\n\n\0');
    await until(() => messages.length === 2);
    const bodies = ['plain', 'grüße\0with a NUL', Buffer.from([0xff, 0xfe]), '', 'content-length:3\n\nx\0y'];
    client.send(Buffer.concat([...bodies.map(send), send('z'.repeat(200_000))]));
    await until(() => messages.length === 8);
    const got = messages.slice(2).map(({ data }) => data.toString('latin1'));
    for (const [i, body] of bodies.entries()) {
      expect(got[i]).toMatch(/^MESSAGE\n/);
      expect(got[i]!.replace(/\n$/, '').endsWith(`\n\n${Buffer.from(body).toString('latin1')}\0`)).toBe(true);
    }
    expect(got[5]!.length).toBeGreaterThan(200_000);
    expect(messages.slice(2, 7).map(({ isBinary }) => isBinary)).toEqual([false, false, true, false, false]);
  });

  it('takes text and binary messages', async () => {
    const { client, messages } = await dial('v12.stomp');
    client.send('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
    await until(() => messages.length === 1);
    client.send(Buffer.from('SUBSCRIBE\nid:1\ndestination:/topic/t\nreceipt:r\n\n\0'));
    await until(() => messages.length === 2);
    expect(messages[1]!.data.toString()).toContain('RECEIPT');
  });
});

describe('where packets end', () => {
  const mqttPacket = fc.tuple(fc.constantFrom(0x30, 0x40, 0x90), fc.nat(40_000)).map(([first, length]) => {
    const packet = publish('x'.repeat(length));
    packet[0] = first;
    return packet;
  });
  const value = fc.string({ unit: fc.constantFrom('a', ':', '\\n', '0', 'content-length'), maxLength: 12 });
  const stompFrame = fc
    .tuple(fc.array(value, { maxLength: 4 }), fc.uint8Array({ maxLength: 300 }), fc.boolean())
    .map(([values, body, measured]) => {
      const bytes = measured ? Buffer.from(body) : Buffer.from(body.filter((byte) => byte !== 0));
      const headers = values.map((text, i) => `h${i}:${text}\n`);
      if (measured) headers.push(`content-length:${bytes.length}\n`);
      return Buffer.concat([Buffer.from(`MESSAGE\n${headers.join('')}\n`), bytes, Buffer.from('\0\n')]);
    });
  const heartBeat = fc.constant(Buffer.from('\n'));

  it.each([
    ['MQTT', packetExtent, mqttPacket],
    ['STOMP', frameExtent, fc.oneof(stompFrame, stompFrame, heartBeat)],
  ] as const)('%s: as the packets were put together, wherever the stream is cut', (_, extent, packet) => {
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 8 }), (packets) => {
        const stream = Buffer.concat(packets);
        let at = 0;
        for (const one of packets) {
          expect(extent(stream, at, stream.length)).toBe(one.length);
          for (const cut of [1, 2, 3, one.length - 1]) {
            const partial = extent(stream, at, at + Math.min(cut, one.length));
            // A heart-beat is whole with its only byte.
            expect([0, one.length]).toContain(partial);
          }
          at += one.length;
        }
      }),
      { numRuns: 200 },
    );
  });

  it('MQTT: a length of more than four bytes is none', () => {
    const bytes = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x00, 1, 2]);
    expect(packetExtent(bytes, 0, bytes.length)).toBe(0);
    expect(packetExtent(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01]), 0, 5)).toBe(5 + 2 ** 21);
  });

  it('a stream written in any pieces comes out as the same bytes, in whole messages', () => {
    fc.assert(
      fc.property(fc.array(mqttPacket, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(50_000)), (packets, cuts) => {
        const stream = Buffer.concat(packets);
        const outgoing = new OutgoingMessages({ extent: packetExtent, bytesOnly: true });
        // No piece begins within a packet's head: adapters write those whole.
        const heads = new Set<number>();
        let at = 0;
        for (const { length } of packets) {
          for (let n = 1; n < 5; n++) heads.add(at + n);
          at += length;
        }
        const places = [...new Set([...cuts.filter((cut) => cut < stream.length && !heads.has(cut)), stream.length])];
        places.sort((a, b) => a - b);
        let from = 0;
        const messages: Buffer[] = [];
        let open: Buffer[] = [];
        for (const to of places) {
          for (const { fin, opcode, payload } of unframe(outgoing.frame(stream.subarray(from, to), false))) {
            expect(opcode).toBe(open.length === 0 ? 2 : 0);
            open.push(payload);
            if (!fin) continue;
            messages.push(Buffer.concat(open));
            open = [];
          }
          from = to;
        }
        expect(open).toEqual([]);
        expect(messages.map((m) => m.length)).toEqual(packets.map((p) => p.length));
        expect(Buffer.concat(messages).equals(stream)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

function unframe(bytes: Buffer): { fin: boolean; opcode: number; payload: Buffer }[] {
  const found: { fin: boolean; opcode: number; payload: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    let length = bytes[at + 1]!;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    found.push({ fin: first >= 0x80, opcode: first & 15, payload: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
