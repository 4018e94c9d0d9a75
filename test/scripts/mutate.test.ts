import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Fault } from '../../scripts/mutate/faults.ts';
import { orderedTests } from '../../scripts/mutate/order.ts';
import { Planting } from '../../scripts/mutate/planting.ts';
import { byTypes, Results } from '../../scripts/mutate/results.ts';
import { withTemporaryDirectory } from '../support/directory.ts';

const fault = (file: string, start: number, where = 'f'): Fault => ({
  ...{ file, line: 1, column: start + 1, start, end: start + 1, where },
  ...{ kind: 'ArithmeticOperator', replacement: '-' },
});

const result = (tried: Fault, noticedBy: string | null) => ({
  ...{ fault: tried, source: `line of ${tried.start}`, change: '+ → -', noticedBy },
  ...{ ran: [], reaching: 3, spentMs: 1, typed: false },
});

it('runs the test of the same name first, then those close by, short ones before long ones', () => {
  const reach = {
    tests: {
      'src/log/read/reader.ts#f': ['test/vhost/a.test.ts', 'test/log/slow.test.ts', 'test/log/read/reader.test.ts'],
    },
    took: { 'test/vhost/a.test.ts': 100, 'test/log/slow.test.ts': 20_000, 'test/log/read/reader.test.ts': 300 },
    longest: {},
  };
  expect(orderedTests(reach, fault('src/log/read/reader.ts', 0), [])).toEqual([
    'test/log/read/reader.test.ts',
    'test/vhost/a.test.ts',
    'test/log/slow.test.ts',
  ]);
});

it('runs a test that has noticed another fault of the same function before its neighbours', () => {
  const tests = ['test/log/read/near.test.ts', 'test/vhost/far.test.ts'];
  const reach = { tests: { 'src/log/read/reader.ts#f': tests }, took: {}, longest: {} };
  const tried = fault('src/log/read/reader.ts', 0);
  expect(orderedTests(reach, tried, [])).toEqual(tests);
  const before = [result(fault('src/log/read/reader.ts', 5), 'test/vhost/far.test.ts: it reads')];
  expect(orderedTests(reach, tried, before)).toEqual(tests.toReversed());
});

it('runs every test that reaches the file where nothing is known of the function', () => {
  const reach = {
    tests: { 'src/a.ts#f': ['test/f.test.ts'], 'src/a.ts#g': ['test/g.test.ts'] },
    took: {},
    longest: {},
  };
  expect(orderedTests(reach, fault('src/a.ts', 0, 'new'), []).toSorted()).toEqual(['test/f.test.ts', 'test/g.test.ts']);
});

it('takes out what a run that was killed has left planted', () =>
  withTemporaryDirectory((directory) => {
    const kept = join(directory, 'planted.json');
    writeFileSync(join(directory, 'a.ts'), '1+1');
    writeFileSync(join(directory, 'b.ts'), '2+2');
    new Planting(directory, kept).plant([fault('a.ts', 1), fault('b.ts', 1)]);
    expect(readFileSync(join(directory, 'a.ts'), 'utf8')).toBe('1-1');
    const next = new Planting(directory, kept);
    next.plant([fault('b.ts', 1)]);
    expect(readFileSync(join(directory, 'a.ts'), 'utf8')).toBe('1+1');
    next.restore();
    expect(readFileSync(join(directory, 'b.ts'), 'utf8')).toBe('2+2');
  }));

it('goes on where a run was stopped, and counts a fault that was tried further once', () =>
  withTemporaryDirectory((directory) => {
    const path = join(directory, 'results.jsonl');
    const first = new Results(path);
    first.add(result(fault('a.ts', 1), null));
    first.add(result(fault('a.ts', 2), byTypes('a.ts(1,2): error')));
    first.add(result(fault('a.ts', 3), null));
    first.add(result(fault('a.ts', 1), 'test/a.test.ts: it adds'));
    const next = new Results(path);
    expect(next.survivors.map(({ fault: { start } }) => start)).toEqual([3]);
    expect(next.share()).toBe('2 of 3 (0.667) noticed, 1 by the type check; of the others 1 of 2 (0.500)');
  }));
