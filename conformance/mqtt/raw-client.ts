/**
 * A client that does only what it is told: packets or bytes out, packets in, in the order they came. It answers nothing by
 * itself but what `answers` says, never connects again, and keeps the bytes of what it hears.
 *
 * Packets are made and read with mqtt-packet, an implementation that shares nothing with the broker's own.
 */
import { strict as assert } from 'node:assert';
import { connect as connectTcp, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { within } from '../support/inbox.ts';
import {
  type ConnectOptions,
  codeOf,
  describe,
  type Filter,
  type Level,
  type PublishOptions,
  packetLength,
  type Received,
} from './received.ts';

const ANSWER_TIMEOUT_MS = 6_000;

export class RawClient {
  readonly level: Level;
  /** Whether QoS 1 and 2 messages are acknowledged as they come. PUBREL and its answer are not shown then. */
  answers = true;
  /** Set by `connected`. */
  connack!: Received;
  private readonly socket: Socket;
  private rest: Buffer = Buffer.alloc(0);
  private readonly queue: Received[] = [];
  private wake: () => void = () => {};
  private isClosed = false;
  private broken: Error | undefined;
  private lastId = 0;

  private constructor(socket: Socket, level: Level) {
    this.socket = socket;
    this.level = level;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.take(chunk));
    // A reset is a closing like any other here: how a server closes is its own affair.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
  }

  static async open(port: number, level: Level): Promise<RawClient> {
    const socket = connectTcp(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket, level);
  }

  // ------------------------------------------------------------------------------------------------------------ out

  bytes(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  send(packet: Readonly<Record<string, unknown>>): void {
    this.bytes(this.encode(packet));
  }

  encode(packet: Readonly<Record<string, unknown>>): Buffer {
    return mqttPacket.generate(packet as unknown as Packet, { protocolVersion: this.level });
  }

  connectPacket(options: ConnectOptions): Buffer {
    const { password, answers: _, ...rest } = options;
    return this.encode({
      cmd: 'connect',
      protocolId: this.level === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: this.level,
      clean: true,
      keepalive: 0,
      clientId: '',
      ...rest,
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
    });
  }

  nextId(): number {
    this.lastId = (this.lastId % 65_535) + 1;
    return this.lastId;
  }

  // ------------------------------------------------------------------------------------------------------------- in

  private take(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    for (;;) {
      const length = packetLength(this.rest);
      if (length === undefined || length > this.rest.length) return;
      const bytes = this.rest.subarray(0, length);
      this.rest = this.rest.subarray(length);
      const parser = mqttPacket.parser({ protocolVersion: this.level });
      parser.on('packet', (packet) => this.heard({ properties: {}, ...packet, bytes } as unknown as Received));
      parser.on('error', (error: Error) => {
        this.broken ??= new Error(`the broker sent ${bytes.toString('hex', 0, 64)}: ${error.message}`);
      });
      parser.parse(bytes);
      this.wake();
    }
  }

  private heard(received: Received): void {
    if (this.answers && received.cmd === 'publish') {
      if (received.qos === 1) this.send({ cmd: 'puback', messageId: received.messageId });
      else if (received.qos === 2) this.send({ cmd: 'pubrec', messageId: received.messageId });
    }
    if (this.answers && received.cmd === 'pubrel') this.send({ cmd: 'pubcomp', messageId: received.messageId });
    else this.queue.push(received);
  }

  /** The next packet; rejects if none comes, or the broker closes. */
  async next(what = 'a packet', timeoutMs = ANSWER_TIMEOUT_MS): Promise<Received> {
    await this.awaitChange(() => this.queue.length > 0, what, timeoutMs);
    const received = this.queue.shift();
    if (received === undefined) throw new Error(`the broker closed the connection instead of sending ${what}`);
    return received;
  }

  /** The next packet, which must be of this kind. */
  async expect(cmd: string, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Received> {
    const received = await this.next(cmd, timeoutMs);
    if (received.cmd !== cmd) assert.fail(`expected ${cmd}, got ${describe(received)}`);
    return received;
  }

  /** The next packet of this kind; others that come before it stay, in their order. */
  async expectAmong(cmd: string): Promise<Received> {
    const find = (): number => this.queue.findIndex((received) => received.cmd === cmd);
    await this.awaitChange(() => find() >= 0, cmd, ANSWER_TIMEOUT_MS);
    const at = find();
    if (at < 0) throw new Error(`the broker closed the connection instead of sending ${cmd}`);
    return this.queue.splice(at, 1)[0]!;
  }

  /** Packets that have come and were not looked at yet. */
  get waiting(): readonly Received[] {
    return this.queue;
  }

  /** Waits until the broker has closed the connection; says what it sent before that, as `DISCONNECT 0x81, closed`. */
  async ended(timeoutMs = ANSWER_TIMEOUT_MS): Promise<string> {
    await this.awaitChange(() => this.isClosed, 'the broker to close the connection', timeoutMs);
    return [...this.queue.splice(0).map(describe), 'closed'].join(', ');
  }

  private async awaitChange(holds: () => boolean, what: string, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!holds() && !this.isClosed && this.broken === undefined) {
      await within(
        new Promise<void>((resolve) => {
          this.wake = resolve;
        }),
        Math.max(1, deadlineMs - performance.now()),
        () => `waited ${timeoutMs} ms for ${what}; there came ${this.queue.map(describe).join(', ') || 'nothing'}`,
      );
    }
    if (this.broken !== undefined) throw this.broken;
  }

  // ------------------------------------------------------------------------------------------ what most scenarios do

  /** Sends CONNECT; CONNACK must accept it. */
  async connected(options: ConnectOptions): Promise<this> {
    this.answers = options.answers ?? true;
    this.bytes(this.connectPacket(options));
    this.connack = await this.expect('connack');
    assert.equal(codeOf(this.connack), 0, `CONNACK ${codeOf(this.connack)}`);
    return this;
  }

  async subscribe(...filters: readonly (string | Filter)[]): Promise<readonly number[]> {
    return (await this.subscribeWith({}, ...filters)).granted;
  }

  async subscribeWith(
    properties: Readonly<Record<string, unknown>>,
    ...filters: readonly (string | Filter)[]
  ): Promise<Received> {
    const messageId = this.nextId();
    const subscriptions = filters.map((f) => (typeof f === 'string' ? { topic: f, qos: 0 } : f));
    this.send({ cmd: 'subscribe', messageId, subscriptions, properties });
    const suback = await this.expectAmong('suback');
    assert.equal(suback.messageId, messageId, 'SUBACK names its SUBSCRIBE');
    return suback;
  }

  async unsubscribe(...unsubscriptions: readonly string[]): Promise<Received> {
    const messageId = this.nextId();
    this.send({ cmd: 'unsubscribe', messageId, unsubscriptions });
    const unsuback = await this.expectAmong('unsuback');
    assert.equal(unsuback.messageId, messageId, 'UNSUBACK names its UNSUBSCRIBE');
    return unsuback;
  }

  /** Publishes and goes through the whole exchange that its QoS asks for; gives the last answer. */
  async publish(topic: string, payload: string, options: PublishOptions = {}): Promise<Received | undefined> {
    const qos = options.qos ?? 0;
    const messageId = options.messageId ?? (qos > 0 ? this.nextId() : undefined);
    this.send({ cmd: 'publish', topic, payload, retain: false, dup: false, ...options, qos, messageId });
    if (qos === 0) return undefined;
    const first = await this.expectAmong(qos === 1 ? 'puback' : 'pubrec');
    assert.equal(first.messageId, messageId);
    if (qos === 1 || codeOf(first) >= 0x80) return first;
    this.send({ cmd: 'pubrel', messageId });
    const last = await this.expectAmong('pubcomp');
    assert.equal(last.messageId, messageId);
    return last;
  }

  /** The next message, which must be this one. */
  async message(payload: string, timeoutMs?: number): Promise<Received> {
    const received = await this.expect('publish', timeoutMs);
    assert.equal(received.payload.toString(), payload);
    return received;
  }

  /** A round trip: what was sent before it has been read by the broker. */
  async ping(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.expectAmong('pingresp');
  }

  /** Leaves in order; resolves when the connection is closed. */
  async leave(properties?: Readonly<Record<string, unknown>>, reasonCode = 0): Promise<void> {
    this.send({ cmd: 'disconnect', reasonCode, ...(properties === undefined ? {} : { properties }) });
    this.socket.end();
    await this.awaitChange(() => this.isClosed, 'the connection to close', ANSWER_TIMEOUT_MS);
  }

  /** Cuts the connection without a word; what was not sent yet is not sent. */
  drop(): void {
    this.socket.destroy();
  }

  get closed(): boolean {
    return this.isClosed;
  }

  close(): void {
    this.socket.destroy();
  }
}
