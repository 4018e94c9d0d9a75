import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turn } from '../../src/clock/turn.ts';
import { Output, type OutputSink, WRITE_BUFFER_BYTES } from '../../src/transport/output.ts';

/** Takes what is written; when it is slow, the bytes stay the output's until `read`. */
class Peer implements OutputSink {
  unsentBytes = 0;
  slow = false;
  writes = 0;
  private readonly got: Buffer[] = [];
  private readonly waiting: Buffer[] = [];

  writeAll(buffers: Buffer[]): boolean {
    this.writes++;
    if (!this.slow) this.read(); // what came before goes first
    this.waiting.push(...buffers);
    if (!this.slow) this.read();
    return !this.slow;
  }

  read(): void {
    for (const buffer of this.waiting.splice(0)) this.got.push(Buffer.from(buffer));
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
