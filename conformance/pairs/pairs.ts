/**
 * One message through each pair of protocols: whatever it came in by, it leaves by whatever the consumer speaks, its
 * body byte for byte and its properties as far as both protocols carry them. Two scenarios for each of the 25 pairs:
 *
 *   topic    one publisher ──▶ amq.topic ──▶ two subscribers of one kind, each gets all, in order
 *   queue    one publisher ──▶ a queue ──▶ three consumers of three kinds, each message goes to exactly one
 *
 * They say what they saw; what is expected stands here too, so that a peer's differences can be told from mistakes.
 */
import { createHash } from 'node:crypto';
import amqp from 'amqplib';
import {
  type Client,
  carriesProperties,
  type Incoming,
  type MessageProperties,
  type Outgoing,
  WIRES,
  type Wire,
} from '../clients/client.ts';
import { connect } from '../clients/connect.ts';
import type { Peer } from '../peers/index.ts';
import { Inbox, within } from '../support/inbox.ts';

export interface Pair {
  readonly from: Wire;
  readonly to: Wire;
}

export const PAIRS: readonly Pair[] = WIRES.flatMap((from) => WIRES.map((to) => ({ from, to })));

/** Bytes that look random and are the same in every run. */
export function noise(length: number, seed: string): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < length; i++) blocks.push(createHash('sha512').update(`${seed}/${i}`).digest());
  return Buffer.concat(blocks, length);
}

/** Every byte value; nothing at all; text beyond ASCII; a lone NUL; more than is held in one piece. */
export const BODIES: readonly (readonly [name: string, body: Buffer])[] = [
  ['binary', Buffer.from(Array.from({ length: 1024 }, (_, i) => i & 0xff))],
  ['empty', Buffer.alloc(0)],
  ['UTF-8', Buffer.from('Grüße aus dem Hafen: 港, порт, ميناء, ⚓', 'utf8')],
  ['one byte', Buffer.from([0])],
  ['200 KiB', noise(200 * 1024, 'pairs')],
];

const SENT: MessageProperties = {
  contentType: 'application/x-pairs',
  correlationId: 'order-4711',
  messageId: 'message-0815',
  priority: 3,
  persistent: true,
  type: 'reading',
  appId: 'conformance',
  timestampS: 1_700_000_000,
  headers: { 'x-colour': 'blue: and\\green', 'x-count': 42, 'x-flag': true },
};

function asSentBy(wire: Wire): MessageProperties {
  if (!carriesProperties(wire)) return {};
  return { ...SENT, replyTo: wire === 'amqp' ? 'answers' : '/queue/answers' };
}

/** What a consumer of one kind must see of what a publisher of another has sent. */
export function expectedProperties(pair: Pair): MessageProperties {
  if (!carriesProperties(pair.to)) return { persistent: true };
  // MQTT 3.1.1 carries nothing but its quality of service.
  if (!carriesProperties(pair.from)) return { persistent: true, headers: {} };
  return {
    ...SENT,
    replyTo: pair.to === 'amqp' ? 'answers' : '/queue/answers',
    headers:
      pair.from === 'amqp' && pair.to === 'amqp'
        ? SENT.headers!
        : Object.fromEntries(Object.entries(SENT.headers!).map(([name, value]) => [name, String(value)])),
  };
}

export interface TopicResult {
  readonly sent: readonly Buffer[];
  /** One list for each of the two subscribers. */
  readonly received: readonly (readonly Incoming[])[];
  readonly errors: readonly Error[];
}

let serial = 0;

export async function runTopicPair(peer: Peer, pair: Pair): Promise<TopicResult> {
  const levels = ['pairs', `t${process.pid}-${++serial}`, 'value'];
  const clients: Client[] = [];
  try {
    const inboxes = [new Inbox(), new Inbox()];
    for (const inbox of inboxes) {
      const subscriber = await connect(peer, pair.to);
      clients.push(subscriber);
      await timely(subscriber.subscribeTopic(levels, inbox.take), `${pair.to} subscribes`);
    }
    const publisher = await connect(peer, pair.from);
    clients.push(publisher);
    const messages: Outgoing[] = BODIES.map(([, body]) => ({ body, properties: asSentBy(pair.from) }));
    for (const message of messages) await timely(publisher.publishTopic(levels, message), `${pair.from} publishes`);
    // Nothing may come after the last: a message that arrives once too often arrives before this one.
    const last = Buffer.from('last');
    await timely(publisher.publishTopic(levels, { body: last }), `${pair.from} publishes`);
    const received = await Promise.all(
      inboxes.map(async (inbox) => {
        await inbox.atLeast(messages.length + 1, `${pair.from} to ${pair.to}`);
        return inbox.messages.filter((message) => !message.body.equals(last));
      }),
    );
    return { sent: messages.map((message) => message.body), received, errors: clients.flatMap((c) => c.errors) };
  } finally {
    await closeAll(clients);
  }
}

