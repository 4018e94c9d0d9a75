/**
 * A protocol as the load generator speaks it: what is said before the load, a message, what comes back. Nothing of the broker's own
 * code is in it, for it is to cost less than what it measures and to speak to other brokers as well.
 */
export interface TalkOptions {
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
  /** A queue, or a topic of one level. */
  readonly name: string;
  readonly persistent: boolean;
  /** Publishers are confirmed; consumers acknowledge. */
  readonly confirmed: boolean;
  /** Unacknowledged messages of a consumer. */
  readonly prefetch: number;
  /** Unique among the connections of a run. */
  readonly index: number;
}

export interface Heard {
  /** A step has been answered. */
  step(): void;
  /** Its body begins there. */
  message(buffer: Buffer, bodyStart: number): void;
  /** The message of this number is safe, with `multiple` all before it too. */
  confirm(id: number, multiple: boolean): void;
  /** What the broker does not like. */
  error(text: string): void;
}

export interface Talk {
  /** Sent one by one, each once the one before has been answered. */
  readonly steps: readonly Buffer[];
  /** The number by which the nth message (from 1) is confirmed. */
  idOf(n: number): number;
  /** The message of this number, in pieces. */
  message(id: number, body: Buffer): readonly Buffer[];
  /** Takes whole frames; returns how many bytes those are. What is to be answered is put into `answers`. */
  parse(buffer: Buffer, heard: Heard, answers: Buffer[]): number;
  /** Said at the end of a run, by one of its connections; empty: nothing is to be cleared away. */
  readonly clearing: Buffer;
}

export const u16 = (n: number): Buffer => Buffer.from([(n >>> 8) & 255, n & 255]);
export const u32 = (n: number): Buffer => Buffer.from([(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
export const joined = (...parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
