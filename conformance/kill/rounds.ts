/**
 * Kill -9 during load, again and again, on the same data: what was confirmed and not settled is delivered after each
 * restart, what was handed out comes marked redelivered, and what was settled with a confirmation never comes back.
 *
 *   publishers (AMQP, MQTT, STOMP; all confirmed) ──▶ amq.topic ──┬─▶ four queues, each read and settled in another way
 *                                                                 └─▶ a kept MQTT session
 *
 * A round: load, kill at a moment nobody chose, restart, read everything that is there up to one last message, judge.
 */
import amqp from 'amqplib';
import mqtt from 'mqtt';
import type { RestartablePeer } from '../peers/index.ts';
import { within } from '../support/inbox.ts';
import {
  KeptSession,
  QUEUE_HABITS,
  queueOf,
  type Reader,
  readInTransactions,
  readPlainly,
  readWithReceipts,
} from './consumers.ts';
import { Ledger } from './ledger.ts';
import { startLoad } from './publishers.ts';

export interface RoundReport {
  readonly round: number;
  readonly published: number;
  readonly confirmed: number;
  /** Deliveries after the restart, in all destinations together, and how many of them were marked redelivered. */
  readonly delivered: number;
  readonly redelivered: number;
  /** Deliveries whose settlement had been confirmed before the kill: what must not come back. */
  readonly settled: number;
  readonly killedAfterMs: number;
  readonly restartMs: number;
  /** What was wrong; empty if nothing. */
  readonly failures: readonly string[];
}

export interface RoundsOptions {
  readonly rounds: number;
  /** A round's kill comes after so many confirms, at most and at least; where in between is left to chance. */
  readonly confirmsMin?: number;
  readonly confirmsMax?: number;
  readonly onRound?: (report: RoundReport) => void;
}

const LOAD_TIMEOUT_MS = 30_000;
const DRAIN_TIMEOUT_MS = 60_000;

export async function runKillRounds(broker: RestartablePeer, options: RoundsOptions): Promise<RoundReport[]> {
  const { confirmsMin = 300, confirmsMax = 2_500 } = options;
  const ledger = new Ledger();
  const session = new KeptSession();
  const destinations = {
    transaction: ledger.destination('transaction'),
    receipt: ledger.destination('receipt'),
    plain: ledger.destination('plain'),
    hold: ledger.destination('hold'),
    session: ledger.destination('session'),
  };
  await declare(broker);

  const reports: RoundReport[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const publishedBefore = ledger.published.size;
    const confirmedBefore = ledger.confirmed.size;
    const startedMs = performance.now();

    // Load, with five readers at work.
    const never = (): boolean => false;
    const nothing = (): void => {};
    const readers: Reader[] = [
      await readInTransactions(broker, queueOf('transaction'), destinations.transaction, never, nothing),
      await readWithReceipts(broker, queueOf('receipt'), destinations.receipt, never, nothing),
      await readPlainly(
        broker,
        queueOf('plain'),
        destinations.plain,
        (id) => Number(id.slice(id.lastIndexOf('.') + 1)) % 3 === 0,
      ),
      await readPlainly(broker, queueOf('hold'), destinations.hold, () => true),
      await session.read(broker, destinations.session, never, nothing),
    ];
    const target = confirmsMin + Math.floor(Math.random() * (confirmsMax - confirmsMin));
    let confirms = 0;
    let reached: () => void = () => {};
    const enough = new Promise<void>((resolve) => (reached = resolve));
    const load = await startLoad(broker, ledger, round, () => {
      if (++confirms === target) reached();
    });
    await within(
      enough,
      LOAD_TIMEOUT_MS,
      () => `round ${round}: ${confirms} of ${target} confirms\n${broker.transcript()}`,
    );

    await broker.kill();
    load.stop();
    const killedAfterMs = performance.now() - startedMs;
    for (const publisher of load.publishers) publisher.drop();
    await Promise.all(readers.map((reader) => reader.drop()));
    for (const destination of ledger.destinations) destination.killed();
    const settled = ledger.destinations.reduce(
      (sum, d) => sum + [...d.stages.values()].filter((s) => s === 'settled').length,
      0,
    );

    const downMs = performance.now();
    await broker.restart();
    // Every third round it is killed once more before anyone has read: recovery must not use up what it recovers.
    if (round % 3 === 0) await broker.restart();
    const restartMs = performance.now() - downMs;

    await drain(broker, session, destinations, round);
    const failures = ledger.destinations.flatMap((destination) => destination.verdict(ledger));
    const report: RoundReport = {
      round,
      published: ledger.published.size - publishedBefore,
      confirmed: ledger.confirmed.size - confirmedBefore,
      delivered: ledger.destinations.reduce((sum, d) => sum + d.arrivals.length, 0),
      redelivered: ledger.destinations.reduce((sum, d) => sum + d.arrivals.filter((a) => a.redelivered).length, 0),
      settled,
      killedAfterMs,
      restartMs,
      failures,
    };
    ledger.forgetBodies();
    reports.push(report);
    options.onRound?.(report);
  }
  return reports;
}

async function declare(broker: RestartablePeer): Promise<void> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${broker.amqpPort}`);
  const channel = await model.createChannel();
  for (const habit of QUEUE_HABITS) {
    await channel.assertQueue(queueOf(habit), { durable: true });
    await channel.bindQueue(queueOf(habit), 'amq.topic', 'kill.#');
  }
  await model.close();
}

/** Reads everything up to a last message, published now and so behind all that the broker kept; settles with confirmation. */
async function drain(
  broker: RestartablePeer,
  session: KeptSession,
  destinations: Record<'transaction' | 'receipt' | 'plain' | 'hold' | 'session', ReturnType<Ledger['destination']>>,
  round: number,
): Promise<void> {
  const end = Buffer.from(`end-${round}|`, 'latin1');
  const last = (body: Buffer): boolean => body.equals(end);
  const readers: Promise<Reader>[] = [];
  const ended = (start: (onLast: () => void) => Promise<Reader>): Promise<void> =>
    new Promise((resolve, reject) => {
      const reader = start(resolve);
      reader.catch(reject);
      readers.push(reader);
    });
  const all = [
    ended((onLast) => readInTransactions(broker, queueOf('transaction'), destinations.transaction, last, onLast)),
    ended((onLast) => readInTransactions(broker, queueOf('plain'), destinations.plain, last, onLast)),
    ended((onLast) => readInTransactions(broker, queueOf('hold'), destinations.hold, last, onLast)),
    ended((onLast) => readWithReceipts(broker, queueOf('receipt'), destinations.receipt, last, onLast)),
    ended((onLast) => session.read(broker, destinations.session, last, onLast)),
  ];
  const opened = await Promise.all(readers);
  const publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.mqttPort}`, {
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  await publisher.publishAsync('kill/end', end, { qos: 2 });
  await within(Promise.all(all), DRAIN_TIMEOUT_MS, () => {
    const counts = Object.values(destinations).map((d) => `${d.name} ${d.arrivals.length}`);
    return `round ${round}: not everything was read (${counts.join(', ')})\n${broker.transcript()}`;
  });
  await publisher.endAsync();
  await Promise.all(opened.map((reader) => reader.leave()));
}
