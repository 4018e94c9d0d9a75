/** Publishing that is held back, and a client that does not read: what must wait, waits, and nothing is lost. */
import { describe, expect, test } from 'vitest';
import { type Harness, harness } from '../harness.ts';
import { frame, header, long, method, methodOf, publish, START_OK, short, u8, u16, u32, u64 } from '../wire.ts';

const declare = (name: string): Buffer => method(1, 50, 10, u16(0), short(name), u8(2), u32(0));
const qos = method(1, 60, 10, u32(0), u16(1), u8(0));
const message = (key: string, body: string): Buffer =>
  Buffer.concat([publish(1, '', key), header(1, body.length), frame(3, 1, Buffer.from(body))]);
const BLOCKABLE = method(
  0,
  10,
  11,
  long(
    Buffer.concat([
      short('capabilities'),
      u8(0x46),
      long(Buffer.concat([short('connection.blocked'), Buffer.from('t\x01', 'latin1')])),
    ]),
  ),
  short('PLAIN'),
  long('\0guest\0guest'),
  short('en_US'),
);

describe('publishing that is held back', () => {
  test('parks the publish, takes what came before it, and goes on with exactly it', () => {
    const s = harness();
    s.session.congested = true;
    s.send(qos, message('a', 'first'), message('b', 'second'));
    expect(s.frames().map(methodOf)).toEqual(['60.11']);
    expect(s.session.published).toEqual([]);
    expect(s.transport.paused).toBe(true);
    s.session.congested = false;
    (s.handler as unknown as { uncongested(): void }).uncongested();
    expect(s.session.published.map((p) => p.body)).toEqual(['first', 'second']);
    expect(s.transport.paused).toBe(false);
  });

  test('is told after a second to clients that want to know, and taken back', () => {
    for (const startOk of [BLOCKABLE, START_OK]) {
      const s = harness({ startOk });
      s.session.congested = true;
      s.send(message('a', 'x'));
      s.clock.advance(900);
      expect(s.frames()).toEqual([]);
      s.clock.advance(200);
      expect(s.frames().map(methodOf)).toEqual(startOk === BLOCKABLE ? ['10.60'] : []);
      s.session.congested = false;
      (s.handler as unknown as { uncongested(): void }).uncongested();
      expect(s.frames().map(methodOf)).toEqual(startOk === BLOCKABLE ? ['10.61'] : []);
    }
  });

  test('for a moment is not told', () => {
    const s = harness({ startOk: BLOCKABLE });
    s.session.congested = true;
    s.send(message('a', 'x'));
    s.session.congested = false;
    (s.handler as unknown as { uncongested(): void }).uncongested();
    s.clock.advance(5_000);
    expect(s.frames()).toEqual([]);
  });

  test('does not count as silence of the client while nothing is read from it', () => {
    const s = harness({ tuneOk: method(0, 10, 31, u16(2047), u32(131072), u16(2)), parkedSizeMax: 0 });
    s.session.congested = true;
    s.send(message('a', 'x'));
    for (let i = 0; i < 20; i++) s.clock.advance(1_000);
    expect(s.transport.paused).toBe(true);
    expect(s.transport.destroyed).toBe(false);
  });
});

