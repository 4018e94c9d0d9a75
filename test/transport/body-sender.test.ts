import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BodyReader } from '../../src/api/bodies.ts';
import { Turn } from '../../src/clock/turn.ts';
import { BodyPump } from '../../src/transport/body-pump.ts';
import { type BodyFraming, BodySender } from '../../src/transport/body-sender.ts';
import { Output } from '../../src/transport/output.ts';

/** A body that lies in extents, of which the first `ready` can be read now. */
class Body implements BodyReader {
  readonly length: number;
  remaining: number;
  buffer: Buffer;
  start = 0;
  end = 0;
  onReady: () => void = () => {};
  onError: (error: Error) => void = () => {};
  closed = false;
  readonly memory = null;
  private readonly extents: Buffer[];
  private offset = 0;
  private ready: number;

  constructor(text: string, extentBytes = text.length, ready = Number.POSITIVE_INFINITY) {
    this.buffer = Buffer.from(text);
    this.extents = [];
    for (let at = 0; at < text.length; at += extentBytes) this.extents.push(this.buffer.subarray(at, at + extentBytes));
    this.length = this.remaining = text.length;
    this.ready = ready;
  }

  next(maxBytes: number): boolean {
    const extent = this.extents[0];
    if (extent === undefined || this.ready === 0 || this.closed) return false;
    this.buffer = extent;
    this.start = this.offset;
    this.end = Math.min(extent.length, this.start + maxBytes);
    this.offset = this.end;
    this.remaining -= this.end - this.start;
    if (this.offset === extent.length) {
      this.extents.shift();
      this.offset = 0;
      this.ready--;
    }
    return true;
  }

  inMemory(bytes: number): boolean {
    let there = -this.offset;
    for (let i = 0; i < this.extents.length && i < this.ready; i++) there += this.extents[i]!.length;
    return there >= bytes;
  }

  fetched(extents: number): void {
    this.ready = extents;
    this.onReady();
  }

  close(): void {
    this.closed = true;
  }
}

/** `<n:…>` around each payload, with one digit. */
function framed(payloadBytesMax: number): BodyFraming {
  return {
    payloadBytesMax,
    headBytes: 3,
    tailBytes: 1,
    writeHead(buffer, at, payloadBytes) {
      buffer.write(`<${payloadBytes}:`, at, 'latin1');
    },
    writeTail(buffer, at) {
      buffer.write('>', at, 'latin1');
    },
  };
}

class Scene {
  readonly turn = new Turn();
  written = '';
  readonly output = new Output(
    {
      unsentBytes: 0,
      writeAll: (buffers) => {
        for (const buffer of buffers) this.written += buffer.toString('latin1');
        return true;
      },
    },
    this.turn,
  );
  sent = 0;
  lost: Error | undefined = undefined;
  readonly sender: BodySender;

  constructor(framing: BodyFraming | null = null) {
    this.sender = new BodySender(this.output, this, framing);
  }

  bodyReadable(): void {
    this.sender.pump();
  }

  bodiesSent(): void {
    this.sent++;
  }

  bodyLost(error: Error): void {
    this.lost = error;
  }

  say(text: string): void {
    this.sender.out.appendAscii(text);
  }

  get text(): string {
    this.output.flush();
    return this.written;
  }
}

