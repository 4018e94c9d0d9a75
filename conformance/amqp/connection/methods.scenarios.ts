/** Methods by hand: no-wait ones, flow, recover-async, and how channels close. */
import { expect } from 'vitest';
import {
  bits,
  body,
  field,
  HEADERS_FLAG,
  header,
  METHODS,
  method,
  publish,
  short,
  table,
  u16,
  u64,
} from '../clients/frames.ts';
import type { RawConnection } from '../clients/raw.ts';
import { type Run, rawScenario, topic, word } from '../scenario.ts';

const declare = (queue: string, nowait = false): Buffer =>
  method(1, 'queue.declare', u16(0), short(queue), bits(false, false, false, false, nowait), table());

/** A queue with one message whose header frame is this, fetched back. */
async function carried(t: Run, properties: Buffer): Promise<Buffer> {
  const raw = await t.rawChannel();
  const q = t.name();
  raw.send(declare(q));
  await raw.expect('queue.declare-ok', 1);
  raw.send(publish(1, '', q), header(1, 1, properties), body(1, 'x'));
  raw.send(method(1, 'basic.get', u16(0), short(q), bits(true)));
  await raw.expect('basic.get-ok', 1);
  return (await raw.content()).properties;
}

/** A queue named after the run, for channel 1. */
async function queue(t: Run, raw: RawConnection): Promise<string> {
  const q = t.name();
  raw.send(declare(q));
  await raw.expect('queue.declare-ok', 1);
  return q;
}

