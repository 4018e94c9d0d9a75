/** Replies that must wait for the log or the login: nothing overtakes them, and nothing is lost meanwhile. */
import { describe, expect, test } from 'vitest';
import { harness } from '../harness.ts';
import {
  closeOf,
  frame,
  GREETING,
  header,
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
} from '../wire.ts';

const declare = (name: string): Buffer => method(1, 50, 10, u16(0), short(name), u8(2), u32(0));
const qos = method(1, 60, 10, u32(0), u16(1), u8(0));
const message = (key: string, body: string): Buffer =>
  Buffer.concat([publish(1, '', key), header(1, body.length), frame(3, 1, Buffer.from(body))]);

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

  test('that nobody can tell anything about in the end is told so, at once or later', () => {
    const loginResult = { refused: 'unavailable', reason: 'the service does not answer' };
    for (const later of [false, true]) {
      const answers: (() => void)[] = [];
      const s = harness({
        loginResult,
        ...(later && { login: (answer: () => void) => answers.push(answer) }),
        first: [GREETING, START_OK],
      });
      for (const answer of answers) answer();
      const [start, close] = s.frames();
      expect([start, close].map((one) => methodOf(one!))).toEqual(['10.10', '10.50']);
      expect(close!.payload.toString('latin1')).toContain('RESOURCE_ERROR - the service does not answer');
    }
  });

  test('alone lets nobody into a vhost', () => {
    const s = harness({ first: [GREETING, START_OK] });
    expect(s.session.entered).toBe(0);
    s.send(TUNE_OK, OPEN);
    expect(s.session.entered).toBe(1);
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