export interface QueueResult {
  readonly sent: readonly Buffer[];
  readonly consumers: readonly { readonly wire: Wire; readonly received: readonly Incoming[] }[];
  /** Messages still in the queue when all had arrived and were settled. */
  readonly left: number;
  readonly errors: readonly Error[];
}

/**
 * Who competes for the queue with a consumer of this kind: one of each family, so that an MQTT client is always among
 * them. Where the peer has no shared subscriptions in MQTT 3.1.1, another STOMP client takes that place.
 */
export function competitors(to: Wire, shared: boolean): readonly Wire[] {
  if (!shared)
    return to === 'stomp-ws' ? ['stomp-ws', 'amqp', 'stomp'] : [to, to === 'amqp' ? 'stomp' : 'amqp', 'stomp-ws'];
  switch (to) {
    case 'amqp':
      return ['amqp', 'mqtt', 'stomp-ws'];
    case 'mqtt':
      return ['mqtt', 'amqp', 'stomp'];
    case 'mqtt-ws':
      return ['mqtt-ws', 'amqp', 'stomp-ws'];
    case 'stomp':
      return ['stomp', 'amqp', 'mqtt-ws'];
    case 'stomp-ws':
      return ['stomp-ws', 'amqp', 'mqtt'];
  }
}

const QUEUE_MESSAGES = 30;

/** `shared`: the queue is an MQTT shared subscription's, which all three kinds of consumer read. */
export async function runQueuePair(peer: Peer, pair: Pair, shared: boolean): Promise<QueueResult> {
  const levels = ['pairs', `q${process.pid}-${++serial}`];
  const queue = shared ? `$share/workers/${levels.join('/')}` : levels.join('.');
  const clients: Client[] = [];
  const operator = await amqp.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}`);
  try {
    const channel = await operator.createChannel();
    if (!shared) {
      await channel.assertQueue(queue, { durable: true });
      await channel.bindQueue(queue, 'amq.topic', levels.join('.'));
    }
    const consumers: { wire: Wire; received: Incoming[] }[] = [];
    const all = new Inbox();
    const settled: Promise<void>[] = [];
    // An MQTT subscription is what makes a shared queue, so its client comes first.
    const wires = [...competitors(pair.to, shared)].sort(
      (a, b) => Number(carriesProperties(a)) - Number(carriesProperties(b)),
    );
    for (const wire of wires) {
      const client = await connect(peer, wire);
      clients.push(client);
      const received: Incoming[] = [];
      consumers.push({ wire, received });
      await timely(
        client.consumeQueue(queue, (message) => {
          received.push(message);
          settled.push(message.accept());
          all.take(message);
        }),
        `${wire} consumes ${queue}`,
      );
    }
    const publisher = await connect(peer, pair.from);
    clients.push(publisher);
    const bodies = Array.from({ length: QUEUE_MESSAGES }, (_, i) =>
      Buffer.concat([Buffer.from([i]), BODIES[i % BODIES.length]![1]]),
    );
    const confirms = bodies.map((body) => {
      const message = { body, properties: asSentBy(pair.from) };
      return carriesProperties(pair.from)
        ? publisher.publishQueue(queue, message)
        : publisher.publishTopic(levels, message);
    });
    await timely(Promise.all(confirms), `${pair.from} publishes`);
    await all.atLeast(bodies.length, `${pair.from} to ${pair.to} by queue`);
    await timely(Promise.all(settled), 'settlements are confirmed');
    const errors = clients.flatMap((c) => c.errors);
    await closeAll(clients);
    // All consumers have left in order: what was not settled, or was delivered twice over, is in the queue now.
    const left = shared ? 0 : (await channel.checkQueue(queue)).messageCount;
    if (!shared) await channel.deleteQueue(queue);
    return { sent: bodies, consumers, left, errors };
  } finally {
    await closeAll(clients);
    await operator.close();
  }
}

const timely = <T>(promise: Promise<T>, what: string): Promise<T> =>
  within(promise, 10_000, () => `timed out: ${what}`);

async function closeAll(clients: Client[]): Promise<void> {
  const leaving = clients.splice(0);
  await Promise.allSettled(leaving.map((client) => timely(client.close(), `${client.wire} closes`)));
}
