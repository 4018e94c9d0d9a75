/** A publish whose frames come in several chunks, and its confirms, on a connection without a broker. */
import { describe, expect, test } from 'vitest';
import { harness } from '../harness.ts';
import { frame, header, method, methodOf, publish, short, u8, u16 } from '../wire.ts';

const message = (key: string, body: string): Buffer =>
  Buffer.concat([publish(1, '', key), header(1, body.length), frame(3, 1, Buffer.from(body))]);

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
