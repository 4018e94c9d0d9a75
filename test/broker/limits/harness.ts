/** A broker with limits, clients of each protocol that come and are turned away, and what the metrics say of it. */
import { connect as dial, type Socket } from 'node:net';
import amqp, { type ChannelModel } from 'amqplib';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { GREETING, method, short, u8, u16, u32 } from '../../../conformance/amqp/clients/frames.ts';
import { clientProperties, plain } from '../../../conformance/amqp/clients/raw.ts';
import type { BrokerOptions } from '../../../src/index.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };

/** CONNECT of 3.1.1 and of 5.0, for a session that ends with its connection; the last byte is the client's identifier. */
export const MQTT_3 = Buffer.from('100d00044d5154540402000a000161', 'hex');
export const MQTT_5 = Buffer.from('100e00044d5154540502000a00000162', 'hex');
export const STOMP = 'CONNECT\naccept-version:1.2\nhost:/\nheart-beat:0,0\n\n\0';

/** Two users, `a` and `b`, who may do all. */
export const USERS = {
  users: {
    a: { password: 'a', permissions: { '/': ALL } },
    b: { password: 'b', permissions: { '/': ALL } },
  },
} as const;

export class LimitedBroker {
  broker!: TestBroker;
  /** What clients were told when their connections were ended. */
  readonly errors: string[] = [];
  private readonly sockets: Socket[] = [];
  readonly models: ChannelModel[] = [];
  private readonly devices: MqttClient[] = [];

  async start(options: BrokerOptions = {}): Promise<void> {
    const listen = ['amqp', 'mqtt', 'stomp', 'http', 'redis', 'ws'].map((name) => `${name}://127.0.0.1:0`);
    this.broker = await startTestBroker({ listen, ...options });
  }

  async close(): Promise<void> {
    // Whoever is held back by a clock that stands still goes on, and can leave.
    this.broker.setLimits({});
    for (const model of this.models) await model.close().catch(() => {});
    for (const device of this.devices) device.end(true);
    for (const socket of this.sockets) socket.destroy();
    await this.broker.close();
  }

  /** @param port default: of the first listener for AMQP */
  async amqp(user = 'guest', port = this.broker.port('amqp')): Promise<ChannelModel> {
    const model = await amqp.connect(`amqp://${user}:${user}@127.0.0.1:${port}`);
    model.on('error', (error: Error) => this.errors.push(error.message));
    this.models.push(model);
    return model;
  }

  async mqtt(options: IClientOptions = {}, port = this.broker.port('mqtt')): Promise<MqttClient> {
    const all = { reconnectPeriod: 0, protocolVersion: 5, ...options } as const;
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, all, false);
    device.on('error', () => {});
    this.devices.push(device);
    return device;
  }

  /** What the broker says to these bytes, up to `enough` of it or its end. */
  said(port: number, bytes: string | Buffer, enough: (text: string) => boolean = () => false): Promise<string> {
    return new Promise((resolve) => {
      const socket = dial(port, '127.0.0.1', () => socket.write(bytes));
      this.sockets.push(socket);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (enough(text)) resolve(text);
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
  }

  /** What a client of each protocol is told that comes in when it may not: AMQP's, STOMP's and Redis' text, MQTT's code by version. */
  async refusals(): Promise<{ amqp: string; stomp: string; redis: string; mqtt3: number; mqtt5: number }> {
    const port = (name: string) => this.broker.port(name);
    const opening = [
      GREETING,
      method(0, 'connection.start-ok', clientProperties([]), short('PLAIN'), plain('guest', 'guest'), short('en_US')),
      method(0, 'connection.tune-ok', u16(2047), u32(131_072), u16(0)),
      method(0, 'connection.open', short('/'), short(''), u8(0)),
    ];
    const connack = async (bytes: Buffer) =>
      (await this.said(port('mqtt'), bytes, (text) => text.length >= 4)).charCodeAt(3);
    return {
      amqp: await this.said(port('amqp'), Buffer.concat(opening), (text) => text.includes('is reached')),
      stomp: await this.said(port('stomp'), STOMP, (text) => text.includes('\0')),
      redis: await this.said(port('redis'), 'AUTH guest guest\r\n', (text) => text.includes('\n')),
      mqtt3: await connack(MQTT_3),
      mqtt5: await connack(MQTT_5),
    };
  }

  /** How often a limit has refused something. @param protocol undefined: in all */
  async refused(limit: string, protocol?: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.broker.ports.http}/metrics`)).text();
    const sample =
      protocol === undefined
        ? `entrepot_limit_refusals_total\\{limit="${limit}"\\}`
        : `entrepot_protocol_limit_refusals_total\\{limit="${limit}",protocol="${protocol.replaceAll('+', '\\+')}"\\}`;
    return Number(new RegExp(`^${sample} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  }
}
