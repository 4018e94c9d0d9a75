/**
 * An MQTT client that does nothing by itself: it sends what it is told and shows what came, packet by packet, so that a
 * test can withhold an acknowledgement, break off between two packets, or break the rules.
 */
import { connect, type Socket } from 'node:net';
import * as wire from 'mqtt-packet';
import { until } from '../../support/until.ts';

export class RawClient {
  readonly packets: wire.Packet[] = [];
  closed = false;
  private readonly socket: Socket;

  /** Of 5.0: the reason of CONNACK, and what else it said. */
  connack: wire.IConnackPacket | undefined;
  private readonly version: 3 | 4 | 5;

  private constructor(socket: Socket, version: 3 | 4 | 5) {
    this.socket = socket;
    this.version = version;
    const parser = wire.parser({ protocolVersion: version });
    parser.on('packet', (packet) => this.packets.push(packet));
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async dial(port: number, version: 3 | 4 | 5 = 4): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    const client = new RawClient(socket, version);
    await new Promise<void>((done, failed) => {
      socket.once('connect', done);
      socket.once('error', failed);
    });
    return client;
  }

  /** Dials and says CONNECT; resolves with the client once CONNACK 0 has come. */
  static async connect(port: number, clientId: string, options: Partial<wire.IConnectPacket> = {}): Promise<RawClient> {
    const client = await RawClient.dial(port, (options.protocolVersion ?? 4) as 3 | 4 | 5);
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId,
      clean: true,
      keepalive: 0,
      ...options,
    });
    const connack = await client.next('connack');
    const code = connack.returnCode ?? connack.reasonCode;
    if (code !== 0) throw new Error(`CONNACK ${code}`);
    client.connack = connack;
    client.sessionPresent = connack.sessionPresent;
    return client;
  }

  sessionPresent = false;

  send(packet: wire.Packet): void {
    this.socket.write(wire.generate(packet, { protocolVersion: this.version }));
  }

  raw(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Takes the oldest packet of a kind that has not been taken; waits for it. */
  async next<C extends wire.Packet['cmd']>(cmd: C): Promise<Extract<wire.Packet, { cmd: C }>> {
    const at = (): number => this.packets.findIndex((packet) => packet.cmd === cmd);
    await until(() => at() >= 0 || this.closed, `a ${cmd}`);
    const [packet] = this.packets.splice(at(), at() < 0 ? 0 : 1);
    if (packet === undefined) throw new Error(`closed before a ${cmd} came`);
    return packet as Extract<wire.Packet, { cmd: C }>;
  }

  /** Everything sent before has been dealt with, and its direct answers have come. */
  async settle(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  async subscribe(
    topic: string,
    qos: 0 | 1 | 2,
    messageId = 1,
    more: Partial<wire.ISubscription> = {},
    properties: wire.ISubscribePacket['properties'] = {},
  ): Promise<number> {
    const subscription = { topic, qos, nl: false, rap: false, rh: 0, ...more };
    this.send({ cmd: 'subscribe', messageId, subscriptions: [subscription], properties });
    const suback = await this.next('suback');
    if (suback.messageId !== messageId) throw new Error(`SUBACK ${suback.messageId} for ${messageId}`);
    return suback.granted[0] as number;
  }

  publish(
    topic: string,
    payload: string | Buffer,
    qos: 0 | 1 | 2 = 0,
    messageId = 0,
    more: Partial<wire.IPublishPacket> = {},
  ): void {
    this.send({ cmd: 'publish', topic, payload, qos, messageId, dup: false, retain: false, ...more });
  }

  /** Breaks off without a word. */
  async vanish(): Promise<void> {
    this.socket.resetAndDestroy();
    await until(() => this.closed, 'the socket to close');
  }

  /** DISCONNECT, and waits until the broker has closed. */
  async leave(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await until(() => this.closed, 'the broker to close');
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}
