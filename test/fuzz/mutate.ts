/**
 * From valid packets to damaged ones. The number of an input decides everything about it, so that any input can be made
 * again: `node scripts/fuzz.ts NAME --seed S --only I`.
 */
import { Random } from './random.ts';
import type { Conversation, FuzzTarget } from './target.ts';

/** A run of packets takes this many at most: deep enough for states, short enough for speed. */
const RUN_MAX = 12;
const PACKET_BYTES_MAX = 512 * 1024;
/** Numbers at which lengths, counts and signs turn. */
const EDGES: readonly Buffer[] = [
  [0x00],
  [0x01],
  [0x7f],
  [0x80],
  [0xff],
  [0x7f, 0xff],
  [0x80, 0x00],
  [0xff, 0xff],
  [0x00, 0x00, 0x00, 0x00],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0x00, 0x00, 0x00],
  [0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
].map((bytes) => Buffer.from(bytes));

export interface FuzzInput {
  readonly bytes: Buffer;
  /** Where the stream is cut into chunks, ascending; the end is not listed. */
  readonly cuts: readonly number[];
}

export function inputOf(target: FuzzTarget, seed: number, index: number): FuzzInput {
  const random = new Random(seed, index);
  const conversation = conversationOf(target, random);
  const from = random.below(conversation.packets.length);
  const packets = conversation.packets.slice(from, from + 1 + random.below(RUN_MAX));
  // Now and then the whole of it, so that what needs a long history is reached as well.
  const run = random.onceIn(16) ? [...conversation.packets] : packets;
  for (let damage = 1 + random.below(4); damage > 0; damage--) damageRun(target, random, run);
  const prelude = random.onceIn(16) ? damaged(target, random, conversation.prelude) : conversation.prelude;
  const bytes = Buffer.concat([...prelude, ...run]);
  return { bytes, cuts: cutsOf(random, bytes.length) };
}

function conversationOf(target: FuzzTarget, random: Random): Conversation {
  const weights = target.conversations.map(({ weight }) => weight ?? 1);
  let left = random.below(weights.reduce((a, b) => a + b, 0));
  return target.conversations[weights.findIndex((weight) => (left -= weight) < 0)]!;
}

function damaged(target: FuzzTarget, random: Random, packets: readonly Buffer[]): Buffer[] {
  const run = [...packets];
  damageRun(target, random, run);
  return run;
}

/** One change: to the order of the packets, or within one of them. */
function damageRun(target: FuzzTarget, random: Random, run: Buffer[]): void {
  const at = random.below(run.length);
  const packet = run[at];
  if (packet === undefined) return;
  switch (random.below(12)) {
    case 0:
      run.splice(at, 1);
      return;
    case 1:
      run.splice(random.below(run.length + 1), 0, packet);
      return;
    case 2:
      run.push(...run.splice(at, 1));
      return;
    case 3: {
      // A packet of another conversation, where nobody expects it.
      const other = random.of(target.conversations);
      const all = random.onceIn(4) ? other.prelude : other.packets;
      if (all.length > 0) run.splice(at, 0, random.of(all));
      return;
    }
    default: {
      const broken = damagePacket(target, random, packet);
      run[at] = target.repair !== null && !random.onceIn(3) ? target.repair(broken) : broken;
    }
  }
}

/** The meaning of a packet lies in its first bytes, mostly. */
function placeIn(random: Random, packet: Buffer): number {
  return random.below(random.onceIn(3) ? packet.length : Math.min(packet.length, 48));
}

function damagePacket(target: FuzzTarget, random: Random, packet: Buffer): Buffer {
  const at = placeIn(random, packet);
  switch (random.below(8)) {
    case 0: {
      const copy = Buffer.from(packet);
      if (at < copy.length) copy[at] = copy[at]! ^ (1 << random.below(8));
      return copy;
    }
    case 1: {
      const copy = Buffer.from(packet);
      if (at < copy.length) copy[at] = random.below(256);
      return copy;
    }
    case 2:
      return overwritten(packet, at, random.of(EDGES));
    case 3:
      return spliced(packet, at, 0, random.of(EDGES));
    case 4:
      return target.dictionary.length === 0
        ? overwritten(packet, at, random.of(EDGES))
        : overwritten(packet, at, random.of(target.dictionary));
    case 5:
      return target.dictionary.length === 0
        ? spliced(packet, at, 0, random.of(EDGES))
        : spliced(packet, at, 0, random.of(target.dictionary));
    case 6:
      // A piece goes: a byte or two mostly, the rest of the packet sometimes.
      return spliced(packet, at, random.onceIn(4) ? packet.length : 1 + random.below(4), Buffer.alloc(0));
    default: {
      // A piece comes twice, or very often.
      const piece = packet.subarray(at, at + 1 + random.below(16));
      const times = random.onceIn(8) ? 200 : 1 + random.below(3);
      if (packet.length + piece.length * times > PACKET_BYTES_MAX) return packet;
      return spliced(packet, at, 0, Buffer.concat(new Array<Buffer>(times).fill(piece)));
    }
  }
}

function overwritten(packet: Buffer, at: number, bytes: Buffer): Buffer {
  const copy = Buffer.from(packet);
  bytes.copy(copy, at);
  return copy;
}

function spliced(packet: Buffer, at: number, gone: number, bytes: Buffer): Buffer {
  return Buffer.concat([packet.subarray(0, at), bytes, packet.subarray(Math.min(packet.length, at + gone))]);
}

function cutsOf(random: Random, bytes: number): number[] {
  switch (random.below(4)) {
    case 0: {
      // Byte by byte for a stretch, whole before and behind it.
      const from = random.below(bytes);
      return Array.from({ length: Math.min(64, bytes - from) }, (_, i) => from + i).filter((cut) => cut > 0);
    }
    case 1: {
      const cuts = new Set<number>();
      for (let n = random.below(6); n > 0; n--) cuts.add(1 + random.below(bytes - 1));
      return [...cuts].filter((cut) => cut < bytes).sort((a, b) => a - b);
    }
    default:
      return [];
  }
}
