import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turn } from '../../src/clock/turn.ts';
import { PinnedMemory, REFERENCED_BYTES_MIN } from '../../src/message/pinned-memory.ts';
import { Output, type OutputSink, WRITE_BUFFER_BYTES } from '../../src/transport/output.ts';

/** Takes what is written; when it is slow, the bytes stay the output's until `read`. */
class Peer implements OutputSink {
  unsentBytes = 0;
  slow = false;
  writes = 0;
  readonly tellsSent: boolean;
  private readonly got: Buffer[] = [];
  private readonly waiting: Buffer[] = [];
  private readonly toTell: (() => void)[] = [];

  constructor(tellsSent = false) {
    this.tellsSent = tellsSent;
  }

  writeAll(buffers: Buffer[], sent: (() => void) | null): boolean {
    this.writes++;
    if (!this.slow) this.read(); // what came before goes first
    this.waiting.push(...buffers);
    if (sent !== null) this.toTell.push(sent);
    if (!this.slow) this.read();
    return !this.slow;
  }

  read(): void {
    for (const buffer of this.waiting.splice(0)) this.got.push(Buffer.from(buffer));
    for (const sent of this.toTell.splice(0)) sent();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.got);
  }
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1900, max: 2200 }) },
  { weight: 1, arbitrary: fc.integer({ min: WRITE_BUFFER_BYTES - 100, max: 2 * WRITE_BUFFER_BYTES }) },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ to: fc.nat(2), size, whole: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constant('turn' as const) },
  { weight: 1, arbitrary: fc.record({ slow: fc.nat(2) }) },
);

/** Memory that is written over as soon as nobody pins it. */
class Lent {
  readonly buffer: Buffer;
  readonly memory: PinnedMemory;

  /** @param memoryBytes of what it lies in */
  constructor(bytes: Buffer, shared = false, memoryBytes = bytes.length) {
    this.buffer = bytes;
    this.memory = new PinnedMemory(memoryBytes, shared, () => bytes.fill(0xee));
  }

  pinned(): PinnedMemory {
    return this.memory;
  }
}

