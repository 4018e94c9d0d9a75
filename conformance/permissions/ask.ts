/**
 * Asks one question over the wire, as a line: protocol, verb, names. `-` stands for an empty name.
 *
 *     amqp publish amq.topic a.b        mqtt subscribe a/b        stomp send /queue/q
 *
 * The answer is `ok`, or what the client was told.
 */
import amqplib, { type Channel, type ChannelModel } from 'amqplib';
import { RawClient as MqttClient } from '../../test/protocols/mqtt/raw-client.ts';
import { header, RawClient as StompClient } from '../../test/protocols/stomp/raw-client.ts';
import { until } from '../../test/support/until.ts';

export interface Ports {
  readonly amqpPort: number;
  readonly mqttPort: number;
  readonly stompPort: number;
}

export async function ask(ports: Ports, user: string, line: string): Promise<string> {
  const [protocol, verb, ...names] = line.split(' ').map((word) => (word === '-' ? '' : word)) as [string, string];
  if (protocol === 'amqp') return amqp(ports.amqpPort, user, verb, names);
  if (protocol === 'mqtt') return mqtt(ports.mqttPort, user, verb, names);
  return stomp(ports.stompPort, user, verb, names);
}

// ---------------------------------------------------------------------------------------------------------------- AMQP

const NOBODY = (): void => {};
const X = Buffer.from('x');

const AMQP: Readonly<Record<string, (channel: Channel, ...names: string[]) => Promise<unknown>>> = {
  connect: async () => {},
  declare: (c, queue) => c.assertQueue(queue!),
  'declare-dead': (c, queue, exchange) => c.assertQueue(queue!, { deadLetterExchange: exchange! }),
  passive: (c, queue) => c.checkQueue(queue!),
  delete: (c, queue) => c.deleteQueue(queue!),
  purge: (c, queue) => c.purgeQueue(queue!),
  bind: (c, queue, exchange, key) => c.bindQueue(queue!, exchange!, key!),
  unbind: (c, queue, exchange, key) => c.unbindQueue(queue!, exchange!, key!),
  consume: (c, queue) => c.consume(queue!, NOBODY),
  get: (c, queue) => c.get(queue!),
  reply: (c) => c.consume('amq.rabbitmq.reply-to', NOBODY, { noAck: true }),
  exchange: (c, exchange) => c.assertExchange(exchange!, 'direct'),
  'exchange-alternate': (c, exchange, alternate) =>
    c.assertExchange(exchange!, 'direct', { alternateExchange: alternate! }),
  'exchange-passive': (c, exchange) => c.checkExchange(exchange!),
  'exchange-delete': (c, exchange) => c.deleteExchange(exchange!),
  'exchange-bind': (c, to, from, key) => c.bindExchange(to!, from!, key!),
  'exchange-unbind': (c, to, from, key) => c.unbindExchange(to!, from!, key!),
  publish: async (c, exchange, key) => {
    c.publish(exchange!, key!, X);
    await c.checkExchange('amq.topic');
  },
  'publish-cc': async (c, exchange, key, cc) => {
    c.publish(exchange!, key!, X, { CC: [cc!] });
    await c.checkExchange('amq.topic');
  },
};

async function amqp(port: number, user: string, verb: string, names: readonly string[]): Promise<string> {
  let connection: ChannelModel;
  try {
    connection = await amqplib.connect(`amqp://${user}:p@127.0.0.1:${port}`);
  } catch (error) {
    return String(error).includes('ConnectionClose') ? 'connection closed' : String(error);
  }
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  let told = '';
  channel.on('error', (error: Error) => {
    told = error.message;
  });
  try {
    await AMQP[verb]!(channel, ...names);
    return 'ok';
  } catch (error) {
    const text = told || String(error);
    const found = /(\d{3}) \(.*with message "(.*?)"/.exec(text);
    return found === null ? text : `${found[1]} ${found[2]}`.replace(/amq\.gen-[\w-]+/g, 'amq.gen-…');
  } finally {
    await connection.close().catch(() => {});
  }
}

// ---------------------------------------------------------------------------------------------------------------- MQTT

async function mqtt(port: number, user: string, verb: string, [topic = '']: readonly string[]): Promise<string> {
  const login = { username: user, password: Buffer.from('p') };
  let client: MqttClient | undefined;
  try {
    const will = { topic, payload: X, qos: 0 as const, retain: false };
    client = await MqttClient.connect(port, 'asks', verb === 'will' ? { ...login, will } : login);
    if (verb === 'subscribe') {
      const granted = await client.subscribe(topic, 1);
      return granted < 0x80 ? 'ok' : `SUBACK ${granted}`;
    }
    if (verb === 'publish') {
      client.publish(topic, 'x', 1, 7);
      await client.next('puback');
    }
    return 'ok';
  } catch (error) {
    return (error as Error).message;
  } finally {
    if (client !== undefined && !client.closed) await client.leave();
  }
}

// --------------------------------------------------------------------------------------------------------------- STOMP

async function stomp(port: number, user: string, verb: string, [destination = '']: readonly string[]): Promise<string> {
  const client = await StompClient.dial(port);
  const answered = async (): Promise<string> => {
    await until(() => client.frames.length > 0, 'a frame');
    const frame = client.frames.shift()!;
    if (frame.command !== 'ERROR') return 'ok';
    const text = frame.body.toString('utf8').trim().replace('ACCESS_REFUSED - ', '');
    return `ERROR ${header(frame, 'message')}: ${text}`;
  };
  try {
    client.send('CONNECT', { 'accept-version': '1.2', host: '/', login: user, passcode: 'p' });
    const entered = await answered();
    if (entered !== 'ok' || verb === 'connect') return entered;
    if (verb === 'send') client.send('SEND', { destination, receipt: 'r' }, 'x');
    else client.send('SUBSCRIBE', { destination, id: '1', receipt: 'r' });
    return await answered();
  } finally {
    client.cut();
  }
}