describe('BodySender', () => {
  it('writes to the output itself while no body is under way', () => {
    const scene = new Scene();
    expect(scene.sender.out).toBe(scene.output);
    scene.say('a');
    expect(scene.text).toBe('a');
    scene.sender.pump();
    expect(scene.sent).toBe(0);
  });

  it('keeps what is written after a body behind it', () => {
    const scene = new Scene();
    const first = new Body('first', 2, 1);
    scene.say('1(');
    scene.sender.send(first);
    scene.say(')');
    scene.sender.pump();
    scene.say(' between 2(');
    scene.sender.send(new Body('second'));
    scene.say(') end');
    expect(scene.text).toBe('1(fi');
    expect(scene.sender.bodies).toBe(2);
    expect(scene.sender.pendingBytes).toBe(') between 2('.length + ') end'.length);
    first.fetched(9);
    expect(scene.text).toBe('1(first) between 2(second) end');
    expect(scene.sent).toBe(1);
    expect(scene.sender.busy).toBe(false);
    expect(scene.sender.pendingBytes).toBe(0);
    expect(scene.sender.out).toBe(scene.output);
    expect(first.closed).toBe(true);
  });

  it('writes no more while the output is congested', () => {
    const scene = new Scene();
    scene.sender.send(new Body('body'));
    scene.output.congested = true;
    scene.sender.pump();
    expect(scene.sender.busy).toBe(true);
    scene.output.congested = false;
    scene.sender.pump();
    expect(scene.text).toBe('body');
  });

  it('cuts frames of the same payload but for the last, wherever the extents end', () => {
    const scene = new Scene(framed(4));
    scene.sender.send(new Body('abcdefghij', 3));
    scene.sender.pump();
    expect(scene.text).toBe('<4:abcd><4:efgh><2:ij>');
  });

  it('tells the owner that a body was lost, and closes the others without another word', () => {
    const scene = new Scene();
    const bodies = [new Body('one', 1, 1), new Body('two')];
    for (const body of bodies) scene.sender.send(body);
    scene.sender.pump();
    bodies[0]!.onError(new Error('rot'));
    expect(scene.lost?.message).toBe('rot');
    scene.sender.close();
    expect(bodies.every((body) => body.closed)).toBe(true);
    scene.lost = undefined;
    bodies[0]!.onError(new Error('again'));
    bodies[1]!.onReady();
    expect(scene.lost).toBeUndefined();
    expect(scene.sent).toBe(0);
    const late = new Body('late');
    scene.sender.send(late);
    expect(late.closed).toBe(true);
  });

  it('gives the bytes in order, whatever the extents, frames, and times at which they can be read', () => {
    const step = fc.oneof(
      fc.record({ say: fc.constantFrom('x', 'yy', 'zzz') }),
      fc.record({
        body: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' }),
        extentBytes: fc.integer({ min: 1, max: 12 }),
      }),
      fc.record({ fetched: fc.nat(3) }),
      fc.constant('pump' as const),
    );
    fc.assert(
      fc.property(fc.array(step), fc.option(fc.integer({ min: 1, max: 9 })), (steps, payloadMax) => {
        const scene = new Scene(payloadMax === null ? null : framed(payloadMax));
        const bodies: Body[] = [];
        let expected = '';
        for (const it of steps) {
          if (it === 'pump') scene.sender.pump();
          else if ('say' in it) {
            expected += it.say;
            scene.say(it.say);
          } else if ('body' in it) {
            const body = new Body(it.body, it.extentBytes, 0);
            bodies.push(body);
            scene.sender.send(body);
            if (payloadMax === null) expected += it.body;
            else {
              for (let at = 0; at < it.body.length; at += payloadMax) {
                const part = it.body.slice(at, at + payloadMax);
                expected += `<${part.length}:${part}>`;
              }
            }
          } else bodies.find((body) => body.remaining > 0)?.fetched(it.fetched);
          expect(expected.startsWith(scene.text)).toBe(true);
        }
        for (const body of bodies) body.fetched(Number.POSITIVE_INFINITY);
        expect(scene.text).toBe(expected);
        expect(bodies.every((body) => body.closed)).toBe(true);
      }),
    );
  });
});

describe('BodyPump', () => {
  /** A connection with two channels. */
  function channels(): { turn: Turn; output: Output; pump: BodyPump; senders: BodySender[]; written: () => string } {
    const turn = new Turn();
    let text = '';
    const output = new Output(
      {
        unsentBytes: 0,
        writeAll(buffers) {
          for (const buffer of buffers) text += buffer.toString('latin1');
          return true;
        },
      },
      turn,
    );
    const senders: BodySender[] = [];
    const pump = new BodyPump(turn, output, () => senders);
    const owner = { bodyReadable: () => pump.soon(), bodiesSent: () => {}, bodyLost: () => {} };
    for (let i = 0; i < 2; i++) senders.push(new BodySender(output, owner, framed(2)));
    return { turn, output, pump, senders, written: () => text };
  }

  it('has senders take turns, a piece each', () => {
    const { turn, pump, senders, written } = channels();
    senders[0]!.send(new Body('aaaaa'));
    senders[1]!.send(new Body('bb'));
    pump.soon();
    turn.end();
    expect(written()).toBe('<2:aa><2:bb><2:aa><1:a>');
  });

  it('writes a slice a turn', () => {
    const { turn, output, pump, senders, written } = channels();
    const large = new BodySender(output, { bodyReadable() {}, bodiesSent() {}, bodyLost() {} });
    senders.push(large);
    large.send(new Body('x'.repeat(1_000_000)));
    pump.soon();
    turn.end();
    const first = written().length;
    expect(first).toBeGreaterThan(200_000);
    expect(first).toBeLessThan(400_000);
    for (let turns = 0; turns < 6; turns++) turn.end();
    expect(written()).toHaveLength(1_000_000);
  });

  it('writes nothing after it is closed', () => {
    const { turn, pump, senders, written } = channels();
    senders[0]!.send(new Body('aa'));
    pump.soon();
    pump.close();
    pump.soon();
    turn.end();
    expect(written()).toBe('');
  });
});
