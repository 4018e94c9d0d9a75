/**
 * Random histories against a model: publishes to one queue and to many, settlements with every outcome, transactions,
 * topology that comes and goes, adapters' state, retained messages; over segments so small that every history crosses
 * many, with memory so small that most reads are cold; and, every so often, a kill: a new broker on a copy of the files.
 * After each kill the broker must be just what the model is. The seed is in the failure's text.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ACCEPTED, MODIFIED, type Outcome, REJECTED, RELEASED } from '../../src/api/index.ts';
import type { Session } from '../../src/api/session.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { purged } from '../support/counted.ts';
import { consume, DURABLE, makeDraft, openSession, type Recorder, safe, send, startCore } from '../vhost/harness.ts';

const LAYOUT = {
  segmentBytes: 64 * 1024,
  blockBytes: 8 * 1024,
  residentBytesMax: 24 * 1024,
  checkpointBytes: 40 * 1024,
};
const QUEUES = ['q0', 'q1', 'q2'];
const DEAD = 'dead';

interface ModelMessage {
  readonly id: string;
  attempts: number;
}

interface Model {
  readonly queues: Map<string, ModelMessage[]>;
  readonly state: Map<string, string>;
  readonly retained: Map<string, string>;
  readonly bound: Set<string>;
}

type Step =
  | { kind: 'publish'; queue: number; bytes: number; times: number }
  | { kind: 'fanout'; bytes: number }
  | { kind: 'settle'; queue: number; outcome: Outcome; count: number }
  | { kind: 'transaction'; queue: number; from: number }
  | { kind: 'bind' | 'unbind' | 'delete' | 'purge'; queue: number }
  | { kind: 'state'; key: number; value: number }
  | { kind: 'retain'; key: number; bytes: number }
  | { kind: 'kill' }
  | { kind: 'stop' };

const queue = fc.nat({ max: QUEUES.length - 1 });
const bytes = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 6000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      queue,
      bytes,
      times: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fanout' as const), bytes }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      queue,
      outcome: fc.constantFrom<Outcome>(ACCEPTED, ACCEPTED, ACCEPTED, REJECTED, RELEASED, MODIFIED),
      count: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constant(1000)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('transaction' as const), queue, from: queue }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('bind' as const, 'unbind' as const, 'delete' as const, 'purge' as const),
      queue,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('state' as const), key: fc.nat({ max: 5 }), value: fc.nat({ max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('retain' as const),
      key: fc.nat({ max: 3 }),
      bytes: fc.nat({ max: 300 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'stop' as const }) },
);

/** Segments come and go in the background: a copy during which a name changed is no picture of one moment. */
async function copyAtRest(from: string, to: string): Promise<void> {
  for (;;) {
    const names = readdirSync(from, { recursive: true }).join();
    try {
      cpSync(from, to, { recursive: true });
      if (readdirSync(from, { recursive: true }).join() === names) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    rmSync(to, { recursive: true, force: true });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

class History {
  broker!: Broker;
  session!: Session;
  readonly model: Model = { queues: new Map(), state: new Map(), retained: new Map(), bound: new Set() };
  kills = 0;
  private next = 1;
  private data: string;
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    this.data = join(directory, 'data');
  }

  async start(): Promise<void> {
    this.broker = await startCore(this.data, { log: LAYOUT });
    this.session = openSession(this.broker);
  }

  declare(): void {
    this.session.declareExchange('fan', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    for (const name of [DEAD, ...QUEUES]) this.declareQueue(name);
  }

  private declareQueue(name: string): void {
    const dead = [
      { name: 'x-dead-letter-exchange', value: '' },
      { name: 'x-dead-letter-routing-key', value: DEAD },
    ];
    this.session.declareQueue(name, name === DEAD ? DURABLE : { ...DURABLE, arguments: dead });
    if (!this.model.queues.has(name)) this.model.queues.set(name, []);
  }

  private body(id: string, size: number): string {
    return `${id}:`.padEnd(size, 'x');
  }

  private idOf(body: string): string {
    return body.slice(0, body.indexOf(':'));
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) await this.step(one);
    await this.kill();
  }

  private async step(one: Step): Promise<void> {
    const { model, session } = this;
    switch (one.kind) {
      case 'publish':
        for (let i = 0; i < one.times; i++) this.publish(QUEUES[one.queue]!, one.bytes);
        return;
      case 'fanout': {
        const id = `m${this.next++}`;
        send(session, 'k', this.body(id, one.bytes), { exchange: 'fan' });
        for (const name of model.bound) model.queues.get(name)!.push({ id, attempts: 0 });
        return;
      }
      case 'settle':
        return this.settle(QUEUES[one.queue]!, one.outcome, one.count);
      case 'transaction':
        return this.transaction(QUEUES[one.queue]!, QUEUES[one.from]!);
      case 'bind':
        session.bindQueue(QUEUES[one.queue]!, 'fan', '', { spelling: 0, arguments: [] });
        model.bound.add(QUEUES[one.queue]!);
        return;
      case 'unbind':
        session.unbindQueue(QUEUES[one.queue]!, 'fan', '', { spelling: 0, arguments: [] });
        model.bound.delete(QUEUES[one.queue]!);
        return;
      case 'delete':
        session.deleteQueue(QUEUES[one.queue]!, false, false);
        model.queues.delete(QUEUES[one.queue]!);
        model.bound.delete(QUEUES[one.queue]!);
        this.declareQueue(QUEUES[one.queue]!);
        return;
      case 'purge':
        expect(purged(session, QUEUES[one.queue]!, this.broker.turn)).toBe(
          model.queues.get(QUEUES[one.queue]!)!.length,
        );
        model.queues.set(QUEUES[one.queue]!, []);
        return;
      case 'state':
        if (one.value === 0) {
          session.state.delete(`k${one.key}`);
          model.state.delete(`k${one.key}`);
        } else {
          session.state.put(`k${one.key}`, Buffer.from(`${one.value}`));
          model.state.set(`k${one.key}`, `${one.value}`);
        }
        return;
      case 'retain': {
        const body = one.bytes === 0 ? '' : this.body(`r${this.next++}`, one.bytes + 8);
        send(session, `t.${one.key}`, body, { exchange: 'amq.topic', retain: true });
        if (body === '') model.retained.delete(`t.${one.key}`);
        else model.retained.set(`t.${one.key}`, body);
        return;
      }
      case 'kill':
        return this.kill();
      case 'stop':
        await this.broker.close();
        await this.start();
        return this.compare();
    }
  }

  private publish(name: string, size: number): void {
    const id = `m${this.next++}`;
    expect(send(this.session, name, this.body(id, size)).routed).toBe(1);
    this.model.queues.get(name)!.push({ id, attempts: 0 });
  }

  /** Takes up to `count` from the head, settles the first half of them so (all, if many), and gives the rest back. */
  private async settle(name: string, outcome: Outcome, count: number): Promise<void> {
    const waiting = this.model.queues.get(name)!;
    const wanted = Math.min(count, waiting.length);
    const reader = await this.read(name, wanted);
    const settled = count >= 1000 ? reader.seen : reader.seen.slice(0, Math.ceil(wanted / 2));
    reader.consumer.cancel();
    for (const { slot } of reader.seen.slice(settled.length)) reader.consumer.settle(slot, RELEASED);
    for (const { slot } of settled) reader.consumer.settle(slot, outcome);
    const taken = waiting.splice(0, settled.length);
    if (outcome === REJECTED) {
      // Out of memory they are read back first: the dead letters arrive a moment later.
      const dead = this.model.queues.get(DEAD)!;
      dead.push(...taken.map(({ id }) => ({ id, attempts: 0 })));
      await expect.poll(() => this.session.checkQueue(DEAD).messages, { interval: 1 }).toBe(dead.length);
    }
    if (outcome === RELEASED) waiting.unshift(...taken);
    if (outcome === MODIFIED) waiting.unshift(...taken.map(({ id, attempts }) => ({ id, attempts: attempts + 1 })));
  }

  /** One message in, one out, together. */
  private async transaction(to: string, from: string): Promise<void> {
    const id = `m${this.next++}`;
    const tx = this.session.transaction();
    tx.publish(this.session.route('', 0, Buffer.from(to), 0, to.length), makeDraft(this.body(id, 50)));
    const reader = await this.read(from, Math.min(1, this.model.queues.get(from)!.length));
    if (reader.seen.length === 1) {
      tx.settle(reader.consumer, reader.seen[0]!.slot, ACCEPTED);
      this.model.queues.get(from)!.shift();
    }
    tx.commit();
    reader.consumer.cancel(RELEASED);
    this.model.queues.get(to)!.push({ id, attempts: 0 });
  }

  private async read(name: string, count: number): Promise<Recorder> {
    const reader = consume(this.session, name, { prefetch: Math.max(1, count) });
    this.broker.turn.end();
    if (count > 0) await expect.poll(() => reader.seen.length, { interval: 1 }).toBe(count);
    return reader;
  }

  private async kill(): Promise<void> {
    await safe(this.session);
    const copy = join(this.directory, `after-${++this.kills}`);
    await copyAtRest(join(this.data, 'vhosts'), join(copy, 'vhosts'));
    await this.broker.close();
    rmSync(this.data, { recursive: true });
    this.data = copy;
    await this.start();
    await this.compare();
  }

  private async compare(): Promise<void> {
    const { model, session } = this;
    const wanted: Record<string, string[]> = {};
    const found: Record<string, string[]> = {};
    for (const [name, messages] of model.queues) {
      // Dead letters of several messages read back at once may change places.
      const order = (list: string[]): string[] => (name === DEAD ? list.sort() : list);
      wanted[name] = order(messages.map(({ id, attempts }) => `${id} ${attempts}`));
      const reader = await this.read(name, session.checkQueue(name).messages);
      found[name] = order(reader.seen.map((seen) => `${this.idOf(seen.body)} ${seen.attempts}`));
      for (const seen of reader.seen) expect(seen.redelivered || this.kills === 0 || seen.attempts === 0).toBe(true);
      reader.consumer.cancel(RELEASED);
    }
    expect(found).toEqual(wanted);
    expect(Object.fromEntries(session.state.keys('').map((key) => [key, session.state.get(key)!.toString()]))).toEqual(
      Object.fromEntries(model.state),
    );
    const fan = new Set(QUEUES.filter((name) => session.bindings(name).some((binding) => binding.exchange === 'fan')));
    expect(fan).toEqual(model.bound);
    const { name } = session.declareQueue('', { durable: false, exclusive: true, autoDelete: false, arguments: [] });
    session.replayRetained(name, 'amq.topic', '#', { spelling: 0, arguments: [] });
    const reader = await this.read(name, model.retained.size);
    expect(Object.fromEntries(reader.seen.map((seen) => [seen.key, seen.body]))).toEqual(
      Object.fromEntries(model.retained),
    );
    session.deleteQueue(name, false, false);
  }
}

it('is after every kill what a model of it is', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
      const directory = mkdtempSync(join(tmpdir(), 'entrepot-model-'));
      const history = new History(directory);
      await history.start();
      try {
        history.declare();
        await history.run(steps);
      } finally {
        await history.broker.close();
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: Number(process.env['ENTREPOT_MODEL_RUNS'] ?? 25) },
  );
});
