import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { Turn } from '../../src/clock/turn.ts';
import { type GatedReader, OTHERS_TURN, ReadGate, type ReadGateOptions } from '../../src/transport/read-gate.ts';

const HELD_BACK = 2;
const OUTPUT_FULL = 4;

/** A reader of frames of one byte each; `onFrame` is called within each of them. */
class Scene implements GatedReader {
  halted = false;
  readonly turn = new Turn(new ManualClock());
  readonly gate: ReadGate;
  readonly events: string[] = [];
  taken = '';
  chunks = 0;
  failure: unknown = undefined;
  onFrame: (frame: string) => void = () => {};
  /** False: not now; the same frame comes again. */
  accepts: (frame: string) => boolean = () => true;

  constructor(options: ReadGateOptions = {}) {
    const transport = {
      pause: () => void this.events.push('pause'),
      resume: () => void this.events.push('resume'),
    };
    this.gate = new ReadGate(this.turn, this, transport, this, options);
  }

  read(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.halted) {
      const frame = String.fromCharCode(buffer[at]!);
      if (!this.accepts(frame)) break;
      at++;
      this.taken += frame;
      this.onFrame(frame);
    }
    return at;
  }

  readFailed(error: unknown): void {
    this.failure = error;
    this.gate.finish();
  }

  chunkRead(): void {
    this.chunks++;
  }

  /** A chunk in memory that is used for something else afterwards, as a transport's is. */
  data(text: string): void {
    const chunk = Buffer.from(text);
    this.gate.data(chunk);
    chunk.fill('!');
  }
}

