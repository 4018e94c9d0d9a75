/**
 * `npm run demo`: what Entrepot is for, in a few seconds. A plant's device speaks MQTT, the worker that handles its
 * readings AMQP, an old application STOMP, a web page STOMP over WebSocket; none knows of the others, and all meet in one
 * broker, which is killed without warning half-way through.
 *
 *   device (mqtt) ──▶ amq.topic ──┬─▶ web page (stomp over websocket), live
 *                                 └─▶ queue "readings" ──▶ worker (amqp) ──▶ done
 *                                            └─ rejected ─▶ queue "failed-readings" ──▶ old application (stomp)
 *
 * It starts a broker of its own on free loopback ports with a temporary directory, and takes both away again. It exits 0
 * only if everything below held; each `check` is one claim.
 */
import { styleText } from 'node:util';
import { type IMessage, Client as StompClient } from '@stomp/stompjs';
import amqp, { type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';
import mqtt, { type MqttClient } from 'mqtt';
import stompit from 'stompit';
import { WebSocket } from 'ws';
import { type EntrepotPeer, startEntrepot } from '../conformance/peers/index.ts';
import { within } from '../conformance/support/inbox.ts';

const STEP_TIMEOUT_MS = 5_000;
const startedMs = performance.now();

// ------------------------------------------------------------------------------------------------- what is printed

type Who = 'broker' | 'device' | 'worker' | 'web page' | 'old app' | 'demo';
const COLOURS = {
  broker: 'magenta',
  device: 'cyan',
  worker: 'yellow',
  'web page': 'blue',
  'old app': 'green',
  demo: 'bold',
} as const;

function say(who: Who, protocol: string, text: string): void {
  const at = `${Math.round(performance.now() - startedMs)} ms`.padStart(8);
  console.log(
    `${styleText('dim', at)}  ${styleText(COLOURS[who], who.padEnd(9))}${styleText('dim', protocol.padEnd(11))}${text}`,
  );
}

function chapter(title: string): void {
  console.log(`\n${styleText('bold', title)}`);
}

function check(claim: string, held: boolean): void {
  if (!held) throw new Error(`this did not hold: ${claim}`);
}

// -------------------------------------------------------------------------------------------------- waiting for things

/** A line of things that arrive; `next` takes the first, or waits for it. */
class Line<T> {
  private readonly things: T[] = [];
  private waiting: ((thing: T) => void) | undefined;

  readonly push = (thing: T): void => {
    if (this.waiting === undefined) this.things.push(thing);
    else {
      this.waiting(thing);
      this.waiting = undefined;
    }
  };

  next(what: string): Promise<T> {
    const first = this.things.shift();
    if (first !== undefined) return Promise.resolve(first);
    const promise = new Promise<T>((resolve) => (this.waiting = resolve));
    return within(promise, STEP_TIMEOUT_MS, () => `waited in vain for ${what}`);
  }
}

interface Reading {
  readonly sensor: string;
  readonly celsius: number;
}

const read = (body: Uint8Array): Reading => JSON.parse(Buffer.from(body).toString('utf8')) as Reading;
const shown = (reading: Reading): string => `${reading.sensor} ${reading.celsius} °C`;

// ------------------------------------------------------------------------------------------------------- the four clients

/** MQTT.js: publishes with QoS 1 and waits for each PUBACK. */
async function connectDevice(broker: EntrepotPeer): Promise<MqttClient> {
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.mqttPort}`, {
    protocolVersion: 4,
    clientId: 'boiler-house',
    reconnectPeriod: 0,
  });
  device.on('error', () => {});
  return device;
}

async function publish(device: MqttClient, reading: Reading): Promise<void> {
  const topic = `plant/${reading.sensor}/temperature`;
  await within(device.publishAsync(topic, JSON.stringify(reading), { qos: 1 }), STEP_TIMEOUT_MS, () => 'no PUBACK');
  say('device', 'MQTT', `published ${shown(reading)} to ${topic}; the broker has confirmed it`);
}

/** amqplib: one reading at a time from the queue, acknowledged one by one. */
async function connectWorker(broker: EntrepotPeer): Promise<{ model: ChannelModel; channel: Channel }> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${broker.amqpPort}`);
  model.on('error', () => {});
  const channel = await model.createChannel();
  channel.on('error', () => {});
  await channel.prefetch(1);
  return { model, channel };
}

