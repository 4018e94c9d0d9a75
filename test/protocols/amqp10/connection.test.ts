/** How connections of AMQP 1.0 begin and end: headers, SASL, open, errors, what an operator does. [AMQP 1.0 §2.2, §2.4, §5.3] */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as descriptors from '../../../protocols/amqp10/codec/descriptors.ts';
import { descriptorCode } from '../../../protocols/amqp10/codec/descriptors.ts';
import { FrameParser } from '../../../protocols/amqp10/codec/frame-parser.ts';
import { FrameWriter } from '../../../protocols/amqp10/codec/frame-writer.ts';
import { beginValue, openValue, UINT_MAX } from '../../../protocols/amqp10/codec/performatives.ts';
import { saslInitValue } from '../../../protocols/amqp10/codec/sasl.ts';
import { ValueReader } from '../../../protocols/amqp10/codec/value-reader.ts';
import { type AmqpValue, composite, entryOf, textValue } from '../../../protocols/amqp10/codec/values.ts';
import { ScramClient } from '../../auth/scram-client.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { Client, settle } from './client.ts';

const SASL = Buffer.from('AMQP\x03\x01\0\0', 'latin1');
const PLAIN = Buffer.from('AMQP\0\x01\0\0', 'latin1');
const frames = new FrameWriter();

let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker({
    users: {
      guest: {
        password: 'guest',
        tags: ['administrator'],
        permissions: { '/': { configure: '.*', write: '.*', read: '.*' } },
      },
      writer: { password: 'w', permissions: { '/': { configure: '', write: '^allowed$', read: '' } } },
      reader: { password: 'r', permissions: { '/': { configure: '', write: '', read: '^allowed$' } } },
    },
  });
});

afterAll(() => broker.close());

const sasl = (value: AmqpValue): Buffer => Buffer.from(frames.frame(0, value, undefined, 1));
const amqp = (value: AmqpValue, channel = 0): Buffer => Buffer.from(frames.frame(channel, value));
const login = (user: string, password: string): Buffer =>
  sasl(saslInitValue({ mechanism: 'PLAIN', initialResponse: Buffer.from(`\0${user}\0${password}`) }));
const open = (more: object = {}): Buffer =>
  amqp(
    openValue({
      containerId: 'test',
      maxFrameSize: UINT_MAX,
      channelMax: 0xffff,
      outgoingLocales: [],
      incomingLocales: [],
      offeredCapabilities: [],
      desiredCapabilities: [],
      ...more,
    }),
  );
const begin = (channel: number): Buffer =>
  amqp(
    beginValue({
      nextOutgoingId: 0,
      incomingWindow: 100,
      outgoingWindow: 100,
      handleMax: 100,
      offeredCapabilities: [],
      desiredCapabilities: [],
    }),
    channel,
  );

/** What the broker has said: headers as they are, frames by their descriptor with the error that they tell. */
async function said(socket: Socket): Promise<string[]> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  let bytes = Buffer.concat(chunks);
  const heard: string[] = [];
  const reader = new ValueReader();
  while (bytes.length > 0) {
    if (bytes.toString('latin1', 0, 4) === 'AMQP') {
      heard.push(`AMQP ${bytes[4]}`);
      bytes = bytes.subarray(8);
      continue;
    }
    const size = bytes.readUInt32BE(0);
    new FrameParser(
      {
        frame(_type, _channel, buffer, start, end) {
          reader.begin(buffer, start, end);
          const value = reader.value() as unknown as { descriptor: { value: bigint }; value: { value: AmqpValue[] } };
          heard.push(describeFrame(Number(value.descriptor.value), value.value.value));
          return true;
        },
        frameGone() {},
        frameError(reason) {
          heard.push(reason);
        },
      },
      1 << 20,
    ).read(bytes, 0, size);
    bytes = bytes.subarray(size);
  }
  return heard;
}

/** The fields of the next SASL frame of this kind. */
function saslFrame(socket: Socket, code: number): Promise<readonly AmqpValue[]> {
  return new Promise((resolve) => {
    const parser = new FrameParser(
      {
        frame(_type, _channel, buffer, start, end) {
          const reader = new ValueReader().begin(buffer, start, end);
          if (descriptorCode(reader.descriptor()) !== code) return true;
          const list = reader.value();
          socket.off('data', read);
          resolve(typeof list === 'object' && list?.type === 'list' ? list.value : []);
          return true;
        },
        frameGone() {},
        frameError() {},
      },
      1 << 20,
    );
    const read = (chunk: Buffer): void => {
      const at = chunk.toString('latin1', 0, 4) === 'AMQP' ? 8 : 0;
      parser.read(chunk, at, chunk.length);
    };
    socket.on('data', read);
  });
}

