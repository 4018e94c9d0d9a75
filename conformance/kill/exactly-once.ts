/**
 * QoS 2 under kill -9: each message exactly once, counted by a subscriber that keeps its session. Publishers and subscribers
 * do what the specification asks of a client and no more: they remember packet identifiers across connections, and send
 * again what was not acknowledged. Nothing in a message helps them to tell a duplicate.
 *
 *     publisher   ─PUBLISH─▶ sent ─PUBREC─▶ released ─PUBCOMP─▶ done        again after a kill: PUBLISH (DUP), PUBREL
 *     subscriber  ─PUBLISH─▶ held, counted ─PUBREL─▶ free                    PUBLISH of a held identifier: not counted
 *
 * A round: load, kill at a moment nobody chose, restart, finish what is open, count.
 */

import { RawClient } from '../mqtt/raw-client.ts';
import { codeOf, type Level, type Received } from '../mqtt/received.ts';
import { publish } from '../mqtt/wire.ts';
import type { RestartablePeer } from '../peers/index.ts';
import { until, within } from '../support/inbox.ts';
import { OnceLedger } from './once-ledger.ts';

/** Messages that a publisher has open: enough that a kill meets every stage of the exchange. */
const WINDOW = 32;
const TOPIC = 'once';
const ROUND_TIMEOUT_MS = 60_000;

export interface OnceReport {
  readonly round: number;
  /** Messages published in this round, and deliveries counted in all subscribers together. */
  readonly published: number;
  readonly counted: number;
  /** Packets that were sent again because of the kill: by publishers and by the broker. */
  readonly repeated: number;
  readonly killedAfterMs: number;
  readonly restartMs: number;
  readonly failures: readonly string[];
}

export interface OnceOptions {
  readonly rounds: number;
  readonly levels: readonly Level[];
  /** A round's kill comes after so many completed messages, at least and at most. Default 100 and 1,500. */
  readonly completedMin?: number;
  readonly completedMax?: number;
  readonly onRound?: (report: OnceReport) => void;
}

/** One end of the exchange: a session, and the connection that it has at the moment. */
abstract class Party {
  readonly name: string;
  readonly level: Level;
  readonly wrong: string[] = [];
  repeated = 0;
  protected client: RawClient | undefined;
  private reading: Promise<void> = Promise.resolve();
  private known = false;

  constructor(name: string, level: Level) {
    this.name = `${name}, ${level === 5 ? '5.0' : '3.1.1'}`;
    this.level = level;
  }

  async connect(peer: RestartablePeer): Promise<void> {
    const client = await RawClient.open(peer.mqttPort, this.level);
    await client.connected({
      clientId: `once-${this.name.replaceAll(/[^a-z0-9]/g, '')}`,
      clean: false,
      answers: false,
      ...(this.level === 5 ? { properties: { sessionExpiryInterval: 86_400 } } : {}),
    });
    if (this.known && !client.connack.sessionPresent) this.wrong.push(`${this.name}: its session was lost`);
    this.known = true;
    this.client = client;
    this.reading = this.read(client);
    await this.resume(client);
  }

  /** Cuts the connection; resolves when all that came by it has been looked at. */
  async drop(): Promise<void> {
    this.client?.drop();
    this.client = undefined;
    await this.reading;
  }

  private async read(client: RawClient): Promise<void> {
    for (;;) {
      let received: Received;
      try {
        received = await client.next('a packet', 3_600_000);
      } catch {
        return;
      }
      this.heard(client, received);
    }
  }

  protected abstract resume(client: RawClient): Promise<void> | void;
  protected abstract heard(client: RawClient, received: Received): void;
}

class Publisher extends Party {
  /** By packet identifier, in the order of their first sending. */
  private readonly open = new Map<number, { readonly serial: number; released: boolean }>();
  published = 0;
  completed = 0;
  flowing = false;
  onCompleted: () => void = () => {};

  get idle(): boolean {
    return this.open.size === 0;
  }

  flow(): void {
    while (this.flowing && this.open.size < WINDOW && this.client !== undefined) {
      const id = this.client.nextId();
      if (this.open.has(id)) continue;
      const serial = this.published++;
      this.open.set(id, { serial, released: false });
      this.send(this.client, id, serial, false);
    }
  }

  private send(client: RawClient, id: number, serial: number, again: boolean): void {
    // Sizes from a few bytes to some pages, so that a kill meets messages of several blocks.
    const body = `${this.name}|${serial}|${'x'.repeat((serial * 37) % 5_000)}`;
    client.bytes(publish(this.level, again ? 0x3c : 0x34, `${TOPIC}/${this.level}`, id, body));
  }

  protected override resume(client: RawClient): void {
    for (const [id, { serial, released }] of this.open) {
      this.repeated++;
      if (released) client.send({ cmd: 'pubrel', messageId: id });
      else this.send(client, id, serial, true);
    }
    // The client counts identifiers from 1 again; those that are open are stepped over.
    this.flow();
  }

  protected override heard(client: RawClient, received: Received): void {
    const { cmd, messageId } = received;
    const message = this.open.get(messageId);
    if (cmd === 'pubrec' && message !== undefined) {
      if (codeOf(received) >= 0x80) this.wrong.push(`${this.name}: PUBREC ${codeOf(received)}`);
      message.released = true;
      client.send({ cmd: 'pubrel', messageId });
    } else if (cmd === 'pubcomp' && message !== undefined) {
      if (!message.released) this.wrong.push(`${this.name}: PUBCOMP for a message that was not released`);
      this.open.delete(messageId);
      this.completed++;
      this.onCompleted();
      this.flow();
    } else this.wrong.push(`${this.name}: ${cmd} ${messageId}, which is not open`);
  }
}

