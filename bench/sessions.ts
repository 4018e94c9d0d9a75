/**
 * `node bench/sessions.ts [--sessions N]`: what MQTT sessions cost whose clients are away: 100,000 unless said, each with one
 * QoS 1 subscription. Prints the resident memory of each, how long a start takes after a kill, and whether sessions taken here
 * and there among them still have their subscription and what was published to it meanwhile.
 */
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { connect as connectPacket, packet, publish, text, u16 } from '../conformance/mqtt/wire.ts';
import { type EntrepotPeer, startEntrepot } from '../conformance/peers/index.ts';

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '100000' } } });
const sessions = Number(values.sessions);
if (!(sessions >= 100)) {
  console.error(`--sessions takes a number from 100 on, not "${values.sessions}"`);
  process.exit(2);
}

/** Connections at a time. */
const AT_ONCE = 100;
const CONNACK = 0x20;
const PUBLISH = 0x30;
const PUBACK = 0x40;
const SUBACK = 0x90;

/** A client that hears one packet after the other. */
class Client {
  private readonly socket: Socket;
  private rest = Buffer.alloc(0);
  private waiting: ((first: Buffer) => void) | undefined;
  private readonly heard: Buffer[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', (error) => {
      console.error(`a connection failed: ${error.message}`);
      process.exit(1);
    });
    this.socket.on('data', (chunk) => {
      this.rest = Buffer.concat([this.rest, chunk]);
      // All that is heard here is shorter than 128 bytes.
      while (this.rest.length >= 2 && this.rest.length >= 2 + this.rest[1]!) {
        const whole = this.rest.subarray(0, 2 + this.rest[1]!);
        this.rest = this.rest.subarray(whole.length);
        const waiting = this.waiting;
        this.waiting = undefined;
        if (waiting === undefined) this.heard.push(whole);
        else waiting(whole);
      }
    });
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next packet, which must be of this kind. */
  async expect(kind: number): Promise<Buffer> {
    const got = this.heard.shift() ?? (await new Promise<Buffer>((resolve) => (this.waiting = resolve)));
    if ((got[0]! & 0xf0) === kind) return got;
    throw new Error(`a packet 0x${got[0]!.toString(16)} where 0x${kind.toString(16)} was expected`);
  }

  /** Returns whether the broker knew the session. */
  async enter(name: string, clean: boolean): Promise<boolean> {
    const payload = [text(name), text('guest'), text('guest')];
    this.send(connectPacket({ level: 4, flags: clean ? 0xc2 : 0xc0, payload }));
    return (await this.expect(CONNACK))[2] === 1;
  }

  leave(): void {
    this.socket.end(packet(0xe0));
  }
}

async function make(port: number, index: number): Promise<void> {
  const client = new Client(port);
  await client.enter(`away-${index}`, false);
  client.send(packet(0x82, u16(1), text(`field/${index}/+`), 1));
  await client.expect(SUBACK);
  client.leave();
}

async function residentBytes(peer: EntrepotPeer): Promise<number> {
  const status = await readFile(`/proc/${peer.pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** When the broker has had time to give back what it does not need. */
async function settledBytes(peer: EntrepotPeer): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  return residentBytes(peer);
}

const each = (bytes: number): string => `${(bytes / sessions / 1000).toFixed(2)} KB each`;

const peer = await startEntrepot();
try {
  await make(peer.mqttPort, sessions); // what the first one costs once
  const before = await settledBytes(peer);
  const startedMs = performance.now();
  for (let from = 0; from < sessions; from += AT_ONCE) {
    const some = Math.min(AT_ONCE, sessions - from);
    await Promise.all(Array.from({ length: some }, (_, i) => make(peer.mqttPort, from + i)));
  }
  console.log(`${sessions} sessions made in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  console.log(`away:                  ${each((await settledBytes(peer)) - before)}`);

  const sample = [0, sessions >> 2, sessions >> 1, sessions - 1];
  const publisher = new Client(peer.mqttPort);
  await publisher.enter('publisher', true);
  for (const index of sample) {
    publisher.send(publish(4, 0x32, `field/${index}/x`, 1, `to ${index}`));
    await publisher.expect(PUBACK);
  }
  await peer.kill();
  const downMs = performance.now();
  await peer.restart();
  console.log(`start after a kill -9: ${((performance.now() - downMs) / 1000).toFixed(1)} s`);
  console.log(`away, after the start: ${each((await settledBytes(peer)) - before)}`);
  for (const index of sample) {
    const client = new Client(peer.mqttPort);
    if (!(await client.enter(`away-${index}`, false))) throw new Error(`session ${index} is gone`);
    const message = await client.expect(PUBLISH);
    if (!message.toString('latin1').endsWith(`to ${index}`)) throw new Error(`session ${index} got something else`);
    client.leave();
  }
  console.log(`${sample.length} of them taken up again: each has its subscription and its message`);
} finally {
  await peer.stop();
}
process.exit(0);