async function consumeReadings(channel: Channel): Promise<Line<ConsumeMessage>> {
  const line = new Line<ConsumeMessage>();
  await channel.consume('readings', (message) => {
    if (message !== null) line.push(message);
  });
  return line;
}

/** @stomp/stompjs over WebSocket, as in a browser. */
async function connectWebPage(broker: EntrepotPeer): Promise<{ page: StompClient; seen: Line<IMessage> }> {
  const seen = new Line<IMessage>();
  const page = new StompClient({
    webSocketFactory: () => new WebSocket(broker.wsStompUrl, ['v12.stomp']) as never,
    reconnectDelay: 0,
  });
  await within(
    new Promise<void>((resolve, reject) => {
      page.onStompError = (frame) => reject(new Error(frame.headers['message']));
      page.onConnect = () => {
        page.watchForReceipt('subscribed', () => resolve());
        page.subscribe('/topic/plant.*.temperature', seen.push, { receipt: 'subscribed' });
      };
      page.activate();
    }),
    STEP_TIMEOUT_MS,
    () => 'the web page could not subscribe',
  );
  return { page, seen };
}

async function watch(seen: Line<IMessage>, expected: Reading): Promise<void> {
  const reading = read((await seen.next('a reading on the web page')).binaryBody);
  check(`the web page sees ${shown(expected)}`, shown(reading) === shown(expected));
  say('web page', 'WebSocket', `sees ${shown(reading)} live`);
}

/** stompit: an application that was written for another broker years ago. */
async function connectOldApplication(broker: EntrepotPeer): Promise<stompit.Client> {
  return within(
    new Promise<stompit.Client>((resolve, reject) => {
      stompit.connect({ host: '127.0.0.1', port: broker.stompPort, connectHeaders: { host: '/' } }, (error, client) =>
        error === null ? resolve(client) : reject(error),
      );
    }),
    STEP_TIMEOUT_MS,
    () => 'the old application could not connect',
  );
}

// ------------------------------------------------------------------------------------------------------------ the story

const READINGS: readonly Reading[] = [
  { sensor: 'boiler-1', celsius: 71.5 },
  { sensor: 'boiler-2', celsius: -273.16 },
  { sensor: 'boiler-3', celsius: 68.2 },
  { sensor: 'boiler-1', celsius: 71.9 },
  { sensor: 'boiler-2', celsius: 70.4 },
  { sensor: 'boiler-3', celsius: 68.8 },
  { sensor: 'boiler-1', celsius: 72.3 },
];

