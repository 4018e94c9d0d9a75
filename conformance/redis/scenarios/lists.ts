/** Lists as queues. */
import { expect } from 'vitest';
import type { Reply } from '../clients/client.ts';
import { scenario, topic } from '../scenario.ts';

export const lists = topic('lists', [
  scenario('what LPUSH adds, RPOP takes in the same order', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    expect(await client.call('LPUSH', jobs, 'a')).toBe(1);
    expect(await client.call('LPUSH', jobs, 'b', 'c')).toBe(3);
    expect(await client.call('LLEN', jobs)).toBe(3);
    for (const value of ['a', 'b', 'c', null]) expect(await client.call('RPOP', jobs)).toBe(value);
    expect(await client.call('LLEN', jobs)).toBe(0);
  }),
  scenario('what RPUSH adds, LPOP takes in the same order', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    expect(await client.call('rpush', jobs, 'a', 'b')).toBe(2);
    for (const value of ['a', 'b', null]) expect(await client.call('lpop', jobs)).toBe(value);
  }),
  scenario('a list has one order', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    await client.call('LPUSH', jobs, 'a', 'b');
    if (t.differs('queues-have-one-order')) {
      expect(await client.call('LPOP', jobs)).toBe('b');
      expect(await client.call('RPUSH', jobs, 'c')).toBe(2);
      return;
    }
    const turned = /^ERR list 'jobs-.*' is a queue that is filled with LPUSH and emptied with RPOP/;
    await t.refused(client.call('LPOP', jobs), turned);
    await t.refused(client.call('RPUSH', jobs, 'c'), turned);
    await t.refused(client.call('BLPOP', jobs, '0'), turned);
    await t.refused(client.call('LMOVE', jobs, jobs, 'LEFT', 'LEFT'), turned);
    expect(await client.call('LLEN', jobs)).toBe(2);
    expect(await client.call('DEL', jobs)).toBe(1);
    expect(await client.call('RPUSH', jobs, 'c')).toBe(1);
    expect(await client.call('LPOP', jobs)).toBe('c');
  }),
  scenario('an empty list keeps its order', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    await client.call('LPUSH', jobs, 'a');
    await client.call('RPOP', jobs);
    if (t.differs('lists-stay')) expect(await client.call('RPUSH', jobs, 'b')).toBe(1);
    else await t.refused(client.call('RPUSH', jobs, 'b'), 'filled with LPUSH');
  }),
  scenario('one element is taken at a time', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    await client.call('LPUSH', jobs, 'a', 'b', 'c');
    if (t.differs('no-counts')) expect(await client.call('RPOP', jobs, '2')).toEqual(['a', 'b']);
    else await t.refused(client.call('RPOP', jobs, '2'), "ERR 'rpop' with a count is not built");
  }),
  scenario('BRPOP takes at once from the first list that has something', async (t) => {
    const client = await t.client();
    const [empty, first, second] = [t.name('empty'), t.name('first'), t.name('second')];
    await client.call('LPUSH', second, 'two');
    await client.call('LPUSH', first, 'one');
    expect(await client.call('BRPOP', empty, first, second, '0')).toEqual([first, 'one']);
    expect(await client.call('BRPOP', empty, first, second, '1')).toEqual([second, 'two']);
  }),
  scenario('BRPOP waits for the first element of any of its lists', async (t) => {
    const [worker, client] = [await t.client(), await t.client()];
    const [a, b] = [t.name('a'), t.name('b')];
    const popped = worker.call('BRPOP', a, b, '5');
    await client.call('PING');
    expect(await client.call('LPUSH', b, 'x')).toBe(1);
    expect(await popped).toEqual([b, 'x']);
    expect(await client.call('LPUSH', a, 'y')).toBe(1);
    expect(await client.call('LLEN', a)).toBe(1);
    expect(await worker.call('BRPOP', a, b, '5')).toEqual([a, 'y']);
  }),
  scenario('BLPOP waits as well', async (t) => {
    const [worker, client] = [await t.client(), await t.client()];
    const jobs = t.name('jobs');
    const popped = worker.call('BLPOP', jobs, '5');
    await client.call('PING');
    await client.call('RPUSH', jobs, 'x', 'y');
    expect(await popped).toEqual([jobs, 'x']);
    expect(await worker.call('LPOP', jobs)).toBe('y');
  }),
  scenario('a wait ends in time, and takes nothing afterwards', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    expect(await client.call('BRPOP', jobs, '0.05')).toBe(null);
    expect(await client.call('BRPOP', jobs, t.name('other'), '1e-2')).toBe(null);
    expect(await client.call('LPUSH', jobs, 'x')).toBe(1);
    expect(await client.call('LLEN', jobs)).toBe(1);
  }),
  scenario('workers that wait get one element each, the one that came first the first', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    const popped: Promise<Reply>[] = [];
    for (let i = 0; i < 3; i++) {
      const worker = await t.client();
      popped.push(worker.call('BRPOP', jobs, '5'));
      await client.call('PING');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const value of ['a', 'b', 'c']) await client.call('LPUSH', jobs, value);
    expect(await Promise.all(popped)).toEqual(['a', 'b', 'c'].map((value) => [jobs, value]));
  }),
  scenario('a worker that has gone takes nothing with it', async (t) => {
    const [worker, client] = [await t.client(), await t.client()];
    const jobs = t.name('jobs');
    worker.call('BRPOP', jobs, '0').catch(() => {});
    await client.call('PING');
    await worker.close();
    await client.call('BRPOP', t.name('nothing'), '0.1');
    await client.call('LPUSH', jobs, 'x');
    expect(await client.call('RPOP', jobs)).toBe('x');
  }),
  scenario('time-outs are numbers of seconds', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    await t.refused(client.call('BRPOP', jobs, '-1'), /^ERR timeout is negative$/);
    await t.refused(client.call('BRPOP', jobs, 'x'), /^ERR timeout is not a float or out of range$/);
    await t.refused(
      client.call('BLMOVE', jobs, jobs, 'LEFT', 'RIGHT', ''),
      /^ERR timeout is not a float or out of range$/,
    );
  }),
  scenario('LMOVE moves one element to another list', async (t) => {
    const client = await t.client();
    const [from, to] = [t.name('from'), t.name('to')];
    expect(await client.call('LMOVE', from, to, 'RIGHT', 'LEFT')).toBe(null);
    await client.call('LPUSH', from, 'a', 'b');
    expect(await client.call('LMOVE', from, to, 'RIGHT', 'LEFT')).toBe('a');
    expect(await client.call('lmove', from, to, 'right', 'left')).toBe('b');
    expect(await client.call('LLEN', from)).toBe(0);
    expect(await client.call('RPOP', to)).toBe('a');
    expect(await client.call('RPOP', to)).toBe('b');
    await t.refused(client.call('LMOVE', from, to, 'UP', 'LEFT'), /^ERR syntax error$/);
  }),
  scenario('LMOVE can go round one list', async (t) => {
    const client = await t.client();
    const ring = t.name('ring');
    await client.call('RPUSH', ring, 'a', 'b');
    for (const value of ['a', 'b', 'a']) expect(await client.call('LMOVE', ring, ring, 'LEFT', 'RIGHT')).toBe(value);
    expect(await client.call('LLEN', ring)).toBe(2);
  }),
  scenario('BLMOVE waits, and moves what comes', async (t) => {
    const [worker, client] = [await t.client(), await t.client()];
    const [from, to] = [t.name('from'), t.name('to')];
    expect(await worker.call('BLMOVE', from, to, 'RIGHT', 'LEFT', '0.05')).toBe(null);
    const moved = worker.call('BLMOVE', from, to, 'RIGHT', 'LEFT', '5');
    await client.call('PING');
    await client.call('LPUSH', from, 'x');
    expect(await moved).toBe('x');
    expect(await client.call('LLEN', from)).toBe(0);
    expect(await client.call('RPOP', to)).toBe('x');
  }),
  scenario('EXISTS and DEL count lists that have elements', async (t) => {
    const client = await t.client();
    const [a, b, c] = [t.name('a'), t.name('b'), t.name('c')];
    await client.call('LPUSH', a, 'x');
    await client.call('LPUSH', b, 'x', 'y');
    await client.call('LPUSH', c, 'x');
    await client.call('RPOP', c);
    expect(await client.call('EXISTS', a, b, c, a, t.name('d'))).toBe(3);
    expect(await client.call('DEL', a, b, c, t.name('d'))).toBe(2);
    expect(await client.call('EXISTS', a, b, c)).toBe(0);
    expect(await client.call('LLEN', b)).toBe(0);
    expect(await client.call('RPOP', b)).toBe(null);
  }),
  scenario('DEL does not end a wait', async (t) => {
    const [worker, client] = [await t.client(), await t.client()];
    const jobs = t.name('jobs');
    const popped = worker.call('BRPOP', jobs, '5');
    await client.call('PING');
    expect(await client.call('DEL', jobs)).toBe(0);
    await client.call('LPUSH', jobs, 'x');
    expect(await popped).toEqual([jobs, 'x']);
  }),
  scenario('a value may be any bytes, none, and long', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    const long = 'x'.repeat(1_000_000);
    const values = ['', 'a\0b\r\n$3\r\n', ' ', long, 'after'];
    await client.call('LPUSH', jobs, ...values);
    for (const value of values) expect(await client.call('BRPOP', jobs, '1')).toEqual([jobs, value]);
    await client.call('LPUSH', jobs, long, 'after');
    expect(await client.call('RPOP', jobs)).toBe(long);
    expect(await client.call('RPOP', jobs)).toBe('after');
  }),
  scenario('replies to what is sent in one go come in order', async (t) => {
    const client = await t.client();
    const jobs = t.name('jobs');
    const replies: Promise<Reply>[] = [];
    for (let i = 0; i < 200; i++) replies.push(client.call('LPUSH', jobs, `${i}`));
    expect(await Promise.all(replies)).toEqual(replies.map((_, i) => i + 1));
    const mixed = [
      client.call('LPUSH', jobs, 'x'),
      client.call('LLEN', jobs),
      client.call('RPOP', jobs),
      client.call('LPUSH', jobs, 'y'),
      client.call('PUBLISH', t.name('nobody'), 'z'),
      client.call('NONSENSE').catch(() => 'refused'),
      client.call('LPUSH', jobs).catch(() => 'refused'),
      client.call('LLEN', jobs),
    ];
    expect(await Promise.all(mixed)).toEqual([201, 201, '0', 201, 0, 'refused', 'refused', 201]);
  }),
]);
