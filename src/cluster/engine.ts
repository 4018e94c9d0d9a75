/**
 * The port between the log and the engine that carries it to other machines: all that is known above of an engine. What each call
 * promises is in `cluster.md` and asked of every engine by `test/cluster/engine-suite.ts`. Nothing here knows what the bytes mean.
 */

/** What became of an append, as far as this call knows. */
export type Appended =
  /** It is kept by the engine's majority, as the append of this number. */
  | { readonly kind: 'stored'; readonly sequence: number }
  /** This call has stored nothing: the last append is another one than was expected. An earlier call may have stored the same bytes. */
  | { readonly kind: 'refused'; readonly last: number }
  /** This call has stored nothing: the engine has no room. */
  | { readonly kind: 'full'; readonly reason: string }
  /** It may be stored, may never be, or may be stored later, for as long as its expectation is right. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** The appends that are kept. None: `first` is `last + 1`. Nothing was ever appended: 1 and 0. */
export interface Bounds {
  readonly first: number;
  readonly last: number;
}

export interface SharedAppend {
  readonly sequence: number;
  readonly bytes: Buffer;
}

/** The engine does not answer now, or not in time. It says nothing about what is stored. */
export class EngineAway extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EngineAway';
  }
}

/** Brings appends one after the other. One `next` at a time. */
export interface SharedReader {
  /**
   * Waits for the next append there is; null once it is stopped. A sequence that is more than one above the one before is a gap: what lay
   * there was discarded, or this replica has lost it.
   * @throws EngineAway it cannot go on now; make another reader
   */
  next(): Promise<SharedAppend | null>;
  stop(): void;
}

/** A vhost's appends, in one order. */
export interface SharedLog {
  /** Bytes of an append, at most. */
  readonly appendBytesMax: number;
  /**
   * Stores `bytes` behind the append number `expected`, or not at all. It ends after a second or two, whatever happens, and never throws.
   * One at a time. The bytes stay as they are for good: they may be sent after it has ended.
   */
  append(expected: number, bytes: Buffer): Promise<Appended>;
  /** @throws EngineAway */
  bounds(): Promise<Bounds>;
  /**
   * The append of this number as the engine's leader has it; null: there is none.
   * @throws EngineAway
   */
  read(sequence: number): Promise<Buffer | null>;
  /** Reads from this number on, or from the first that is kept, and goes on with what comes. */
  follow(from: number): SharedReader;
  /**
   * What is older than this number need not be kept any more.
   * @throws EngineAway
   */
  discardBelow(sequence: number): Promise<void>;
  /**
   * The replica that answers has lost something: another one is to answer, if there is one.
   * @throws EngineAway
   */
  distrust(): Promise<void>;
}

/** Renews itself until it is given back or lost. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Larger than that of every lease of this name before. */
  readonly epoch: number;
  /**
   * Until then, at least, nobody else gets it: on this machine's monotonic clock (`Clock.monotonicMs`), counted from when the last renewal
   * that was answered had been *sent*. It stands still once the lease is lost.
   */
  deadlineMs(): number;
  /** Gives it back, so that others need not wait for its end. It may fail; then it runs out. */
  giveBack(): Promise<void>;
}

/** What is told of a lease, for people. */
export interface LeaseHolder {
  readonly holder: string;
  readonly epoch: number;
}

export interface Engine {
  /** The shared log of this name, made if need be. @throws EngineAway */
  sharedLog(name: string): Promise<SharedLog>;
  /**
   * Takes the lease of this name; null: somebody has it.
   * @throws EngineAway it is not known; whoever tries again later may find that it was taken by itself, and waits for its end
   */
  takeLease(name: string, holder: string): Promise<Lease | null>;
  /** Who has it; null: nobody. It may be late. @throws EngineAway */
  leaseHolder(name: string): Promise<LeaseHolder | null>;
  /** What the engine is, in words for the operator, and what about it is not as it should be. @throws EngineAway */
  describe(): Promise<{ readonly about: string; readonly warnings: readonly string[] }>;
  close(): Promise<void>;
}
