/** An attack: a seeded generator of bytes, and what most attacks are built of. */

/** A seeded source of chance, so that a failing wave can be run again. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

export interface Attack {
  readonly name: string;
  /** What is written, in one go. */
  bytes(chance: Chance): Buffer;
  /** The connection is left open, saying no more, until the wave is over. */
  readonly lingers?: boolean;
}

export const u16 = (n: number): Buffer => Buffer.from([(n >>> 8) & 255, n & 255]);
export const u32 = (n: number): Buffer => Buffer.from([(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
export const join = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
export const cut = (whole: Buffer, chance: Chance): Buffer => whole.subarray(0, 1 + chance.below(whole.length - 1));
/** Some bits turned over; `from` is where the harmless beginning ends. */
export function damaged(whole: Buffer, from: number, chance: Chance): Buffer {
  const copy = Buffer.from(whole);
  for (let i = 0; i < 1 + chance.below(8); i++) {
    const at = from + chance.below(Math.max(1, copy.length - from));
    if (at < copy.length) copy[at]! ^= 1 << chance.below(8);
  }
  return copy;
}

/** Attacks every protocol meets, made from one well-formed conversation and where its handshake ends. */
export function common(conversation: Buffer, handshakeEnd: number): Attack[] {
  return [
    { name: 'random bytes', bytes: (chance) => chance.bytes(1 + chance.below(2_000)) },
    { name: 'cut off', bytes: (chance) => cut(conversation, chance) },
    { name: 'damaged in the handshake', bytes: (chance) => damaged(conversation, 0, chance) },
    { name: 'damaged after the handshake', bytes: (chance) => damaged(conversation, handshakeEnd, chance) },
    {
      name: 'random bytes after the handshake',
      bytes: (chance) => join(conversation.subarray(0, handshakeEnd), chance.bytes(1 + chance.below(2_000))),
    },
    { name: 'half-open: says nothing', bytes: () => Buffer.alloc(0), lingers: true },
    {
      name: 'half-open: half a handshake',
      bytes: (chance) => cut(conversation.subarray(0, handshakeEnd), chance),
      lingers: true,
    },
  ];
}