describe('publishing that is held back for long', () => {
  const goOn = (s: Harness): void => {
    s.session.congested = false;
    (s.handler as unknown as { uncongested(): void }).uncongested();
  };
  const ack = (tag: number): Buffer => method(1, 60, 80, u64(tag), u8(0));

  test('lets acknowledgements pass, and keeps the order of everything else', () => {
    const s = harness();
    s.session.congested = true;
    s.send(message('a', 'first'), qos);
    s.clock.advance(1_100);
    expect(s.transport.paused).toBe(false);
    // Seen to be carried out by its being refused: nothing has been delivered on this channel.
    s.send(method(2, 20, 10, short('')), message('b', 'second'), frame(8, 0), ack(7));
    expect(s.frames().map(methodOf)).toEqual(['20.40']);
    expect(s.session.published).toEqual([]);
    goOn(s);
    // The channel is being closed: what was parked for it is swallowed, as all else would have been.
    expect(s.frames().map(methodOf)).toEqual(['20.11']);
    expect(s.session.published).toEqual([]);
  });

  test('goes on with what was parked, in order, and with what comes after it', () => {
    const s = harness();
    s.session.congested = true;
    const whole = Buffer.concat([message('a', 'first'), qos, message('b', 'second')]);
    s.send(whole.subarray(0, 40));
    s.clock.advance(1_100);
    s.send(whole.subarray(40, 70));
    s.send(whole.subarray(70), message('c', 'third'));
    expect(s.session.published).toEqual([]);
    goOn(s);
    expect(s.session.published.map((p) => p.body)).toEqual(['first', 'second', 'third']);
    expect(s.frames().map(methodOf)).toEqual(['60.11']);
    s.send(message('d', 'fourth'));
    expect(s.session.published.map((p) => p.body)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  test('is read up to a bound, then no more', () => {
    const s = harness({ parkedSizeMax: 10_000 });
    s.session.congested = true;
    s.send(message('a', 'x'));
    s.clock.advance(1_100);
    let sent = 0;
    while (!s.transport.paused) {
      s.send(message('b', 'y'.repeat(1_000)));
      sent++;
    }
    expect(sent).toBeLessThan(10);
    goOn(s);
    expect(s.transport.paused).toBe(false);
    expect(s.session.published.length).toBe(sent + 1);
  });

  test('can stop again in the middle, wait for a reply in the middle, and loses and doubles nothing', () => {
    const s = harness({ startOk: BLOCKABLE });
    s.session.congested = true;
    s.session.mark = 3;
    s.send(message('a', '1'));
    s.clock.advance(1_100);
    s.send(message('a', '2'), declare('q'), message('a', '3'), message('a', '4'));
    expect(s.frames().map(methodOf)).toEqual(['10.60']);
    // The broker has had enough again after one message.
    const publish = s.session.publish;
    s.session.publish = function (route, draft) {
      this.congested = this.published.length === 0;
      return publish.call(this, route, draft);
    };
    goOn(s);
    expect(s.session.published.map((p) => p.body)).toEqual(['1']);
    s.clock.advance(1_100);
    expect(s.frames().map(methodOf)).toEqual(['10.61', '10.60']);
    goOn(s);
    expect(s.session.published.map((p) => p.body)).toEqual(['1', '2']);
    expect(s.transport.paused).toBe(true);
    s.session.waiting[0]!.done(false);
    expect(s.session.published.map((p) => p.body)).toEqual(['1', '2', '3', '4']);
    expect(s.frames().map(methodOf)).toEqual(['10.61', '50.11']);
    expect(s.transport.paused).toBe(false);
  });

  test('keeps a transaction in its order', () => {
    const s = harness();
    s.send(method(1, 90, 10));
    expect(s.frames().map(methodOf)).toEqual(['90.11']);
    s.session.congested = true;
    s.send(message('a', 'x'));
    s.clock.advance(1_100);
    s.send(ack(7));
    expect(s.frames()).toEqual([]);
  });

  test('and whose client goes, leaves nothing', () => {
    const s = harness();
    s.session.congested = true;
    s.send(message('a', 'x'));
    s.clock.advance(1_100);
    s.send(message('a', 'y'));
    s.handler.closed();
    goOn(s);
    expect(s.session.published).toEqual([]);
  });
});

describe('a client that does not read', () => {
  test('is not read from either, past a bound, until it does', () => {
    const s = harness({ unsentSizeMax: 600_000 });
    s.unsentBytes = 700_000;
    s.send(qos);
    s.turn.end(); // the output notices
    s.send(qos);
    expect(s.transport.paused).toBe(true);
    s.unsentBytes = 0;
    s.output.drained();
    expect(s.transport.paused).toBe(false);
    expect(s.frames().map(methodOf)).toEqual(['60.11', '60.11']);
  });

  test('is read on while less than its bound waits: what it settles must be heard', () => {
    const s = harness({ unsentSizeMax: 2_000_000 });
    s.unsentBytes = 700_000; // enough for its deliveries to stop
    s.send(qos);
    s.turn.end();
    expect(s.output.congested).toBe(true);
    s.send(qos);
    expect(s.transport.paused).toBe(false);
    s.unsentBytes = 2_000_001;
    s.send(qos);
    expect(s.transport.paused).toBe(true);
  });
});