async function story(broker: EntrepotPeer): Promise<void> {
  chapter('Four protocols, one broker');
  const ports = `AMQP ${broker.amqpPort}, MQTT ${broker.mqttPort}, STOMP ${broker.stompPort}, WebSocket ${broker.wsPort}`;
  say('broker', '', `is up, process ${broker.pid}: ${ports}`);

  let { model, channel } = await connectWorker(broker);
  await channel.assertQueue('failed-readings', { durable: true });
  await channel.assertQueue('readings', {
    durable: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: 'failed-readings',
  });
  await channel.bindQueue('readings', 'amq.topic', 'plant.*.temperature');
  let readings = await consumeReadings(channel);
  say('worker', 'AMQP', 'reads queue "readings", which is bound to plant.*.temperature');

  let { page, seen } = await connectWebPage(broker);
  say('web page', 'WebSocket', 'subscribes to /topic/plant.*.temperature');
  let device = await connectDevice(broker);

  chapter('Readings flow; one cannot be true');
  const [good, impossible, alsoGood] = READINGS as [Reading, Reading, Reading];
  for (const reading of [good, impossible, alsoGood]) {
    await publish(device, reading);
    await watch(seen, reading);
  }

  let message = await readings.next('the first reading');
  check('the worker gets the first reading', shown(read(message.content)) === shown(good));
  channel.ack(message);
  say('worker', 'AMQP', `handled ${shown(good)} and acknowledged it`);

  message = await readings.next('the impossible reading');
  check('the impossible reading is new to the worker', !message.fields.redelivered);
  channel.nack(message, false, true);
  say('worker', 'AMQP', `failed at ${shown(impossible)}: colder than nothing can be; puts it back`);

  message = await readings.next('the impossible reading again');
  check('the same reading comes again', shown(read(message.content)) === shown(impossible));
  check('it is marked as redelivered', message.fields.redelivered);
  channel.nack(message, false, false);
  say('worker', 'AMQP', `sees ${shown(impossible)} again, marked redelivered; rejects it for good`);

  message = await readings.next('the third reading');
  check('the worker goes on with the next', shown(read(message.content)) === shown(alsoGood));
  channel.ack(message);
  say('worker', 'AMQP', `handled ${shown(alsoGood)} and acknowledged it`);

  chapter('The broker is killed');
  const late = READINGS.slice(3, 6);
  for (const reading of late) {
    await publish(device, reading);
    await watch(seen, reading);
  }
  message = await readings.next('a reading that is held');
  check('the worker holds the next reading', shown(read(message.content)) === shown(late[0]!));
  say('worker', 'AMQP', `is busy with ${shown(late[0]!)}, not acknowledged yet; two more wait in the queue`);

  const killed = broker.pid;
  await broker.kill();
  say('broker', '', `process ${killed} is gone: SIGKILL, no farewell`);
  device.end(true);
  await page.deactivate({ force: true });

  const downMs = performance.now();
  await broker.restart();
  say(
    'broker',
    '',
    `is back on the same data after ${Math.round(performance.now() - downMs)} ms, process ${broker.pid}`,
  );

  chapter('What was confirmed is still there');
  ({ model, channel } = await connectWorker(broker));
  readings = await consumeReadings(channel);
  for (const [i, reading] of late.entries()) {
    message = await readings.next(`${shown(reading)} after the restart`);
    check('confirmed readings come in their order', shown(read(message.content)) === shown(reading));
    if (i === 0) check('what the worker held is marked redelivered', message.fields.redelivered);
    channel.ack(message);
    const mark = message.fields.redelivered ? ', marked redelivered' : '';
    say('worker', 'AMQP', `handled ${shown(reading)}${mark} and acknowledged it`);
  }

  const old = await connectOldApplication(broker);
  const dead = new Line<{ frame: stompit.Frame; body: string }>();
  old.subscribe({ destination: '/queue/failed-readings', ack: 'client-individual' }, (error, frame) => {
    if (error !== null || frame === undefined) return;
    frame.readString('utf8', (_, body) => dead.push({ frame, body: body ?? '' }));
  });
  const { frame, body } = await dead.next('the dead letter');
  check('the dead letter is the impossible reading', shown(read(Buffer.from(body))) === shown(impossible));
  await within(
    new Promise<void>((resolve) => old.ack(frame, {}, { onReceipt: () => resolve() })),
    STEP_TIMEOUT_MS,
    () => 'no receipt for the ACK',
  );
  say(
    'old app',
    'STOMP',
    `found ${shown(impossible)} in "failed-readings" and acknowledged it; the broker has confirmed that`,
  );

  ({ page, seen } = await connectWebPage(broker));
  device = await connectDevice(broker);
  const last = READINGS[6]!;
  await publish(device, last);
  await watch(seen, last);
  message = await readings.next('the last reading');
  check('the worker gets the last reading', shown(read(message.content)) === shown(last));
  channel.ack(message);
  say('worker', 'AMQP', `handled ${shown(last)} and acknowledged it`);

  await device.endAsync();
  await page.deactivate();
  await new Promise<void>((resolve) => old.disconnect(() => resolve()));
  await channel.close();
  const inspector = await model.createChannel();
  for (const queue of ['readings', 'failed-readings']) {
    const { messageCount } = await inspector.checkQueue(queue);
    check(`queue "${queue}" is empty at the end`, messageCount === 0);
  }
  await model.close();
}

let broker: EntrepotPeer | undefined;
try {
  broker = await startEntrepot();
  await story(broker);
  await broker.stop();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  chapter('All of it held');
  say(
    'demo',
    '',
    `${READINGS.length} readings, four protocols, one kill, nothing lost, nothing twice, in ${seconds} s`,
  );
} catch (error) {
  console.error(`\n${styleText('red', 'The demo failed', { stream: process.stderr })}: ${(error as Error).message}`);
  const transcript = broker?.transcript().trim();
  if (transcript)
    console.error(styleText('dim', `what the broker printed:\n${transcript}`, { stream: process.stderr }));
  await broker?.stop().catch(() => {});
  process.exitCode = 1;
}
process.exit();
