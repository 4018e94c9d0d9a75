/**
 * A leader's side of the log's hook: what a flush writes goes into the shared log, append by append, each when the one before is known to be
 * there. It ends when all are, and the tenure still holds; or with the reason why this node does not lead any more.
 */
import type { Done } from '../../log/files/files.ts';
import type { LogReplica, ReplicaPart } from '../../log/replica.ts';
import type { SharedLog } from '../engine.ts';
import { BATCHES, writeAppend } from '../envelope.ts';
import type { Report } from '../events.ts';
import { type AppendParts, cutIntoAppends } from './appends.ts';
import type { FencedAppender } from './fenced-appender.ts';
import type { Tenure } from './tenure.ts';

/** So that a batch with its envelope fits into any append, and not far above what an append takes at best. */
const BATCH_BYTES_MAX = 224 * 1024;

export interface StreamReplicaOptions {
  readonly log: SharedLog;
  readonly appender: FencedAppender;
  readonly tenure: Tenure;
  readonly logId: Buffer;
  readonly owner: string;
  /** Where the log goes on, as the claim says. */
  readonly nextBatch: number;
  readonly checksum: number;
  /** The appends in which segments began, as far as they are known. */
  readonly starts: ReadonlyMap<number, number>;
  readonly report: Report;
  /** It has failed: this node does not lead any more. Called once. */
  readonly failed: (reason: Error) => void;
}

export class StreamReplica implements LogReplica {
  readonly batchBytesMax = BATCH_BYTES_MAX;
  /** Of what was appended and acknowledged in this tenure. */
  appends = 0;
  bytes = 0;
  private readonly options: StreamReplicaOptions;
  private number = 0;
  private nextBatch: number;
  private checksum: number;
  private readonly starts: Map<number, number>;
  private checkpoint = 0;
  private checkpointBefore = 0;

  constructor(options: StreamReplicaOptions) {
    this.options = options;
    this.nextBatch = options.nextBatch;
    this.checksum = options.checksum;
    this.starts = new Map(options.starts);
  }

  /** What this node has, and the shared log has not. @throws Error why this node does not lead any more */
  restore(parts: readonly ReplicaPart[]): Promise<void> {
    return this.store(this.encode(cutIntoAppends(parts)));
  }

  write(parts: readonly ReplicaPart[], done: Done): void {
    // Up to the first append this runs at once: the bytes are copied by the time it returns.
    const stored = async (): Promise<void> => this.store(this.encode(cutIntoAppends(parts)));
    stored().then(
      () => done(undefined),
      (error: Error) => {
        this.options.failed(error);
        done(error);
      },
    );
  }

  /** The parts' bytes are the log's again when this returns. */
  private encode(appends: readonly AppendParts[]): { readonly append: AppendParts; readonly bytes: Buffer }[] {
    const { logId, tenure, owner } = this.options;
    return appends.map((append) => {
      const { firstBatch, lastBatch, parts } = append;
      if (firstBatch !== this.nextBatch) throw new Error(`batch ${firstBatch} where ${this.nextBatch} was to come`);
      const { epoch } = tenure.lease;
      const head = {
        logId,
        epoch,
        owner,
        kind: BATCHES,
        number: ++this.number,
        firstBatch,
        checksumBefore: this.checksum,
      } as const;
      this.nextBatch = lastBatch + 1;
      this.checksum = append.checksum;
      return { append, bytes: writeAppend(head, parts) };
    });
  }

  private async store(appends: readonly { readonly append: AppendParts; readonly bytes: Buffer }[]): Promise<void> {
    const { appender, tenure } = this.options;
    for (const { append, bytes } of appends) {
      if (!tenure.holds) throw tenure.over;
      const sequence = await appender.append(bytes);
      this.appends++;
      this.bytes += bytes.length;
      const first = append.parts[0]!;
      if (first.position === 0) this.starts.set(first.segment, sequence);
      if (append.checkpoint !== this.checkpoint) this.checkpointed(append.checkpoint);
    }
  }

  /** What disk and engine both have is true; but others may lead by now, and only one is to speak. */
  lapsed(): Error | undefined {
    const { tenure } = this.options;
    return tenure.holds ? undefined : tenure.over;
  }

  /** A later checkpoint counts. What is before the one before it is needed by nobody who has kept up. */
  private checkpointed(segment: number): void {
    this.checkpointBefore = this.checkpoint;
    this.checkpoint = segment;
    const sequence = this.starts.get(this.checkpointBefore);
    if (sequence === undefined) return;
    for (const number of this.starts.keys()) if (number < this.checkpointBefore) this.starts.delete(number);
    this.options.log.discardBelow(sequence).catch((error: Error) => {
      this.options.report({ kind: 'not-discarded', reason: error.message });
    });
  }
}
