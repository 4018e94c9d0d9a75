/**
 * Consumers at work while the broker is killed, each settling in another way:
 *
 *   transaction   AMQP, acks gathered in transactions; tx.commit-ok is the confirmation
 *   receipt       STOMP, client-individual; the receipt on each ACK is
 *   plain         AMQP, plain acks; nothing confirms them
 *   hold          AMQP, takes what it may and settles nothing
 *   session       MQTT, a kept session with QoS 2; the PUBREL is, as it says that the PUBREC is stored
 */
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { cutAmqp } from '../clients/amqp.ts';
import { connectStomp } from '../clients/stomp.ts';
import type { Peer } from '../peers/index.ts';
import { type Destination, idOf } from './ledger.ts';

export type Habit = 'transaction' | 'receipt' | 'plain' | 'hold' | 'session';
export const QUEUE_HABITS = ['transaction', 'receipt', 'plain', 'hold'] as const;
export const queueOf = (habit: Habit): string => `kill.${habit}`;

export interface Reader {
  /** Drops the connection without a word. Once it has resolved, nothing more is told to the destination. */
  drop(): Promise<void>;
  /** Leaves in order, everything settled. */
  leave(): Promise<void>;
}

/** Acks are committed when so many have been gathered, or nothing more has come for a moment. */
const COMMIT_EVERY = 10;
const COMMIT_IDLE_MS = 20;

/** amqplib speaks transactions in its protocol tables but has no method for them. */
interface Transactional {
  rpc(method: number, fields: object, expect: number): Promise<unknown>;
}
const TX_SELECT = 0x5a000a;
const TX_SELECT_OK = 0x5a000b;
const TX_COMMIT = 0x5a0014;
const TX_COMMIT_OK = 0x5a0015;

/** `last` is called when the message that ends a round has been seen. */
export async function readInTransactions(
  peer: Peer,
  queue: string,
  to: Destination,
  last: (body: Buffer) => boolean,
  onLast: () => void,
): Promise<Reader> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}?heartbeat=0`);
  model.on('error', () => {});
  const channel = await model.createChannel();
  channel.on('error', () => {});
  await channel.prefetch(4 * COMMIT_EVERY);
  const tx = channel as unknown as Transactional;
  await tx.rpc(TX_SELECT, {}, TX_SELECT_OK);
  let acked: string[] = [];
  let committing: Promise<void> = Promise.resolve();
  let sawLast = false;
  let idle: NodeJS.Timeout | undefined;
  let dropped = false;
  const commit = (): void => {
    clearTimeout(idle);
    if (acked.length === 0 || dropped) return;
    const ids = acked;
    acked = [];
    for (const id of ids) to.settling(id);
    const ended = sawLast;
    committing = committing
      .then(() => tx.rpc(TX_COMMIT, {}, TX_COMMIT_OK))
      .then(() => {
        if (dropped) return;
        for (const id of ids) to.settled(id);
        if (ended) onLast();
      })
      .catch(() => {});
  };
  await channel.consume(queue, (message) => {
    if (message === null || dropped) return;
    const id = idOf(message.content);
    if (last(message.content)) sawLast = true;
    else to.seen({ id, body: message.content, redelivered: message.fields.redelivered });
    channel.ack(message);
    acked.push(id);
    if (acked.length >= COMMIT_EVERY || sawLast) commit();
    else {
      clearTimeout(idle);
      idle = setTimeout(commit, COMMIT_IDLE_MS);
    }
  });
  return {
    async drop() {
      dropped = true;
      clearTimeout(idle);
      cutAmqp(model);
    },
    async leave() {
      await committing;
      await model.close();
    },
  };
}

export async function readWithReceipts(
  peer: Peer,
  queue: string,
  to: Destination,
  last: (body: Buffer) => boolean,
  onLast: () => void,
): Promise<Reader> {
  const client = await connectStomp(peer.stompPort);
  const open = new Set<Promise<void>>();
  let dropped = false;
  await client.consumeQueue(
    queue,
    (message) => {
      const id = idOf(message.body);
      const ended = last(message.body);
      if (!ended) {
        to.seen({ id, body: message.body, redelivered: message.redelivered });
        to.settling(id);
      }
      const accepted = message.accept().then(
        () => {
          open.delete(accepted);
          if (dropped) return;
          if (!ended) to.settled(id);
          else void Promise.allSettled(open).then(onLast);
        },
        () => {},
      );
      open.add(accepted);
    },
    { prefetch: 50 },
  );
  return {
    async drop() {
      dropped = true;
      client.cut();
    },
    leave: () => client.close(),
  };
}

/** Acks every message but `keeps` says which to hold on to. */
export async function readPlainly(
  peer: Peer,
  queue: string,
  to: Destination,
  keeps: (id: string) => boolean,
): Promise<Reader> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}?heartbeat=0`);
  model.on('error', () => {});
  const channel = await model.createChannel();
  channel.on('error', () => {});
  await channel.prefetch(100);
  let dropped = false;
  await channel.consume(queue, (message) => {
    if (message === null || dropped) return;
    const id = idOf(message.content);
    to.seen({ id, body: message.content, redelivered: message.fields.redelivered });
    if (keeps(id)) return;
    to.settling(id);
    channel.ack(message);
  });
  return {
    async drop() {
      dropped = true;
      cutAmqp(model);
    },
    leave: () => model.close(),
  };
}

/**
 * A kept MQTT session. Its store of received QoS 2 packets outlives the connection, as a real device's would: that and
 * the broker's own memory together make exactly once.
 */
export class KeptSession {
  private readonly incoming = new mqtt.Store({ clean: false });
  private readonly outgoing = new mqtt.Store({ clean: false });

  async read(peer: Peer, to: Destination, last: (body: Buffer) => boolean, onLast: () => void): Promise<Reader> {
    const client = mqtt.connect(`mqtt://127.0.0.1:${peer.mqttPort}`, {
      protocolVersion: 4,
      clientId: 'kill-session',
      clean: false,
      reconnectPeriod: 0,
      keepalive: 0,
      incomingStore: this.incoming,
      outgoingStore: this.outgoing,
    });
    client.on('error', () => {});
    let dropped = false;
    client.on('message', (_topic, body, packet) => {
      // Its store has been told already: a message that is ignored here would be missing for ever.
      if (dropped) throw new Error('a message was handed on after the session was dropped');
      if (last(body)) return onLast();
      const id = idOf(body);
      to.seen({ id, body, redelivered: packet.dup === true });
      // A QoS 2 message is handed on when its PUBREL has come: the broker has it stored that we have it.
      if (packet.qos === 2) to.settled(id);
      else to.settling(id);
    });
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('close', () => reject(new Error('the kept session could not connect')));
    });
    await client.subscribeAsync('kill/#', { qos: 2 });
    return {
      async drop() {
        await client.endAsync(true);
        await new Promise((resolve) => setImmediate(resolve));
        dropped = true;
      },
      leave: () => client.endAsync(),
    };
  }
}
