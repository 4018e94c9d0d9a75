/** The log takes no more file descriptors than it needs, and waits for one where none is left. */
import { expect, it } from 'vitest';
import { DIRECTORY, TestLog, until } from '../harness.ts';
import { type Call, MemoryFiles } from '../memory-files.ts';

const noDescriptor = (code: string) => Object.assign(new Error(`${code}: too many open files`), { code });

async function pass(test: TestLog, done: () => boolean): Promise<void> {
  await until(() => {
    test.clock.advance(20);
    return done();
  });
}

/** Appends a segment's worth of records and waits until they are safe. */
async function fill(test: TestLog, segments: number): Promise<number[]> {
  const seqs: number[] = [];
  for (let n = 0; n < segments * 6; n++) {
    seqs.push(test.message(`record ${n} ${'x'.repeat(600)}`));
    const mark = test.log.mark;
    await pass(test, () => test.log.syncedMark >= mark || test.log.failed !== undefined);
  }
  return seqs;
}

it.each<[string, Call]>([
  ['EMFILE', 'open'],
  ['ENFILE', 'open'],
  ['EMFILE', 'syncDirectory'],
])('its next segment waits while %s says that there is no descriptor for %s', async (code, call) => {
  const files = new MemoryFiles();
  const scarce: boolean[] = [];
  const test = await TestLog.open(files, { onScarce: (is) => void scarce.push(is) });
  await fill(test, 1);
  let tried = 0;
  files.fail = (what) => {
    if (what !== call) return undefined;
    tried++;
    return noDescriptor(code);
  };
  const before = test.log.segmentNumber;
  while (test.log.segmentNumber < before + 2) test.message('y'.repeat(700));
  const { mark } = test.log;
  await pass(test, () => tried > 3 && scarce.length === 1);
  expect(test.failures).toEqual([]);
  expect(test.log.syncedMark).toBeLessThan(mark);
  files.fail = () => undefined;
  await pass(test, () => test.log.syncedMark >= mark);
  expect(scarce).toEqual([true, false]);
  expect(test.failures).toEqual([]);
  await test.close();
});

it('a record that must be read back waits for a descriptor, and is not lost', async () => {
  const files = new MemoryFiles();
  const before = await TestLog.open(files);
  const [first] = await fill(before, 12);
  await before.close();
  const test = await TestLog.open(files, { residentBytesMax: 1024 });
  test.adopt();
  files.fail = (what) => (what === 'open' ? noDescriptor('EMFILE') : undefined);
  let answer: Error | undefined | null = null;
  test.log.load(first!, (error) => {
    answer = error;
  });
  for (let n = 0; n < 50; n++) await pass(test, () => true);
  expect(answer).toBe(null);
  files.fail = () => undefined;
  await pass(test, () => answer !== null);
  expect(answer).toBe(undefined);
  await test.close();
});

/** The files, and how many of them are open now and were at most. */
function counting(files: MemoryFiles): { files: MemoryFiles; now(): number; most(): number } {
  let open = 0;
  let most = 0;
  const counted = new Proxy(files, {
    get(target, key) {
      if (key !== 'open') {
        const value = Reflect.get(target, key) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (path: string, how: 'read' | 'update' | 'create') => {
        const file = await target.open(path, how);
        most = Math.max(most, ++open);
        const { close } = file;
        file.close = () => {
          open--;
          return close.call(file);
        };
        return file;
      };
    },
  });
  return { files: counted, now: () => open, most: () => most };
}

it.each(['fsync', 'none'] as const)('a long backlog keeps few files open, at durability %s', async (durability) => {
  const files = new MemoryFiles();
  const counted = counting(files);
  const test = await TestLog.open(counted.files, { durability, residentBytesMax: 2048 });
  const seqs = await fill(test, 80);
  expect(test.log.segmentCount).toBeGreaterThan(60);
  for (const seq of seqs) expect(await test.read(seq)).toContain('record');
  expect(counted.most()).toBeLessThan(45);
  expect(counted.now()).toBeLessThan(45);
  await test.close();
  expect(counted.now()).toBe(0);
  expect([...files.names.keys()].filter((path) => path.startsWith(`${DIRECTORY}/0`)).length).toBeGreaterThan(60);
});

it('a long backlog of an earlier life keeps few files open, too', async () => {
  const files = new MemoryFiles();
  const before = await TestLog.open(files, { residentBytesMax: 2048 });
  const seqs = await fill(before, 80);
  const counted = counting(files.afterKill());
  const test = await TestLog.open(counted.files, { residentBytesMax: 2048 });
  test.adopt();
  expect(test.log.segmentCount).toBeGreaterThan(60);
  for (const seq of seqs) expect(await test.read(seq)).toContain('record');
  expect(counted.most()).toBeLessThan(45);
  expect(counted.now()).toBeLessThan(45);
  await test.close();
  await before.close();
});
