/** Leases in a key-value bucket, kept by a thread of their own (`lease-worker.ts`), which is started with the first. */
import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../clock/clock.ts';
import { EngineAway, type Lease, type LeaseHolder } from '../engine.ts';
import { LeaseMemory } from './lease-memory.ts';
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from './lease-messages.ts';

type Answer = FromLeaseThread & { kind: 'answer' };

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export class JetStreamLeases {
  private readonly data: LeaseThreadData;
  private readonly clock: Clock;
  private worker: Worker | undefined = undefined;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;

  constructor(data: LeaseThreadData, clock: Clock) {
    this.data = data;
    this.clock = clock;
  }

  async take(name: string, holder: string): Promise<Lease | null> {
    const memory = LeaseMemory.make();
    const id = this.nextId++;
    const { epoch } = await this.ask({ kind: 'take', id, name, holder, nonce: randomUUID(), memory });
    if (epoch === 0) return null;
    const shared = new LeaseMemory(memory, this.data.leaseMs);
    const { clock } = this;
    return {
      name,
      holder,
      epoch,
      deadlineMs: () => clock.monotonicMs() + shared.leftMs(),
      giveBack: async () => {
        await this.ask({ kind: 'give-back', id });
      },
    };
  }

  async holder(name: string): Promise<LeaseHolder | null> {
    const { epoch, holder } = await this.ask({ kind: 'holder', id: this.nextId++, name });
    return holder === undefined ? null : { holder, epoch };
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ kind: 'close' } satisfies ToLeaseThread);
    await ended;
  }

  private ask(message: ToLeaseThread & { id: number }): Promise<Answer> {
    this.worker ??= this.start();
    const { worker } = this;
    return new Promise((resolve, reject) => {
      this.waiting.set(message.id, { resolve, reject });
      worker.postMessage(message);
    });
  }

  private start(): Worker {
    // From source Node runs the TypeScript as it is; what is published is JavaScript.
    const name = import.meta.url.endsWith('.ts') ? './lease-worker.ts' : './lease-worker.js';
    const worker = new Worker(new URL(name, import.meta.url), { workerData: this.data });
    worker.on('message', (message: FromLeaseThread) => {
      const waiting = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.kind === 'answer') waiting?.resolve(message);
      else waiting?.reject(new EngineAway(message.reason));
    });
    // Leases that it kept run out: their holders see that by themselves.
    const gone = (reason: string): void => {
      if (this.worker === worker) this.worker = undefined;
      for (const { reject } of this.waiting.values()) reject(new EngineAway(reason));
      this.waiting.clear();
    };
    worker.on('error', (error) => gone(`the thread that keeps leases has failed: ${(error as Error).message}`));
    worker.on('exit', () => gone('the thread that keeps leases has ended'));
    return worker;
  }
}
