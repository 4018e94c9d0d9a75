/** A shop and a plant at work on a broker: orders, payments and sensors over three protocols, for the pictures of the console. */
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import amqp, { type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';
import mqtt, { type MqttClient } from 'mqtt';
import stompit from 'stompit';
import type { EntrepotPeer } from '../../conformance/peers/entrepot.ts';

export const ADMINISTRATOR = 'anna';
export const PASSWORD = 'demo';

/** Those who work, with what they may; anna sees to it. */
const USERS: Readonly<Record<string, { tags?: string; may?: readonly [string, string, string] }>> = {
  anna: { tags: 'administrator' },
  'orders-api': { may: ['^orders', '^(orders|payments)', '^orders'] },
  'payments-worker': { may: ['^(orders|payments)', '.*', '.*'] },
  warehouse: {},
  'plant-gateway': { may: ['^mqtt-', '^(amq\\.topic|mqtt-.*)$', '^(amq\\.topic|mqtt-.*)$'] },
  reports: { tags: 'management', may: ['^reports', '^reports', '.*'] },
  grafana: { tags: 'monitoring', may: ['', '', ''] },
};

const TICK_MS = 100;
const ERRORS = [
  'card declined: insufficient funds',
  'bank gateway timed out after 5 s',
  'bank gateway timed out after 5 s',
  'currency not supported: XTS',
];
const COUNTRIES = ['de', 'fr', 'us', 'nl', 'pl', 'jp'];
const HALLS = ['hall-1', 'hall-2', 'press-shop'];
const MACHINES = ['oven-1', 'oven-2', 'press-7', 'robot-3'];

const pick = <T>(of: readonly T[], n: number): T => of[n % of.length]!;
/** The same numbers each time. */
const noise = (n: number): number => (Math.sin(n * 12.9898) * 43758.5453) % 1;

export class Demo {
  private readonly peer: EntrepotPeer;
  private readonly connections: ChannelModel[] = [];
  private readonly sensors: MqttClient[] = [];
  private readonly timers: NodeJS.Timeout[] = [];
  private endStomp = (): void => {};
  private sent = 0;
  private stopped = false;

  constructor(peer: EntrepotPeer) {
    this.peer = peer;
  }

  async start(): Promise<void> {
    await this.people();
    await this.shop();
    await this.plant();
    await this.stomp();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearInterval(timer);
    this.endStomp();
    await Promise.all(this.sensors.map((one) => one.endAsync(true)));
    await Promise.all(this.connections.map((one) => one.close().catch(() => {})));
  }

  /** As guest, who is there until there are others. */
  async api(method: string, path: string, body: unknown = {}, login = `${ADMINISTRATOR}:${PASSWORD}`): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.peer.httpPort}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(login).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  private async people(): Promise<void> {
    let login = 'guest:guest';
    for (const [name, { tags = '', may = ['.*', '.*', '.*'] }] of Object.entries(USERS)) {
      await this.api('PUT', `/api/users/${name}`, { password: PASSWORD, tags }, login);
      login = `${ADMINISTRATOR}:${PASSWORD}`;
      const [configure, write, read] = may;
      await this.api('PUT', `/api/permissions/%2F/${name}`, { configure, write, read });
    }
    await this.api('PUT', '/api/topic-permissions/%2F/plant-gateway', {
      ...{ exchange: 'amq.topic', write: '^plant\\.', read: '^(plant|command)\\.' },
    });
    await this.api('PUT', '/api/vhosts/staging');
    await this.api('PUT', '/api/permissions/staging/anna', { configure: '.*', write: '.*', read: '.*' });
    await this.api('PUT', '/api/policies/%2F/dead-letters', {
      ...{ pattern: '^payments\\.(charge|refund)$', 'apply-to': 'queues', priority: 10 },
      definition: { 'dead-letter-exchange': 'payments.failed', passport: true, 'delivery-limit': 5 },
    });
    await this.api('PUT', '/api/policies/%2F/noted', {
      ...{ pattern: '^payments\\.dead$', 'apply-to': 'queues', priority: 5 },
      definition: { passport: true },
    });
    await this.api('PUT', '/api/policies/%2F/bounded', {
      ...{ pattern: '^(emails|reports)', 'apply-to': 'queues', priority: 0 },
      definition: { 'max-length': 100_000, 'message-ttl': 86_400_000 },
    });
  }

  private async client(user: string, name: string): Promise<Channel> {
    const connection = await amqp.connect(`amqp://${user}:${PASSWORD}@127.0.0.1:${this.peer.amqpPort}`, {
      clientProperties: { connection_name: name, product: 'amqplib', version: '2.3.1' },
    });
    connection.on('error', () => {});
    this.connections.push(connection);
    return connection.createChannel();
  }

  private every(ms: number, act: () => void): void {
    this.timers.push(setInterval(act, ms));
  }

  private later(ms: number, act: () => void): void {
    setTimeout(() => {
      if (!this.stopped) act();
    }, ms);
  }

  private async shop(): Promise<void> {
    const setup = await this.client(ADMINISTRATOR, 'setup');
    await setup.assertExchange('orders', 'topic');
    await setup.assertExchange('payments', 'direct');
    await setup.assertExchange('payments.failed', 'fanout');
    await setup.assertExchange('notifications', 'fanout');
    for (const name of ['orders.new', 'orders.eu', 'orders.us', 'warehouse.pick', 'reports.daily', 'emails']) {
      await setup.assertQueue(name);
    }
    for (const name of ['payments.charge', 'payments.refund', 'payments.dead']) await setup.assertQueue(name);
    await setup.assertQueue('audit', { arguments: { 'x-queue-type': 'quorum' } });
    for (const [queue, key] of Object.entries({
      ...{ 'orders.new': 'order.created.#', 'orders.eu': 'order.*.eu.*', 'orders.us': 'order.*.us.*' },
      ...{ 'warehouse.pick': 'order.paid.#', 'reports.daily': 'order.#', audit: '#' },
    })) {
      await setup.bindQueue(queue, 'orders', key);
    }
    await setup.bindExchange('notifications', 'orders', 'order.created.#');
    await setup.bindQueue('emails', 'notifications', '');
    await setup.bindQueue('payments.charge', 'payments', 'charge');
    await setup.bindQueue('payments.refund', 'payments', 'refund');
    await setup.bindQueue('payments.dead', 'payments.failed', '');

    const api = await this.client('orders-api', 'orders-api-1');
    const second = await this.client('orders-api', 'orders-api-2');
    for (const channel of [api, second]) {
      this.every(TICK_MS, () => {
        const now = Math.round(8 + 4 * Math.sin(this.sent / 900));
        for (let i = 0; i < now; i++) this.order(channel);
      });
    }
    const worker = await this.client('payments-worker', 'payments-worker-1');
    await worker.prefetch(50);
    await worker.consume('payments.charge', (message) => this.charge(worker, message), { consumerTag: 'charge' });
    for (const queue of ['orders.eu', 'orders.us', 'orders.new', 'warehouse.pick']) {
      const channel = await this.client('warehouse', `warehouse-${queue.split('.')[1]}`);
      await channel.prefetch(100);
      await channel.consume(queue, (message) => message && this.later(20, () => channel.ack(message)), {
        consumerTag: `${queue}-1`,
      });
    }
    const mails = await this.client('warehouse', 'mailer');
    await mails.prefetch(5);
    await mails.consume('emails', (message) => message && this.later(100, () => mails.ack(message)), {
      consumerTag: 'smtp',
    });
  }

  private order(channel: Channel): void {
    const n = this.sent++;
    const country = pick(COUNTRIES, n * 7);
    const region = country === 'us' || country === 'jp' ? 'us' : 'eu';
    const body = {
      ...{ order: 481_000 + n, customer: `c-${10_000 + ((n * 37) % 9_000)}`, country, currency: 'EUR' },
      ...{ total: Math.round(Math.abs(noise(n)) * 40_000) / 100, placedAt: new Date().toISOString() },
      items: [{ sku: `A-${100 + (n % 40)}`, quantity: 1 + (n % 3) }],
    };
    const options = {
      ...{ persistent: true, contentType: 'application/json', messageId: `order-${body.order}`, appId: 'orders-api' },
      ...{ timestamp: Math.floor(Date.now() / 1000), headers: { region, tenant: 'shop' } },
    };
    const content = Buffer.from(JSON.stringify(body));
    channel.publish('orders', `order.created.${region}.${country}`, content, options);
    if (n % 3 === 0) channel.publish('orders', `order.paid.${region}.${country}`, content, options);
    if (n % 2 === 0) channel.publish('payments', 'charge', content, { ...options, messageId: `charge-${body.order}` });
    if (n % 40 === 0) channel.publish('payments', 'refund', content, { ...options, messageId: `refund-${body.order}` });
  }

  /** One in nine fails, and says why where its dead letter can be read. */
  private charge(channel: Channel, message: ConsumeMessage | null): void {
    if (message === null) return;
    this.later(30, () => {
      const n = message.fields.deliveryTag;
      const { properties, content } = message;
      if (properties.headers?.['error'] !== undefined) channel.nack(message, false, false);
      else {
        // It is tried once more, with a note why.
        const headers = { ...properties.headers, error: pick(ERRORS, Math.floor(n / 9)) };
        if (n % 9 === 0) channel.sendToQueue('payments.charge', content, { ...properties, headers, persistent: true });
        channel.ack(message);
      }
    });
  }

  private async plant(): Promise<void> {
    for (const hall of HALLS) {
      const sensor = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.peer.mqttPort}`, {
        ...{ username: 'plant-gateway', password: PASSWORD, clientId: `gateway-${hall}`, clean: false },
        ...{ protocolVersion: 5, properties: { sessionExpiryInterval: 86_400 } },
      });
      this.sensors.push(sensor);
      await sensor.subscribeAsync(`command/${hall}/#`, { qos: 1 });
      let n = HALLS.indexOf(hall) * 1_000;
      this.every(TICK_MS, () => {
        n++;
        const machine = pick(MACHINES, n);
        const value = (180 + 40 * Math.sin(n / 50) + noise(n)).toFixed(1);
        sensor.publish(`plant/${hall}/${machine}/temperature`, value, { qos: 0 });
        sensor.publish(`plant/${hall}/${machine}/vibration`, Math.abs(noise(n + 3)).toFixed(3), { qos: 1 });
        if (n % 50 === 0) {
          const state = JSON.stringify({ state: n % 200 === 0 ? 'maintenance' : 'running', since: new Date() });
          sensor.publish(`plant/${hall}/${machine}/state`, state, { qos: 1, retain: true });
        }
      });
    }
    const screen = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.peer.mqttPort}`, {
      ...{ username: 'warehouse', password: PASSWORD, clientId: 'screen-control-room' },
    });
    this.sensors.push(screen);
    await screen.subscribeAsync('plant/#');
    // One that is away: what is sent to it waits.
    const away = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.peer.mqttPort}`, {
      ...{ username: 'plant-gateway', password: PASSWORD, clientId: 'tablet-foreman', clean: false },
    });
    await away.subscribeAsync('plant/+/+/state', { qos: 1 });
    await away.endAsync();
  }

  private async stomp(): Promise<void> {
    const client = await new Promise<stompit.Client>((resolve, reject) => {
      const headers = { login: 'reports', passcode: PASSWORD, host: '/', 'client-id': 'reports' };
      const options = { host: '127.0.0.1', port: this.peer.stompPort, connectHeaders: headers };
      stompit.connect(options, (error, connected) => (error ? reject(error) : resolve(connected)));
    });
    client.on('error', () => {});
    this.endStomp = () => client.destroy();
    client.subscribe(
      { destination: '/queue/audit', ack: 'client-individual', 'prefetch-count': '100' },
      (_, message) => {
        message?.on('data', () => {});
        message?.on('end', () => client.ack(message));
      },
    );
    await Promise.race([once(client, 'error'), after(500)]);
  }
}
