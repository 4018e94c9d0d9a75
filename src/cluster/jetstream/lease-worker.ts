/**
 * The thread that keeps leases: a connection of its own, a clock of its own, so that a long turn of the broker's event loop loses none.
 * What it knows lies in memory that both threads see (`lease-memory.ts`).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock, Timer } from '../../clock/clock.ts';
import { type Connection, errorCode, type KeyValue, loadClient, safeName, WRONG_LAST_SEQUENCE } from './client.ts';
import { LeaseMemory, nowNs } from './lease-memory.ts';
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from './lease-messages.ts';
import { readerOptions } from './settings.ts';

const RENEWALS = 3;
/** A renewal that got no answer is tried again so soon. */
const AGAIN_MS = 500;

interface Value {
  readonly holder: string;
  /** Drawn for each leadership: tells our own lease, whose answer got lost, from another one of the same node. */
  readonly nonce: string;
  /** Not in the first value: the revision of that one is the epoch. */
  readonly epoch?: number;
}

const { servers, replicas, leaseMs, bucket } = workerData as LeaseThreadData;
const port = parentPort!;
const clock = new SystemClock();
let keyValue: Promise<KeyValue> | undefined;
let connection: Connection | undefined;

async function open(): Promise<KeyValue> {
  const client = await loadClient();
  connection ??= await client.connect({ ...readerOptions(servers), name: 'entrepot leases' });
  // A bucket's ttl is the lease's; whoever reads from any replica reads what is not true any more.
  const options = { history: 1, ttl: leaseMs, replicas, storage: 'file', allow_direct: false };
  return client.keyValue(connection, bucket, options);
}

function leases(): Promise<KeyValue> {
  keyValue ??= open().catch((error) => {
    keyValue = undefined;
    throw error;
  });
  return keyValue;
}

class KeptLease {
  readonly id: number;
  readonly key: string;
  readonly value: Value;
  revision: number;
  readonly epoch: number;
  private readonly memory: LeaseMemory;
  private readonly renewing = new Timer(() => void this.renew());
  private ended = false;

  constructor(id: number, key: string, value: Value, revision: number, memory: LeaseMemory) {
    this.id = id;
    this.key = key;
    this.value = value;
    this.revision = revision;
    this.epoch = revision;
    this.memory = memory;
    clock.schedule(this.renewing, leaseMs / RENEWALS);
  }

  private async renew(): Promise<void> {
    const sentNs = nowNs();
    try {
      const kv = await leases();
      const value = JSON.stringify({ ...this.value, epoch: this.epoch });
      this.revision = await kv.update(this.key, value, this.revision);
      this.renewed(sentNs);
    } catch (error) {
      if (errorCode(error) === WRONG_LAST_SEQUENCE) await this.look();
      else this.again();
    }
  }

  /** The revision is another one: a renewal of ours was stored without our hearing of it, or somebody else has it. */
  private async look(): Promise<void> {
    try {
      const entry = await (await leases()).get(this.key);
      const value = entry?.operation === 'PUT' ? (JSON.parse(entry.string()) as Value) : undefined;
      if (value?.nonce !== this.value.nonce) {
        this.end();
        return;
      }
      this.revision = entry!.revision;
    } catch {}
    this.again();
  }

  private renewed(sentNs: bigint): void {
    if (this.ended) return;
    this.memory.renewed(sentNs);
    clock.schedule(this.renewing, leaseMs / RENEWALS);
  }

  private again(): void {
    if (!this.ended) clock.schedule(this.renewing, AGAIN_MS);
  }

  end(): void {
    this.ended = true;
    clock.cancel(this.renewing);
    kept.delete(this.id);
  }
}

const kept = new Map<number, KeptLease>();

async function take(message: ToLeaseThread & { kind: 'take' }): Promise<FromLeaseThread> {
  const { id, name, holder, memory } = message;
  const key = safeName(name);
  const value: Value = { holder, nonce: message.nonce };
  const kv = await leases();
  const sentNs = nowNs();
  let revision: number;
  try {
    revision = await kv.create(key, JSON.stringify(value));
  } catch (error) {
    const entry = await kv.get(key);
    const there = entry?.operation === 'PUT' ? (JSON.parse(entry.string()) as Value) : undefined;
    if (there?.nonce !== value.nonce) {
      if (errorCode(error) === WRONG_LAST_SEQUENCE) return { kind: 'answer', id, epoch: 0 };
      throw error;
    }
    revision = entry!.revision; // it was stored, and the answer got lost
  }
  const shared = new LeaseMemory(memory, leaseMs);
  shared.renewed(sentNs);
  kept.set(id, new KeptLease(id, key, value, revision, shared));
  return { kind: 'answer', id, epoch: revision };
}

async function giveBack(id: number): Promise<FromLeaseThread> {
  const lease = kept.get(id);
  if (lease !== undefined) {
    lease.end();
    const kv = await leases();
    await kv.delete(lease.key, { previousSeq: lease.revision });
  }
  return { kind: 'answer', id, epoch: 0 };
}

async function holder(id: number, name: string): Promise<FromLeaseThread> {
  const entry = await (await leases()).get(safeName(name));
  if (entry?.operation !== 'PUT') return { kind: 'answer', id, epoch: 0 };
  const value = JSON.parse(entry.string()) as Value;
  return { kind: 'answer', id, epoch: value.epoch ?? entry.revision, holder: value.holder };
}

port.on('message', (message: ToLeaseThread) => {
  if (message.kind === 'close') {
    for (const lease of [...kept.values()]) lease.end();
    clock.stop();
    void Promise.resolve(connection?.close()).finally(() => port.close());
    return;
  }
  const work =
    message.kind === 'take'
      ? take(message)
      : message.kind === 'give-back'
        ? giveBack(message.id)
        : holder(message.id, message.name);
  work.then(
    (answer) => port.postMessage(answer),
    (error: Error) =>
      port.postMessage({ kind: 'failed', id: message.id, reason: error.message } satisfies FromLeaseThread),
  );
});