export const methods = topic('methods', [
  rawScenario('channel.flow on is answered', '§1.5.2.3 flow', async (t) => {
    const raw = await t.rawChannel();
    raw.send(method(1, 'channel.flow', bits(true)));
    expect((await raw.expect('channel.flow-ok', 1)).u8()).toBe(1);
  }),
  rawScenario('recover-async sends again without an answer', '§1.8.2.15 recover-async', async (t) => {
    const raw = await t.rawChannel();
    const q = await queue(t, raw);
    raw.send(publish(1, '', q), header(1, 1), body(1, 'x'));
    raw.send(method(1, 'basic.consume', u16(0), short(q), short('c'), bits(), table()));
    await raw.expect('basic.consume-ok', 1);
    await raw.expect('basic.deliver', 1);
    await raw.content();
    raw.send(method(1, 'basic.recover-async', bits(true)));
    const again = await raw.expect('basic.deliver', 1);
    expect([again.short(), again.u64(), again.u8()]).toEqual(['c', 2n, 1]);
    await raw.content();
  }),
  rawScenario('no-wait methods are done and not answered', '§1.6, §1.7, §1.8, §1.10: no-wait', async (t) => {
    const raw = await t.rawChannel();
    const [q, x] = [t.name(), t.name('x')];
    raw.send(
      method(1, 'confirm.select', bits(true)),
      method(1, 'exchange.declare', u16(0), short(x), short('direct'), bits(false, true, false, false, true), table()),
      declare(q, true),
      method(1, 'queue.bind', u16(0), short(q), short(x), short('k'), bits(true), table()),
      method(1, 'exchange.bind', u16(0), short(x), short('amq.direct'), short(q), bits(true), table()),
      method(1, 'exchange.unbind', u16(0), short(x), short('amq.direct'), short(q), bits(true), table()),
      method(1, 'basic.consume', u16(0), short(q), short('tag'), bits(false, true, false, true), table()),
      publish(1, x, 'k'),
      header(1, 1),
      body(1, 'x'),
    );
    const names: string[] = [];
    for (let i = 0; i < 2; i++) {
      const next = await raw.method();
      names.push(next.name);
      if (next.name === 'basic.deliver') await raw.content();
    }
    expect(names.sort()).toEqual(['basic.ack', 'basic.deliver']);
    raw.send(
      method(1, 'basic.cancel', short('tag'), bits(true)),
      method(1, 'queue.purge', u16(0), short(q), bits(true)),
      method(1, 'queue.delete', u16(0), short(q), bits(false, false, true)),
      method(1, 'exchange.delete', u16(0), short(x), bits(false, true)),
      declare(t.name('next')),
    );
    await raw.expect('queue.declare-ok', 1);
    const ch = await t.channel();
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),
  rawScenario('a no-wait method that fails closes the channel all the same', '§1.7: no-wait', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(method(1, 'queue.bind', u16(0), short(q), short('amq.direct'), short('k'), bits(true), table()));
    const close = await raw.channelClose();
    expect(word(close)).toBe(`404 NOT_FOUND - no queue '${q}' in vhost '/'`);
    expect(close.classAndMethod).toBe(METHODS['queue.bind']);
  }),
  rawScenario('delivery tags are 64 bits wide, and unsigned', '§4.2.5.1, §1.1 delivery-tag', async (t) => {
    for (const tag of [0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 9_007_199_254_740_993n]) {
      const raw = await t.rawChannel();
      raw.send(method(1, 'basic.ack', u64(tag), bits()));
      expect(word(await raw.channelClose())).toBe(`406 PRECONDITION_FAILED - unknown delivery tag ${tag}`);
    }
  }),
  rawScenario('a message counts 64-bit headers exactly', '§4.2.5.1', async (t) => {
    const values = [-9_223_372_036_854_775_808n, 9_007_199_254_740_993n, -1n];
    const properties = Buffer.concat([
      u16(HEADERS_FLAG),
      table(...values.map((value, i) => field(`h${i}`, 'l', u64(BigInt.asUintN(64, value))))),
    ]);
    expect(await carried(t, properties)).toEqual(properties);
  }),
  rawScenario('a close names the class and method that failed', '§1.5.2.5.3, §1.4.2.10.3', async (t) => {
    const raw = await t.rawChannel();
    raw.send(method(1, 'queue.purge', u16(0), short(t.name()), bits()));
    expect((await raw.channelClose()).classAndMethod).toBe(METHODS['queue.purge']);
    await raw.openChannel(1);
    raw.send(publish(1, t.name('x'), 'k'), header(1, 0));
    expect((await raw.channelClose()).classAndMethod).toBe(METHODS['basic.publish']);
    await raw.openChannel(1);
    raw.send(method(1, 'basic.ack', u64(7), bits()));
    expect((await raw.channelClose()).classAndMethod).toBe(METHODS['basic.ack']);
    raw.send(method(2, 'queue.purge', u16(0), short('q'), bits()));
    expect((await raw.connectionClose()).classAndMethod).toBe(METHODS['queue.purge']);
  }),
  rawScenario('a channel that the broker closes swallows what is under way', '§1.5.2.5 close', async (t) => {
    const raw = await t.rawChannel();
    const [q, missing] = [await queue(t, raw), t.name('missing')];
    raw.send(
      method(1, 'queue.purge', u16(0), short(missing), bits()),
      publish(1, '', q),
      header(1, 4),
      body(1, 'lost'),
      method(1, 'queue.delete', u16(0), short(q), bits()),
    );
    const next = await raw.method();
    expect(next.name).toBe('channel.close');
    raw.send(publish(1, '', q), header(1, 4), body(1, 'lost'), method(1, 'channel.close-ok'));
    await raw.openChannel(1);
    raw.send(declare(q));
    const ok = await raw.expect('queue.declare-ok', 1);
    expect([ok.short(), ok.u32()]).toEqual([q, 0]);
  }),
  rawScenario('both close a channel at once', '§1.5.2.5, §1.5.2.6', async (t) => {
    const raw = await t.rawChannel();
    raw.send(
      method(1, 'queue.purge', u16(0), short(t.name('missing')), bits()),
      method(1, 'channel.close', u16(200), short(''), u16(0), u16(0)),
    );
    const names = [(await raw.method()).name, (await raw.method()).name];
    expect(names).toEqual(['channel.close', 'channel.close-ok']);
    raw.send(method(1, 'channel.close-ok'));
    await raw.openChannel(1);
  }),
  rawScenario('a closed channel’s number can be used again', '§1.5.2.5', async (t) => {
    const raw = await t.rawChannel();
    for (let i = 0; i < 20; i++) {
      raw.send(method(1, 'channel.close', u16(200), short(''), u16(0), u16(0)));
      await raw.expect('channel.close-ok', 1);
      await raw.openChannel(1);
    }
  }),
]);