const NAMES: Readonly<Record<number, string>> = {
  [descriptors.OPEN]: 'open',
  [descriptors.BEGIN]: 'begin',
  [descriptors.CLOSE]: 'close',
  [descriptors.SASL_MECHANISMS]: 'mechanisms',
  [descriptors.SASL_OUTCOME]: 'outcome',
};

function describeFrame(code: number, fields: readonly AmqpValue[]): string {
  const name = NAMES[descriptorCode(code)] ?? String(code);
  if (name === 'outcome') return `outcome ${(fields[0] as { value: number }).value}`;
  if (name === 'open')
    return entryOf(fields[9], 'amqp:connection-establishment-failed') === true ? 'open, failed' : 'open';
  if (name !== 'close') return name;
  const error = fields[0] as { value: { value: AmqpValue[] } } | undefined;
  return error === undefined ? 'close' : `close ${textValue(error.value.value[0])}`;
}

async function converse(...parts: readonly Buffer[]): Promise<string[]> {
  const socket = connect(broker.ports.amqp, '127.0.0.1');
  const heard = said(socket);
  socket.write(Buffer.concat(parts));
  return heard;
}

describe('headers [§2.2]', () => {
  test('a client may send all of its part at once', async () => {
    const close = amqp({
      type: 'described',
      descriptor: { type: 'ulong', value: 0x18n },
      value: { type: 'list', value: [] },
    });
    expect(await converse(SASL, login('guest', 'guest'), PLAIN, open(), begin(0), close)).toEqual([
      ...['AMQP 3', 'mechanisms', 'outcome 0', 'AMQP 0', 'open', 'begin', 'close'],
    ]);
  });

  test('in any pieces', async () => {
    const socket = connect(broker.ports.amqp, '127.0.0.1');
    socket.setNoDelay(true);
    const heard = said(socket);
    const close = amqp({
      type: 'described',
      descriptor: { type: 'ulong', value: 0x18n },
      value: { type: 'list', value: [] },
    });
    for (const byte of Buffer.concat([SASL, login('guest', 'guest'), PLAIN, open(), close])) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect(await heard).toEqual(['AMQP 3', 'mechanisms', 'outcome 0', 'AMQP 0', 'open', 'close']);
  });

  test('TLS within the stream is answered with what is spoken, and closed', async () => {
    expect(await converse(Buffer.from('AMQP\x02\x01\0\0', 'latin1'))).toEqual(['AMQP 3']);
  });

  test('AMQP 0-9-1 is still spoken on the port, and what is neither is told the header of that', async () => {
    const socket = connect(broker.ports.amqp, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1')).toBe('AMQP\0\0\x09\x01');
    socket.destroy();
  });
});

describe('who it is [§5.3]', () => {
  test('a wrong password is told, and the connection ends', async () => {
    expect(await converse(SASL, login('guest', 'wrong'))).toEqual(['AMQP 3', 'mechanisms', 'outcome 1']);
  });

  test('a mechanism that there is not is refused', async () => {
    expect(await converse(SASL, sasl(saslInitValue({ mechanism: 'GSSAPI' })))).toEqual([
      'AMQP 3',
      'mechanisms',
      'outcome 1',
    ]);
  });

  test('who may not come without a name is told so without SASL, in an open that has failed', async () => {
    expect(await converse(PLAIN, open())).toEqual(['AMQP 0', 'open, failed', 'close amqp:unauthorized-access']);
  });

  test('SCRAM-SHA-256: who knows the password is let in, and the broker has proved that it knows it', async () => {
    for (const [password, outcome] of [
      ['guest', 0],
      ['wrong', 1],
    ] as const) {
      const scram = new ScramClient('guest', password);
      const socket = connect(broker.ports.amqp, '127.0.0.1');
      socket.write(
        Buffer.concat([SASL, sasl(saslInitValue({ mechanism: 'SCRAM-SHA-256', initialResponse: scram.first }))]),
      );
      const fields = await saslFrame(socket, descriptors.SASL_CHALLENGE);
      const response = { type: 'binary', value: scram.last((fields[0] as { value: Buffer }).value) } as const;
      socket.write(sasl(composite(descriptors.SASL_RESPONSE, [response])));
      const [code, proof] = await saslFrame(socket, descriptors.SASL_OUTCOME);
      expect((code as { value: number }).value).toBe(outcome);
      if (outcome === 0) expect(scram.trusts((proof as { value: Buffer }).value)).toBe(true);
      socket.destroy();
    }
  });

  test('the header of AMQP itself is not taken before SASL has ended', async () => {
    expect(await converse(SASL, PLAIN)).toContain('AMQP 3');
  });

  test('frames before open are refused', async () => {
    expect(await converse(SASL, login('guest', 'guest'), PLAIN, begin(0))).toEqual([
      ...['AMQP 3', 'mechanisms', 'outcome 0', 'AMQP 0', 'open, failed', 'close amqp:not-allowed'],
    ]);
  });
});

describe('open [§2.7.1]', () => {
  test('the vhost is in its hostname, and one that is not there is told', async () => {
    const heard = await converse(SASL, login('guest', 'guest'), PLAIN, open({ hostname: 'vhost:nowhere' }));
    expect(heard.slice(-2)).toEqual(['open, failed', 'close amqp:not-found']);
  });

  test('a container-id that a client wants for itself is not given twice', async () => {
    const options = { container_id: 'only', desired_capabilities: ['sole-connection-for-container'] };
    const one = await Client.connect(broker.ports.amqp, options);
    const sole = open({ containerId: 'only', desiredCapabilities: ['sole-connection-for-container'] });
    const heard = await converse(SASL, login('guest', 'guest'), PLAIN, sole);
    expect(heard.slice(-2)).toEqual(['open, failed', 'close amqp:invalid-field']);
    await one.close();
    const again = await Client.connect(broker.ports.amqp, options);
    await again.close();
  });
});

describe('errors', () => {
  test('a frame that is larger than it may be, or no frame at all, ends the connection', async () => {
    const heard = await converse(SASL, login('guest', 'guest'), PLAIN, open(), Buffer.from('ffffffff02000000', 'hex'));
    expect(heard.slice(-2)).toEqual(['open', 'close amqp:connection:framing-error']);
  });

  test('bytes that are no performative are told as that', async () => {
    const heard = await converse(
      SASL,
      login('guest', 'guest'),
      PLAIN,
      open(),
      Buffer.from('0000000a020000000157', 'hex').subarray(0, 10),
    );
    expect(heard.at(-1)).toBe('close amqp:decode-error');
  });

  test('a session that is not there', async () => {
    const heard = await converse(
      ...[SASL, login('guest', 'guest'), PLAIN, open()],
      amqp({ type: 'described', descriptor: { type: 'ulong', value: 0x13n }, value: { type: 'list', value: [] } }, 5),
    );
    expect(heard.at(-1)).toBe('close amqp:not-allowed');
  });
});

describe('permissions', () => {
  test('who may not write, read or declare is refused the link, and the connection goes on', async () => {
    const guest = await Client.connect(broker.ports.amqp);
    await guest.sender('allowed');
    const writer = await Client.connect(broker.ports.amqp, { username: 'writer', password: 'w' });
    await writer.sender('/queues/allowed').catch(() => {});
    await expect(writer.receiver('/queues/allowed')).rejects.toThrow('amqp:unauthorized-access');
    await expect(writer.sender('new')).rejects.toThrow('amqp:unauthorized-access');
    expect(writer.connection.is_open()).toBe(true);
    const reader = await Client.connect(broker.ports.amqp, { username: 'reader', password: 'r' });
    await reader.receiver('/queues/allowed');
    await expect(reader.sender('/exchanges/amq.topic/a')).rejects.toThrow('amqp:unauthorized-access');
    for (const client of [guest, writer, reader]) await client.close();
  });

  test('a message that says that somebody else has sent it is rejected', async () => {
    const guest = await Client.connect(broker.ports.amqp);
    const sender = await guest.sender('allowed');
    expect(await guest.send(sender, { body: 'x', user_id: 'somebody' })).toEqual({
      outcome: 'rejected',
      condition: 'amqp:unauthorized-access',
    });
    await guest.close();
  });
});

describe('what an operator does', () => {
  test('sees the connection for what it is, and its consumers', async () => {
    const client = await Client.connect(broker.ports.amqp, { container_id: 'seen' });
    await client.receiver('watched');
    const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };
    const answer = await fetch(`http://127.0.0.1:${broker.ports.http}/api/connections`, { headers });
    const connections = (await answer.json()) as { protocol: string; user: string }[];
    expect(connections.find(({ protocol }) => protocol === 'AMQP 1.0')).toMatchObject({ user: 'guest' });
    await client.close();
  });

  test('a queue that is deleted detaches its readers', async () => {
    const client = await Client.connect(broker.ports.amqp);
    const receiver = await client.receiver('goes');
    const ended = settle(receiver, 'never', ['receiver_error']);
    ended.catch(() => {});
    await fetch(`http://127.0.0.1:${broker.ports.http}/api/queues/%2F/goes`, {
      method: 'DELETE',
      headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
    });
    await expect(ended).rejects.toThrow('amqp:resource-deleted');
    expect(client.connection.is_open()).toBe(true);
    await client.close();
  });

  test('a broker that stops says so', async () => {
    const other = await startTestBroker();
    const client = await Client.connect(other.ports.amqp);
    const ended = settle(client.connection, 'never', ['connection_error', 'disconnected']);
    ended.catch(() => {});
    await other.close();
    await expect(ended).rejects.toThrow('amqp:connection:forced');
  });
});