describe('ReadGate', () => {
  it('hands chunks on as they come while there is no reason to pause', () => {
    const scene = new Scene();
    scene.data('abc');
    scene.data('de');
    expect(scene.taken).toBe('abcde');
    expect(scene.chunks).toBe(2);
    expect(scene.events).toEqual([]);
    expect(scene.gate.heldBytes).toBe(0);
  });

  it('stops after the frame at hand, keeps the rest, and goes on with it when the last reason has gone', () => {
    const scene = new Scene();
    scene.onFrame = (frame) => {
      if (frame !== 'b') return;
      scene.gate.pause(HELD_BACK);
      scene.gate.pause(OUTPUT_FULL);
    };
    scene.data('abcd');
    scene.data('ef');
    expect(scene.taken).toBe('ab');
    expect(scene.events).toEqual(['pause']);
    expect(scene.gate.paused).toBe(true);
    expect(scene.gate.heldBytes).toBeGreaterThanOrEqual(4);
    scene.gate.resume(HELD_BACK);
    expect(scene.taken).toBe('ab');
    scene.gate.resume(OUTPUT_FULL);
    expect(scene.taken).toBe('abcdef');
    expect(scene.events).toEqual(['pause', 'resume']);
    expect(scene.gate.heldBytes).toBe(0);
    scene.data('g');
    expect(scene.taken).toBe('abcdefg');
  });

  it('gives a frame again that was not taken', () => {
    const scene = new Scene();
    let congested = true;
    scene.accepts = (frame) => {
      if (frame !== 'p' || !congested) return true;
      scene.gate.pause(HELD_BACK);
      return false;
    };
    scene.data('apb');
    expect(scene.taken).toBe('a');
    congested = false;
    scene.gate.resume(HELD_BACK);
    expect(scene.taken).toBe('apb');
  });

  it('asks the reader to go on when nothing was kept, for one that has kept a frame itself', () => {
    const scene = new Scene();
    const ranges: number[] = [];
    scene.gate.pause(HELD_BACK);
    const read = scene.read.bind(scene);
    scene.read = (buffer, start, end) => {
      ranges.push(end - start);
      return read(buffer, start, end);
    };
    scene.gate.resume(HELD_BACK);
    expect(ranges).toEqual([0]);
    expect(scene.chunks).toBe(1);
    expect(scene.events).toEqual(['pause', 'resume']);
  });

  it('does nothing for a reason that does not hold', () => {
    const scene = new Scene();
    scene.gate.resume(HELD_BACK);
    expect(scene.events).toEqual([]);
    scene.gate.pause(HELD_BACK);
    scene.gate.resume(OUTPUT_FULL);
    expect(scene.gate.paused).toBe(true);
  });

  it('reads on within the same chunk when the reason goes before the frame is done', () => {
    const scene = new Scene();
    scene.onFrame = (frame) => {
      if (frame !== 'a') return;
      scene.gate.pause(HELD_BACK);
      scene.gate.resume(HELD_BACK);
    };
    scene.data('abc');
    expect(scene.taken).toBe('abc');
    expect(scene.events).toEqual(['pause', 'resume']);
  });

  it('resumes at the end of the turn where it is to', () => {
    const scene = new Scene({ resumes: 'turn-end' });
    scene.gate.pause(HELD_BACK);
    scene.data('ab');
    scene.gate.resume(HELD_BACK);
    expect(scene.taken).toBe('');
    scene.data('c'); // behind what waits
    expect(scene.taken).toBe('');
    scene.turn.end();
    expect(scene.taken).toBe('abc');
    expect(scene.events).toEqual(['pause', 'resume']);
  });

  it('stays paused at the end of the turn when a new reason has come meanwhile', () => {
    const scene = new Scene({ resumes: 'turn-end' });
    scene.gate.pause(HELD_BACK);
    scene.data('ab');
    scene.gate.resume(HELD_BACK);
    scene.gate.pause(OUTPUT_FULL);
    scene.turn.end();
    expect(scene.taken).toBe('');
    scene.gate.resumeNow(OUTPUT_FULL);
    expect(scene.taken).toBe('ab');
  });

  it('keeps the order when a chunk comes from within another one', () => {
    const scene = new Scene();
    scene.onFrame = (frame) => {
      if (frame === 'a') scene.data('cd');
      if (frame === 'b') scene.gate.pause(HELD_BACK);
    };
    scene.data('abx');
    expect(scene.taken).toBe('ab');
    scene.gate.resume(HELD_BACK);
    expect(scene.taken).toBe('abxcd');
  });

  it('waits for its turn when the time is up, and reads on when it has come', () => {
    const clock = new ManualClock();
    const scene = new Scene();
    const { work } = scene.turn;
    scene.onFrame = () => scene.gate.frameTaken(1);
    work.over = true;
    scene.data('ab');
    expect(scene.taken).toBe('');
    expect(scene.gate.reasons).toBe(OTHERS_TURN);
    expect(work.waits).toBe(1);
    work.over = false;
    scene.turn.end();
    expect(scene.taken).toBe('ab');
    expect(scene.gate.paused).toBe(false);
    clock.stop();
  });

  it('pauses between two frames when a long operation of the connection has been begun', () => {
    const scene = new Scene();
    let finished = false;
    scene.onFrame = (frame) => {
      if (frame === 'b') {
        scene.turn.work.over = true;
        scene.gate.share.run(() => finished);
        scene.turn.work.over = false;
      }
      scene.gate.frameTaken(1);
    };
    scene.data('abc');
    expect(scene.taken).toBe('ab');
    finished = true;
    scene.turn.end();
    expect(scene.taken).toBe('abc');
  });

  it('hears the answer when the connection is being closed, whatever was being waited for', () => {
    const scene = new Scene();
    scene.gate.pause(HELD_BACK);
    scene.data('ab');
    scene.gate.pause(OUTPUT_FULL);
    scene.gate.release();
    expect(scene.taken).toBe('ab');
    scene.gate.pause(HELD_BACK); // no reason counts any more
    scene.turn.work.over = true;
    scene.data('c');
    expect(scene.taken).toBe('abc');
    expect(scene.events).toEqual(['pause', 'resume']);
  });

  it('reads nothing after it is finished, not even what is left of the chunk', () => {
    const scene = new Scene();
    scene.onFrame = (frame) => {
      if (frame === 'b') scene.gate.finish();
    };
    scene.data('abc');
    scene.data('d');
    scene.gate.resume(HELD_BACK);
    expect(scene.taken).toBe('ab');
    expect(scene.chunks).toBe(0);
    expect(scene.gate.heldBytes).toBe(0);
  });

  it('reads nothing after it is finished, though a reason goes within the same frame', () => {
    const scene = new Scene();
    scene.onFrame = (frame) => {
      if (frame !== 'b') return;
      scene.gate.pause(HELD_BACK);
      scene.gate.finish();
      scene.gate.resume(HELD_BACK);
      scene.gate.resumeNow(HELD_BACK);
    };
    scene.data('abc');
    expect(scene.taken).toBe('ab');
    expect(scene.halted).toBe(true);
  });

  it('does not begin to read within a frame, though the last reason goes there', () => {
    const scene = new Scene();
    let within = 0;
    scene.onFrame = (frame) => {
      within++;
      expect(within).toBe(1);
      if (frame === 'b') {
        scene.gate.pause(HELD_BACK);
        scene.gate.resumeNow(HELD_BACK);
      }
      within--;
    };
    scene.data('abc');
    expect(scene.failure).toBeUndefined();
    expect(scene.taken).toBe('abc');
    expect(scene.chunks).toBe(1);
  });

  it('tells the owner what the reader has thrown, and drops the rest', () => {
    const scene = new Scene();
    const error = new Error('malformed');
    scene.onFrame = (frame) => {
      if (frame === 'b') throw error;
    };
    scene.data('abc');
    scene.data('d');
    expect(scene.failure).toBe(error);
    expect(scene.taken).toBe('ab');
    expect(scene.chunks).toBe(0);
  });

  it('takes every byte once and in order, however chunks, reasons and turns fall', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ chunk: fc.integer({ min: 0, max: 9 }) }) },
      { weight: 2, arbitrary: fc.record({ pause: fc.constantFrom(HELD_BACK, OUTPUT_FULL) }) },
      { weight: 3, arbitrary: fc.record({ resume: fc.constantFrom(HELD_BACK, OUTPUT_FULL), now: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ pauseAtFrame: fc.constantFrom(HELD_BACK, OUTPUT_FULL) }) },
      { weight: 2, arbitrary: fc.constant('turn' as const) },
      { weight: 1, arbitrary: fc.constant('time is up' as const) },
    );
    fc.assert(
      fc.property(fc.array(step), fc.constantFrom('at-once' as const, 'turn-end' as const), (steps, resumes) => {
        const scene = new Scene({ resumes });
        let sent = '';
        for (const it of steps) {
          if (it === 'turn') scene.turn.end();
          else if (it === 'time is up') scene.turn.work.over = true;
          else if ('chunk' in it) {
            let text = '';
            for (let i = 0; i < it.chunk; i++) text += String.fromCharCode(65 + ((sent.length + i) % 57));
            sent += text;
            scene.data(text);
          } else if ('pause' in it) scene.gate.pause(it.pause);
          else if ('resume' in it) {
            if (it.now) scene.gate.resumeNow(it.resume);
            else scene.gate.resume(it.resume);
          } else {
            scene.onFrame = () => {
              scene.onFrame = () => {};
              scene.gate.pause(it.pauseAtFrame);
            };
          }
          expect(sent.startsWith(scene.taken)).toBe(true);
          expect(scene.gate.heldBytes).toBeGreaterThanOrEqual(sent.length - scene.taken.length);
        }
        scene.onFrame = () => {};
        scene.gate.resume(HELD_BACK | OUTPUT_FULL);
        for (let turns = 0; turns < 3; turns++) scene.turn.end();
        expect(scene.taken).toBe(sent);
        expect(scene.events.filter((event) => event === 'pause')).toHaveLength(
          scene.events.filter((event) => event === 'resume').length,
        );
      }),
    );
  });
});