class Subscriber extends Party {
  /** Identifiers of messages that are held: counted, and not yet released. */
  private readonly held = new Set<number>();
  readonly ledger = new OnceLedger();
  private subscribed = false;

  get idle(): boolean {
    return this.held.size === 0;
  }

  protected override async resume(client: RawClient): Promise<void> {
    // Once: the session keeps the subscription.
    if (this.subscribed) return;
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${TOPIC}/#`, qos: 2 }] });
    await until(() => this.subscribed, `${this.name}: SUBACK`);
  }

  protected override heard(client: RawClient, received: Received): void {
    const { cmd, messageId } = received;
    if (cmd === 'publish') {
      if (received.qos !== 2) this.wrong.push(`${this.name}: a message with QoS ${received.qos}`);
      if (this.held.has(messageId)) this.repeated++;
      else {
        this.held.add(messageId);
        const [from, serial] = received.payload.toString('latin1').split('|');
        this.ledger.count(from!, Number(serial));
      }
      client.send({ cmd: 'pubrec', messageId });
    } else if (cmd === 'pubrel') {
      this.held.delete(messageId);
      client.send({ cmd: 'pubcomp', messageId });
    } else if (cmd === 'suback') this.subscribed = true;
    else this.wrong.push(`${this.name}: ${cmd}`);
  }

  /** Whether everything that was published has come. */
  hasAll(publishers: readonly Publisher[]): boolean {
    return publishers.every(({ name, published }) => this.ledger.lastOf(name) >= published - 1);
  }

  verdict(publishers: readonly Publisher[]): string[] {
    const counts = publishers.flatMap(({ name, published }) => this.ledger.verdict(name, published));
    return [...this.wrong.splice(0), ...counts.map((wrong) => `${this.name}: ${wrong}`)];
  }
}

export async function runOnceRounds(broker: RestartablePeer, options: OnceOptions): Promise<OnceReport[]> {
  const { completedMin = 100, completedMax = 1_500 } = options;
  const publishers = options.levels.map((level) => new Publisher('publisher', level));
  const subscribers = options.levels.map((level) => new Subscriber('subscriber', level));
  const parties: readonly Party[] = [...subscribers, ...publishers];
  const sum = (of: (party: Party) => number): number => parties.reduce((total, party) => total + of(party), 0);
  const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

  const reports: OnceReport[] = [];
  for (const subscriber of subscribers) await subscriber.connect(broker);
  for (const publisher of publishers) await publisher.connect(broker);
  for (let round = 1; round <= options.rounds; round++) {
    const before = {
      published: total(publishers.map((p) => p.published)),
      counted: total(subscribers.map((s) => s.ledger.counted)),
      repeated: sum((party) => party.repeated),
    };
    const startedMs = performance.now();
    const target =
      total(publishers.map((p) => p.completed)) +
      completedMin +
      Math.floor(Math.random() * (completedMax - completedMin));
    await within(
      new Promise<void>((resolve) => {
        for (const publisher of publishers) {
          publisher.onCompleted = () => {
            if (total(publishers.map((p) => p.completed)) >= target) resolve();
          };
          publisher.flowing = true;
          publisher.flow();
        }
      }),
      ROUND_TIMEOUT_MS,
      () => `round ${round}: the load does not flow\n${broker.transcript()}`,
    );

    await broker.kill();
    const killedAfterMs = performance.now() - startedMs;
    for (const publisher of publishers) publisher.flowing = false;
    await Promise.all(parties.map((party) => party.drop()));
    const downMs = performance.now();
    await broker.restart();
    // Every third round it is killed while the open messages are being finished, at once or a moment later.
    if (round % 3 === 0) {
      await Promise.all(parties.map((party) => party.connect(broker)));
      await broker.kill();
      await Promise.all(parties.map((party) => party.drop()));
      await broker.restart();
    }
    const restartMs = performance.now() - downMs;
    for (const subscriber of subscribers) await subscriber.connect(broker);
    for (const publisher of publishers) await publisher.connect(broker);

    await until(
      () =>
        publishers.every((publisher) => publisher.idle) &&
        subscribers.every((subscriber) => subscriber.idle && subscriber.hasAll(publishers)),
      () => `round ${round}: not everything was finished\n${broker.transcript()}`,
      ROUND_TIMEOUT_MS,
    ).catch((error: Error) => subscribers[0]!.wrong.push(error.message));
    const failures = [
      ...subscribers.flatMap((subscriber) => subscriber.verdict(publishers)),
      ...publishers.flatMap((publisher) => publisher.wrong.splice(0)),
    ];
    const report: OnceReport = {
      round,
      published: total(publishers.map((p) => p.published)) - before.published,
      counted: total(subscribers.map((s) => s.ledger.counted)) - before.counted,
      repeated: sum((party) => party.repeated) - before.repeated,
      killedAfterMs,
      restartMs,
      failures,
    };
    reports.push(report);
    options.onRound?.(report);
  }
  await Promise.all(parties.map((party) => party.drop()));
  return reports;
}
