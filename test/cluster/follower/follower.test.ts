/** What a follower takes, what it refuses, and what it makes of its own segments. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Lease, SharedAppend, SharedLog } from '../../../src/cluster/engine.ts';
import { readAppend, writeAppend } from '../../../src/cluster/envelope.ts';
import type { ClusterEvent } from '../../../src/cluster/events.ts';
import { Follower } from '../../../src/cluster/follower/follower.ts';
import { claim } from '../../../src/cluster/leader/claim.ts';
import { StreamReplica } from '../../../src/cluster/leader/stream-replica.ts';
import { Tenure } from '../../../src/cluster/leader/tenure.ts';
import { DIRECTORY, pathOf, segmentsIn, TestLog } from '../../log/harness.ts';
import { MemoryFiles } from '../../log/memory-files.ts';
import { FakeEngine, FakeServers } from '../fake/engine.ts';

class World {
  readonly clock = new ManualClock();
  readonly servers = new FakeServers(this.clock);
  readonly events: ClusterEvent[] = [];
  private epoch = 0;
  log!: SharedLog;

  static async make(): Promise<World> {
    const world = new World();
    world.log = await new FakeEngine(world.servers).sharedLog('v');
    return world;
  }

  readonly report = (event: ClusterEvent): void => {
    this.events.push(event);
  };

  follower(files: MemoryFiles, replayed: string[] = []): Promise<Follower> {
    return Follower.open({
      ...{ files, directory: DIRECTORY, report: this.report },
      replay: (type, seq, buffer, start, end) => {
        replayed.push(`${type} ${seq} ${buffer.latin1Slice(start, end)}`);
      },
    });
  }

  get appends(): SharedAppend[] {
    return [...this.servers.log('v').appends].map(([sequence, bytes]) => ({ sequence, bytes }));
  }

  /** A node leads on this disk: claims behind all there is, and opens its log. */
  async lead(files: MemoryFiles): Promise<TestLog> {
    const { clock, log, report } = this;
    const follower = await this.follower(files);
    for (const append of this.appends) await follower.take(append);
    const epoch = ++this.epoch;
    const lease: Lease = { name: 'v', holder: `n${epoch}`, epoch, deadlineMs: () => 1e9, giveBack: async () => {} };
    const claimed = (await claim(follower, { log, lease, clock, report, began: () => {} }))!;
    const tenure = new Tenure(lease, clock, 0, () => {});
    const { starts } = follower;
    const replica = new StreamReplica({
      ...{ log, tenure, report, starts, owner: lease.holder, failed: () => {} },
      ...claimed,
    });
    await replica.restore(await follower.tail());
    await follower.finish();
    return TestLog.open(files, { clock, replica, logId: claimed.logId });
  }
}

/** Some messages and a clean stop. */
async function work(it: TestLog, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    it.message(`text ${it.sequence.next} ${'x'.repeat(60)}`);
    if (i % 5 === 4) await it.safe();
  }
  await it.safe();
}

/** Without the room that is prepared, and what an earlier use has left. */
const contents = (files: MemoryFiles): string[] =>
  segmentsIn(files).map((path) => files.names.get(path)!.bytes.toString('latin1').replace(/\0+$/, ''));

it('has the same segments, and has replayed the same as a start would', async () => {
  const world = await World.make();
  const [leader, other] = [new MemoryFiles(), new MemoryFiles()];
  const it = await world.lead(leader);
  await work(it, 80);
  it.log.beginUnit();
  it.note('a unit '.repeat(100));
  it.note('of several batches '.repeat(40));
  it.log.endUnit();
  await it.safe();
  await it.close();
  const replayed: string[] = [];
  const follower = await world.follower(other, replayed);
  for (const append of world.appends) await follower.take(append);
  await follower.finish();
  expect(contents(other)).toEqual(contents(leader));
  const again = await TestLog.open(other);
  expect(replayed).toEqual(again.replayed.map(({ type, seq, text }) => `${type} ${seq} ${text}`));
  expect(again.kinds()).toEqual(['recovered']);
  await again.close();
});

it('a start in the middle goes on where it was, and writes nothing twice', async () => {
  const world = await World.make();
  const [leader, other] = [new MemoryFiles(), new MemoryFiles()];
  const it = await world.lead(leader);
  await work(it, 60);
  const half = world.appends.length >> 1;
  const first = await world.follower(other);
  for (const append of world.appends.slice(0, half)) await first.take(append);
  await first.close();
  const calls = other.calls.length;
  const second = await world.follower(other);
  for (const append of world.appends.slice(0, half)) await second.take(append);
  expect(other.calls.slice(calls).filter((call) => /^write/.test(call))).toEqual([]);
  for (const append of world.appends.slice(half)) await second.take(append);
  expect(second.sequence).toBe(world.appends.length);
  await second.close();
  await it.close();
});

it('a rotten byte of its own is replaced, and said', async () => {
  const world = await World.make();
  const [leader, other] = [new MemoryFiles(), new MemoryFiles()];
  const it = await world.lead(leader);
  await work(it, 30);
  await it.close();
  const first = await world.follower(other);
  for (const append of world.appends) await first.take(append);
  await first.close();
  other.names.get(pathOf(1))!.bytes[300]! ^= 4;
  const second = await world.follower(other);
  for (const append of world.appends) await second.take(append);
  await second.finish();
  expect(contents(other)).toEqual(contents(leader));
  expect(world.events).toMatchObject([{ kind: 'replaced', segment: 1 }]);
});

