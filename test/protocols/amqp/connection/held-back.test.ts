/** What must wait, waits; what waits is not lost; and what must not wait, does not. */
import { describe, expect, test } from 'vitest';
import { type Harness, harness } from '../harness.ts';
import {
  closeOf,
  frame,
  GREETING,
  header,
  long,
  method,
  methodOf,
  OPEN,
  publish,
  START_OK,
  short,
  TUNE_OK,
  u8,
  u16,
  u32,
  u64,
} from '../wire.ts';

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

describe('a reply that promises something durable', () => {
  test('comes after the log has it, and nothing overtakes it', () => {
    const s = harness();
    s.session.mark = 7;
    s.send(declare('q'), qos, message('q', 'kept'));
    expect(s.frames()).toEqual([]);
    expect(s.transport.paused).toBe(true);
    expect(s.session.published).toEqual([]);
    expect(s.session.waiting.map((w) => w.mark)).toEqual([7]);
    s.session.waiting[0]!.done(false);
    expect(s.frames().map(methodOf)).toEqual(['50.11', '60.11']);
    expect(s.transport.paused).toBe(false);
    expect(s.session.published).toEqual([{ key: 'q', props: '\0\0', body: 'kept' }]);
  });

  test('several in one chunk wait one after the other', () => {
    const s = harness();
    s.session.mark = 7;
    s.send(declare('a'), declare('b'), declare('c'));
    for (let i = 0; i < 3; i++) {
      expect(s.session.waiting.length).toBe(i + 1);
      expect(s.transport.paused).toBe(true);
      s.session.waiting[i]!.done(false);
      expect(s.frames().map(methodOf)).toEqual(['50.11']);
    }
    expect(s.transport.paused).toBe(false);
  });

  test('never comes when the log has failed: 541', () => {
    const s = harness();
    s.session.mark = 7;
    s.send(declare('q'));
    s.session.waiting[0]!.done(true);
    const frames = s.frames();
    expect(frames.map(methodOf)).toEqual(['10.50']);
    expect(closeOf(frames[0]!)).toMatch(/^541 INTERNAL_ERROR/);
    expect(s.transport.paused).toBe(false);
    s.send(method(0, 10, 51));
    expect(s.transport.ended).toBe(true);
  });

  test('does not wait when there is nothing to wait for, nor when nobody wants it', () => {
    const s = harness();
    s.send(declare('q'));
    expect(s.frames().map(methodOf)).toEqual(['50.11']);
    s.session.mark = 7;
    s.send(method(1, 50, 10, u16(0), short('q'), u8(0b10010), u32(0)), qos);
    expect(s.frames().map(methodOf)).toEqual(['60.11']);
  });

  test('that comes after the client has gone is not sent', () => {
    const s = harness();
    s.session.mark = 7;
    s.send(declare('q'), qos);
    s.handler.closed();
    s.session.waiting[0]!.done(false);
    expect(s.frames()).toEqual([]);
    expect(s.session.closes).toEqual([false]);
  });
});

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

describe('the login', () => {
  test('may take its time: nothing is parsed meanwhile, and nothing is lost', () => {
    const answers: (() => void)[] = [];
    const s = harness({
      login: (answer) => answers.push(answer),
      first: [GREETING, START_OK, TUNE_OK, OPEN],
    });
    expect(s.frames().map(methodOf)).toEqual(['10.10']);
    expect(s.transport.paused).toBe(true);
    answers[0]!();
    expect(s.frames().map(methodOf)).toEqual(['10.30', '10.41']);
    expect(s.transport.paused).toBe(false);
  });

  test('that is answered after the client has gone leaves no session behind', () => {
    const answers: (() => void)[] = [];
    const s = harness({
      login: (answer) => answers.push(answer),
      first: [GREETING, START_OK],
    });
    s.handler.closed();
    answers[0]!();
    expect(s.session.entered).toBe(0);
  });

  test('alone lets nobody into a vhost', () => {
    const s = harness({ first: [GREETING, START_OK] });
    expect(s.session.entered).toBe(0);
    s.send(TUNE_OK, OPEN);
    expect(s.session.entered).toBe(1);
  });
});

describe('publishing in pieces', () => {
  test('properties and body survive that their chunk is used again', () => {
    const s = harness();
    const properties = Buffer.concat([u16(0x8000), short('text/plain')]);
    s.send(publish(1, '', 'k'), header(1, 10, properties));
    s.send(frame(3, 1, Buffer.from('hello')));
    s.send(frame(3, 1, Buffer.from('world')));
    expect(s.session.published).toEqual([{ key: 'k', props: '\x80\0\x0atext/plain', body: 'helloworld' }]);
  });

  test('a route that went stale in between is asked for again', () => {
    const s = harness();
    s.send(publish(1, 'x', 'k'), header(1, 1));
    expect(s.session.routesAsked).toBe(1);
    s.session.routeValid = false;
    s.send(frame(3, 1, u8(1)));
    expect(s.session.routesAsked).toBe(2);
    s.session.routeValid = true;
    s.send(message('k', '1'), message('k', '2'), message('l', '3'), message('k', '4'));
    // Asked once for each key that is new, not for each message.
    expect(s.session.routesAsked).toBe(4);
  });
});

describe('confirms', () => {
  test('are gathered up to a refusal, which stands alone', () => {
    const s = harness();
    s.send(method(1, 85, 10, u8(0)), ...['1', '2', '3', '4', '5'].map((b) => message('k', b)));
    expect(s.session.pushed.map(([id]) => id)).toEqual([1, 2, 3, 4, 5]);
    s.frames();
    const sink = s.session.confirmSink!;
    sink.confirm(1, false);
    sink.confirm(2, false);
    sink.confirm(3, true);
    sink.confirm(4, false);
    sink.confirmEnd();
    sink.confirm(5, true);
    sink.confirmEnd();
    const told = s.frames().map((f) => [methodOf(f), Number(f.payload.readBigUInt64BE(4)), f.payload[12]]);
    expect(told).toEqual([
      ['60.80', 2, 1],
      ['60.120', 3, 0],
      ['60.80', 4, 0],
      ['60.120', 5, 0],
    ]);
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
});

describe('the end', () => {
  test('a client that does not answer connection.close is not waited for long', () => {
    const s = harness();
    s.handler.shutdown('bye');
    expect(s.frames().map(methodOf)).toEqual(['10.50']);
    s.send(qos);
    expect(s.frames()).toEqual([]);
    expect(s.transport.ended).toBe(false);
    s.clock.advance(4_000);
    expect(s.transport.ended).toBe(true);
    s.handler.closed();
    expect(s.session.closes).toEqual([true]);
  });

  test('nothing is scheduled any more once the client has gone', () => {
    const s = harness({ tuneOk: method(0, 10, 31, u16(2047), u32(131072), u16(2)) });
    s.session.congested = true;
    s.send(message('a', 'x'));
    s.handler.closed();
    s.clock.advance(100_000);
    expect(s.frames()).toEqual([]);
    expect((s.clock as unknown as { wheel: { size: number } }).wheel.size).toBe(0);
  });
});
