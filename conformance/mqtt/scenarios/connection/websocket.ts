/** MQTT over WebSocket [6], and the two things that a frame is not: a packet, and text. */
import { strict as assert } from 'node:assert';
import { WebSocket } from 'ws';
import { within } from '../../../support/inbox.ts';
import type { Harness } from '../../harness.ts';
import { both, type Scenario } from '../../scenario.ts';
import { connect, none, packet, publish, text, u16 } from '../../wire.ts';
import { nothingBefore } from '../steps.ts';

const WEB = { needs: 'websocket' } as const;

class Web {
  readonly socket: WebSocket;
  private bytes: Buffer = Buffer.alloc(0);
  private isClosed = false;
  private wake: () => void = () => {};

  constructor(url: string, protocols: string[]) {
    this.socket = new WebSocket(url, protocols);
    this.socket.on('message', (data, binary) => {
      assert.ok(binary, 'the server sent text');
      this.bytes = Buffer.concat([this.bytes, data as Buffer]);
      this.wake();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
    this.socket.on('error', () => {});
  }

  async opened(): Promise<this> {
    await within(
      new Promise<void>((resolve, reject) => {
        this.socket.once('open', () => resolve());
        this.socket.once('close', () => reject(new Error('the WebSocket was refused')));
      }),
      5_000,
      () => 'the WebSocket did not open',
    );
    return this;
  }

  private async change(holds: () => boolean, what: string): Promise<void> {
    while (!holds() && !this.isClosed) {
      await within(new Promise<void>((resolve) => (this.wake = resolve)), 5_000, () => `waited for ${what}`);
    }
    assert.ok(holds(), `closed instead of ${what}`);
  }

  /** The next bytes, whatever frames they came in. */
  async take(length: number, what: string): Promise<Buffer> {
    await this.change(() => this.bytes.length >= length, what);
    const taken = this.bytes.subarray(0, length);
    this.bytes = this.bytes.subarray(length);
    return taken;
  }

  /** What has come and was not taken. */
  get left(): Buffer {
    return this.bytes;
  }

  async ended(): Promise<void> {
    if (!this.isClosed) await this.change(() => this.isClosed, 'the end');
  }

  close(): void {
    this.socket.terminate();
  }
}

async function web(harness: Harness): Promise<Web> {
  return harness.closing(await new Web(harness.target.wsMqttUrl, ['mqtt']).opened());
}

/** CONNECT, SUBSCRIBE and PUBLISH, and how long the answers are: CONNACK's length is in its second byte. */
function conversation(harness: Harness): Buffer[] {
  const { level } = harness;
  return [
    connect({ level, payload: [text(harness.id('web'))] }),
    packet(0x82, u16(1), none(level), text(harness.topic()), 0),
    publish(level, 0x30, harness.topic(), undefined, 'over the web'),
  ];
}

async function answered(harness: Harness, socket: Web): Promise<void> {
  const [, length] = await socket.take(2, 'CONNACK');
  const connack = await socket.take(length!, 'CONNACK');
  assert.equal(connack[1], 0);
  const suback = await socket.take(5 + none(harness.level).length, 'SUBACK');
  assert.equal(suback[0], 0x90);
  const expected = publish(harness.level, 0x30, harness.topic(), undefined, 'over the web');
  assert.deepEqual(await socket.take(expected.length, 'PUBLISH'), expected);
}

export const WEBSOCKET: readonly Scenario[] = [
  ...both(
    'the sub-protocol is mqtt',
    '6.0.0-3 6.0.0-4',
    '6.0.0-3 6.0.0-4',
    async (harness) => {
      const socket = harness.closing(await new Web(harness.target.wsMqttUrl, ['other', 'mqtt']).opened());
      assert.equal(socket.socket.protocol, 'mqtt');
    },
    WEB,
  ),
  ...both(
    'several packets in one frame',
    '6.0.0-2',
    '6.0.0-2',
    async (harness) => {
      const socket = await web(harness);
      socket.socket.send(Buffer.concat(conversation(harness)));
      await answered(harness, socket);
    },
    WEB,
  ),
  ...both(
    'one packet in many frames',
    '6.0.0-2',
    '6.0.0-2',
    async (harness) => {
      const socket = await web(harness);
      for (const byte of Buffer.concat(conversation(harness))) socket.socket.send(Buffer.from([byte]));
      await answered(harness, socket);
    },
    WEB,
  ),
  ...both(
    'one message in many fragments',
    '6.0.0-2',
    '6.0.0-2',
    async (harness) => {
      const socket = await web(harness);
      const all = Buffer.concat(conversation(harness));
      for (let at = 0; at < all.length; at += 3) {
        socket.socket.send(all.subarray(at, at + 3), { binary: true, fin: at + 3 >= all.length });
      }
      await answered(harness, socket);
    },
    WEB,
  ),
  ...both(
    'a CONNECT in a text frame ends the connection',
    '6.0.0-1',
    '6.0.0-1',
    async (harness) => {
      const socket = await web(harness);
      // Sound in itself, and text: nothing else is wrong with it.
      socket.socket.send(conversation(harness)[0]!.toString('latin1'), { binary: false });
      await socket.ended();
      assert.equal(socket.left.length, 0, 'it was answered');
    },
    WEB,
  ),
  ...both(
    'a PUBLISH in a text frame ends the connection, and reaches nobody',
    '6.0.0-1',
    '6.0.0-1',
    async (harness) => {
      const subscriber = await harness.connect();
      await subscriber.subscribe(harness.topic());
      const socket = await web(harness);
      const [hello, , message] = conversation(harness);
      socket.socket.send(hello!);
      const [, length] = await socket.take(2, 'CONNACK');
      await socket.take(length!, 'CONNACK');
      const words = message!.toString('latin1');
      assert.ok(Buffer.from(words, 'utf8').equals(message!), 'the same bytes as text');
      socket.socket.send(words, { binary: false });
      await socket.ended();
      await nothingBefore(subscriber, await harness.connect(), harness.topic());
    },
    WEB,
  ),
  ...both(
    'a large message in both directions',
    '6.0.0-2',
    '6.0.0-2',
    async (harness) => {
      const socket = await web(harness);
      const topic = harness.topic();
      socket.socket.send(Buffer.concat(conversation(harness)));
      await answered(harness, socket);
      const large = publish(harness.level, 0x30, topic, undefined, 'x'.repeat(300_000));
      socket.socket.send(large);
      assert.ok((await socket.take(large.length, 'a large PUBLISH')).equals(large));
    },
    WEB,
  ),
];