it('what a deposed leader wrote and nobody heard of is not in the log of the next, nor in its own', async () => {
  const world = await World.make();
  const [former, next] = [new MemoryFiles(), new MemoryFiles()];
  const it = await world.lead(former);
  await work(it, 10);
  // Written and synced here; the engine has gone from its sight.
  world.servers.mishaps.appendLost = 1;
  it.message('never heard of');
  await it.until(() => former.pending === 0);
  world.servers.mishaps.appendLost = 0;
  const other = await world.lead(next);
  await work(other, 10);
  expect(other.texts()).not.toContain('never heard of');
  await other.close();
  const back = await world.follower(former);
  for (const append of world.appends) await back.take(append);
  await back.finish();
  expect(contents(former)).toEqual(contents(next));
});

it('what it has and nobody else, and nobody has said otherwise since, is put into the shared log again', async () => {
  const world = await World.make();
  const files = new MemoryFiles();
  const it = await world.lead(files);
  await work(it, 30);
  await it.close();
  const { last } = await world.log.bounds();
  // All machines of the engine lost their power: what it had acknowledged is gone.
  world.servers.forget('v', 3);
  const again = await world.lead(files);
  expect((await world.log.bounds()).last).toBeGreaterThanOrEqual(last);
  expect(again.texts().length).toBe(30);
  await again.close();
  const other = await world.follower(new MemoryFiles());
  for (const append of world.appends) await other.take(append);
});

it('an end that was acknowledged is never cut', async () => {
  const world = await World.make();
  const [former, next] = [new MemoryFiles(), new MemoryFiles()];
  const it = await world.lead(former);
  await work(it, 30);
  await it.close();
  world.servers.forget('v', 4);
  const other = await world.lead(next);
  const back = await world.follower(former);
  for (const append of world.appends.slice(0, -1)) await back.take(append);
  const before = contents(former);
  await expect(back.take(world.appends.at(-1)!).then(() => back.finish())).rejects.toThrow('had been acknowledged');
  expect(contents(former).slice(0, before.length)).toEqual(before);
  await other.close();
});

it('a log of another id is left as it is', async () => {
  const world = await World.make();
  const own = new MemoryFiles();
  const alone = await TestLog.open(own);
  alone.message('mine');
  await alone.safe();
  await alone.close();
  const before = contents(own);
  const it = await world.lead(new MemoryFiles());
  const follower = await world.follower(own);
  await expect(follower.take(world.appends[0]!)).rejects.toThrow('holds log a1b2c3d4e5f60718, and the cluster');
  await follower.close();
  expect(contents(own)).toEqual(before);
  await it.close();
});

it('a node that was away for longer than what is kept says so', async () => {
  const world = await World.make();
  const files = new MemoryFiles();
  const it = await world.lead(files);
  await work(it, 80);
  const begins = world.appends.find(
    ({ bytes }) => readAppend(bytes).parts[0]?.position === 0 && bytes !== world.appends[1]!.bytes,
  )!;
  await world.log.discardBelow(begins.sequence);
  const late = await world.follower(new MemoryFiles());
  await expect(late.take(world.appends[0]!)).rejects.toThrow('the shared log begins with append');
  // Who has followed to there goes on, and so does the leader itself.
  await it.close();
  const own = await world.follower(files);
  for (const append of world.appends) await own.take(append);
  await own.close();
});

it('a node whose checkpoint is younger than what is kept goes on where its own log begins', async () => {
  const world = await World.make();
  const files = new MemoryFiles();
  const it = await world.lead(files);
  await work(it, 120);
  await it.close();
  const begins = (segment: number): SharedAppend =>
    world.appends.find(({ bytes }) =>
      readAppend(bytes).parts.some((part) => part.position === 0 && part.segment === segment),
    )!;
  await world.log.discardBelow(begins(2).sequence);
  for (const segment of [1, 2]) files.names.delete(pathOf(segment));
  const own = await world.follower(files);
  for (const append of world.appends) {
    await own.take(append);
    expect(own.connected).toBe(append.sequence >= begins(3).sequence);
  }
  const before = contents(files);
  await own.finish();
  expect(contents(files)).toEqual(before);
});

it('an append that does not fit is not passed over', async () => {
  const world = await World.make();
  const it = await world.lead(new MemoryFiles());
  await work(it, 20);
  const { appends } = world;
  const at = (i: number): SharedAppend => appends[i]!;
  const changed = (i: number, change: object): SharedAppend => {
    const { parts, ...head } = readAppend(at(i).bytes);
    return { sequence: at(i).sequence, bytes: writeAppend({ ...head, ...change }, parts) };
  };
  const flipped = Buffer.from(at(3).bytes);
  flipped[flipped.length - 9]! ^= 1;
  const inside = readAppend(Buffer.from(at(3).bytes));
  inside.parts[0]!.bytes[70]! ^= 1; // under a checksum of its own
  const cases: [SharedAppend, string][] = [
    [{ sequence: at(3).sequence, bytes: flipped }, 'its checksum is wrong'],
    [{ sequence: at(3).sequence, bytes: writeAppend(inside, inside.parts) }, 'no sound batch'],
    [{ sequence: at(3).sequence, bytes: at(4).bytes }, 'append 4 of epoch 1 comes after 2'],
    [at(4), 'append 5 comes where append 4 should be'],
    [changed(3, { epoch: 2 }), 'has batches and made no claim'],
    [changed(3, { firstBatch: 1 }), 'it goes on with batch 1'],
    [changed(3, { checksumBefore: 7 }), 'behind another batch'],
    [changed(0, {}), 'append 1 comes where append 4'],
    [{ ...changed(0, {}), sequence: 4 }, 'a claim of epoch 1 comes after epoch 1'],
  ];
  for (const [wrong, says] of cases) {
    const follower = await world.follower(new MemoryFiles());
    for (let i = 0; i < 3; i++) await follower.take(at(i));
    await expect(follower.take(wrong), says).rejects.toThrow(says);
    expect(follower.sequence).toBe(3);
    await follower.close();
  }
  await it.close();
});