describe('Output', () => {
  it('gives each connection its own bytes in their order, whatever the sizes, and however slowly they leave', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const turn = new Turn();
        const peers = [new Peer(), new Peer(), new Peer()];
        const outputs = peers.map((peer) => new Output(peer, turn));
        const said: Buffer[][] = [[], [], []];
        let next = 1;
        for (const it of steps) {
          if (it === 'turn') turn.end();
          else if ('slow' in it) peers[it.slow]!.slow = !peers[it.slow]!.slow;
          else {
            const bytes = Buffer.alloc(it.size, (next = (next * 31 + 7) & 0xff));
            said[it.to]!.push(bytes);
            const output = outputs[it.to]!;
            if (it.whole) {
              const at = output.reserve(it.size);
              bytes.copy(output.buffer, at);
            } else output.append(bytes);
          }
        }
        turn.end();
        peers.forEach((peer, i) => {
          peer.read();
          expect(peer.bytes.equals(Buffer.concat(said[i]!))).toBe(true);
        });
      }),
      {
        numRuns: 300,
        examples: [
          [
            [
              { to: 0, size: 1900, whole: false },
              { slow: 0 },
              'turn',
              { slow: 0 },
              { to: 0, size: 1900, whole: false },
            ],
          ],
        ],
      },
    );
  });

  it('writes bodies from where they lie, in their order, and lets go of them when they have left', () => {
    const piece = fc.oneof(
      { weight: 4, arbitrary: fc.record({ to: fc.nat(1), size, lent: fc.boolean() }) },
      { weight: 2, arbitrary: fc.constant('turn' as const) },
      { weight: 1, arbitrary: fc.record({ slow: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ close: fc.nat(1) }) },
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (steps) => {
        const turn = new Turn();
        const peers = [new Peer(true), new Peer(true)];
        const outputs = peers.map((peer) => new Output(peer, turn));
        const said: Buffer[][] = [[], []];
        const closed = [false, false];
        const lent: Lent[] = [];
        let next = 1;
        for (const it of steps) {
          if (it === 'turn') {
            turn.end();
          } else if ('slow' in it) {
            peers[it.slow]!.slow = !peers[it.slow]!.slow;
          } else if ('close' in it) {
            turn.end();
            closed[it.close] = true;
            outputs[it.close]!.close();
          } else {
            const bytes = Buffer.alloc(it.size, (next = (next * 31 + 7) & 0x7f));
            if (!closed[it.to]) said[it.to]!.push(Buffer.from(bytes));
            if (it.lent) {
              const body = new Lent(bytes);
              lent.push(body);
              outputs[it.to]!.appendBody(bytes, 0, bytes.length, body);
            } else outputs[it.to]!.append(bytes);
          }
        }
        turn.end();
        peers.forEach((peer, i) => {
          peer.read();
          expect(peer.bytes.equals(Buffer.concat(said[i]!))).toBe(true);
        });
        expect(lent.some(({ memory }) => memory.isPinned)).toBe(false);
        expect(PinnedMemory.bytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('pins nothing for a few bytes of a client that does not keep up, unless it is shared, and nothing past the bound', () => {
    const turn = new Turn();
    const peer = new Peer(true);
    peer.slow = true;
    const output = new Output(peer, turn);
    const size = REFERENCED_BYTES_MIN;
    const [first, second, shared, long] = [
      new Lent(Buffer.alloc(size, 1), false, 64 * size),
      new Lent(Buffer.alloc(size, 2), false, 64 * size),
      new Lent(Buffer.alloc(size, 3), true, 64 * size),
      new Lent(Buffer.alloc(4 * size, 3), false, 64 * size),
    ];
    output.appendBody(first.buffer, 0, size, first);
    turn.end();
    peer.unsentBytes = size;
    output.appendBody(second.buffer, 0, size, second);
    output.appendBody(shared.buffer, 0, size, shared);
    // A sixteenth of what it lies in.
    output.appendBody(long.buffer, 0, 4 * size, long);
    turn.end();
    expect([first, second, shared, long].map(({ memory }) => memory.isPinned)).toEqual([true, false, true, true]);
    second.buffer.fill(0xee);
    peer.unsentBytes = 0;
    peer.read();
    expect(PinnedMemory.bytes).toBe(0);
    const [other, large] = [new PinnedMemory(PinnedMemory.bytesMax), new Lent(Buffer.alloc(size, 4))];
    const { refused } = PinnedMemory;
    other.hold();
    output.appendBody(large.buffer, 0, size, large);
    expect(large.memory.isPinned).toBe(false);
    expect(PinnedMemory.refused).toBe(refused + 1);
    other.release();
    turn.end();
    peer.read();
    expect([...new Set(peer.bytes)]).toEqual([1, 2, 3, 4]);
  });

  it('lets go of bodies that are not written any more', () => {
    const turn = new Turn();
    const output = new Output(new Peer(true), turn);
    const body = new Lent(Buffer.alloc(REFERENCED_BYTES_MIN));
    output.appendBody(body.buffer, 0, body.buffer.length, body);
    expect(body.memory.isPinned).toBe(true);
    output.close();
    expect(body.memory.isPinned).toBe(false);
    turn.end();
    output.appendBody(body.buffer, 0, body.buffer.length, body);
    expect(body.memory.isPinned).toBe(false);
  });

  it('is congested within the turn once more than its bound was written, and says when that has left', () => {
    for (const slow of [false, true]) {
      const turn = new Turn();
      const peer = new Peer();
      peer.slow = slow;
      const output = new Output(peer, turn, 256 * 1024);
      let drains = 0;
      output.onDrained = () => drains++;
      let written = 0;
      while (!output.congested) {
        output.append(Buffer.alloc(1_000));
        written += 1_000;
        if (written > 1024 * 1024) throw new Error('never congested');
      }
      expect(peer.writes).toBe(0); // still in the same turn
      expect(written).toBeGreaterThan(256 * 1024);
      expect(written).toBeLessThan(256 * 1024 + 2 * WRITE_BUFFER_BYTES);
      if (slow) peer.unsentBytes = written;
      turn.end();
      expect(output.congested).toBe(slow);
      expect(drains).toBe(slow ? 0 : 1);
      peer.unsentBytes = 0;
      output.drained();
      expect(output.congested).toBe(false);
      expect(drains).toBe(1);
    }
  });

  it('counts the bytes that it has given away, and gives away none once it is closed', () => {
    const [turn, peer] = [new Turn(), new Peer()];
    const output = new Output(peer, turn);
    const say = (text: string): void => {
      const at = output.reserve(text.length);
      output.buffer.latin1Write(text, at);
      turn.end();
    };
    say('one');
    expect([output.writtenBytes, peer.bytes.toString()]).toEqual([3, 'one']);
    say('three');
    output.close();
    say('nothing');
    expect([output.writtenBytes, peer.bytes.toString()]).toEqual([8, 'onethree']);
  });

  it('writes once a turn', () => {
    const turn = new Turn();
    const peer = new Peer();
    const output = new Output(peer, turn);
    for (let i = 0; i < 1000; i++) output.appendAscii('a line of some length, again and again\n');
    turn.end();
    expect(peer.writes).toBe(1);
    expect(peer.bytes.length).toBe(39_000);
  });

  it('takes a small piece of memory for a small answer, and a whole write buffer once more was said', () => {
    const turn = new Turn();
    const output = new Output(new Peer(), turn);
    output.appendAscii('short');
    expect(output.buffer.length).toBeLessThan(WRITE_BUFFER_BYTES);
    output.append(Buffer.alloc(10_000));
    turn.end();
    output.appendAscii('short');
    expect(output.buffer.length).toBe(WRITE_BUFFER_BYTES);
    turn.end();
    output.appendAscii('short');
    expect(output.buffer.length).toBeLessThan(WRITE_BUFFER_BYTES);
  });
});
