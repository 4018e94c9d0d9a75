/** What becomes of the memory of blocks that are given up. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Block } from '../../../src/log/blocks/block.ts';
import { ResidentBlocks } from '../../../src/log/blocks/resident-blocks.ts';

class Plain extends Block {}

function filled(blocks: ResidentBlocks<Plain>): Plain {
  const block = new Plain(0);
  block.buffer = blocks.take();
  block.resident = true;
  blocks.admit(block);
  return block;
}

it('a buffer is used again once the turn in which it was given up is over, and not before', () => {
  const blocks = new ResidentBlocks<Plain>(64, 1024);
  const block = filled(blocks);
  const { buffer } = block;
  blocks.evict(block);
  expect(blocks.take()).not.toBe(buffer);
  blocks.endOfTurn(
    () => true,
    () => {},
  );
  expect(blocks.take()).toBe(buffer);
});

it('a buffer of which somebody has pinned a piece is used again only once nobody has, even if its block has come back meanwhile', () => {
  const blocks = new ResidentBlocks<Plain>(64, 1024);
  const endOfTurn = (): void =>
    blocks.endOfTurn(
      () => true,
      () => {},
    );
  const block = filled(blocks);
  const { buffer } = block;
  const memory = block.pinned();
  memory.hold();
  memory.hold();
  blocks.evict(block);
  endOfTurn();
  const other = blocks.take();
  expect(other).not.toBe(buffer);
  block.restore(other);
  blocks.admit(block);
  expect(block.pinned()).not.toBe(memory);
  memory.release();
  endOfTurn();
  expect(blocks.take()).not.toBe(buffer);
  memory.release();
  endOfTurn();
  expect(blocks.take()).toBe(buffer);
});

it('eight of them are kept, the rest goes back', () => {
  const blocks = new ResidentBlocks<Plain>(64, 4096);
  const all = Array.from({ length: 10 }, () => filled(blocks));
  const buffers = new Set(all.map(({ buffer }) => buffer));
  for (const block of all) blocks.evict(block);
  blocks.endOfTurn(
    () => true,
    () => {},
  );
  blocks.endOfTurn(
    () => true,
    () => {},
  );
  expect(Array.from({ length: 10 }, () => blocks.take()).filter((buffer) => buffers.has(buffer)).length).toBe(8);
});

it('what has been lent is there when it is taken, however slowly', () => {
  const clock = new ManualClock();
  const blocks = new ResidentBlocks<Plain>(64, 64 * 40, clock);
  const all = Array.from({ length: 40 }, () => filled(blocks));
  const buffers = new Set(all.map(({ buffer }) => buffer));
  blocks.lentBytes = 64 * 20;
  blocks.endOfTurn(
    () => true,
    (block) => blocks.evict(block),
  );
  blocks.endOfTurn(
    () => true,
    (block) => blocks.evict(block),
  );
  const taken: Buffer[] = [];
  for (let i = 0; i < 20; i++) {
    clock.advance(200);
    taken.push(blocks.take());
  }
  expect(taken.filter((buffer) => buffers.has(buffer)).length).toBe(20);
});

/** A block that counts how often it is looked at. */
class Watched extends Block {
  looks = 0;
  private there = false;

  constructor() {
    super(0);
    // `Block` has a field of that name: this instance answers for it.
    Object.defineProperty(this, 'resident', {
      get: () => {
        this.looks++;
        return this.there;
      },
      set: (there: boolean) => {
        this.there = there;
      },
    });
  }
}

it('what left memory by another way is not given up a second time', () => {
  const blocks = new ResidentBlocks<Plain>(64, 64);
  const [first, second, third] = Array.from({ length: 3 }, () => filled(blocks));
  blocks.evict(first!); // nobody referred to it any more
  const given: Plain[] = [];
  blocks.endOfTurn(
    () => true,
    (block) => {
      given.push(block);
      blocks.evict(block);
    },
  );
  expect(given).toEqual([second]);
  expect(third!.resident).toBe(true);
  expect(blocks.bytes).toBe(64);
});

it('what left memory is forgotten, also where memory never comes to its bound', () => {
  const blocks = new ResidentBlocks<Watched>(64, 1 << 20);
  const gone = Array.from({ length: 1025 }, () => {
    const block = new Watched();
    block.buffer = blocks.take();
    block.resident = true;
    blocks.admit(block);
    return block;
  });
  for (const block of gone) blocks.evict(block);
  const turn = () =>
    blocks.endOfTurn(
      () => true,
      () => {},
    );
  turn();
  for (const block of gone) block.looks = 0;
  turn();
  blocks.admit(Object.assign(new Watched(), { buffer: Buffer.alloc(1 << 21), resident: true }));
  turn();
  expect(gone.filter(({ looks }) => looks > 0)).toEqual([]);
});

it('buffers that a store needs again and again are kept for it, and go when it has not needed them for a while', () => {
  const clock = new ManualClock();
  const blocks = new ResidentBlocks<Plain>(64, 64 * 40, clock);
  const turn = () =>
    blocks.endOfTurn(
      () => true,
      () => {},
    );
  const made = new Set<ArrayBufferLike>();
  /** Thirty blocks come and go, in a moment. */
  const wave = (): void => {
    const some = Array.from({ length: 30 }, () => filled(blocks));
    for (const { buffer } of some) made.add(buffer.buffer);
    for (const block of some) blocks.evict(block);
    turn();
  };
  for (let i = 0; i < 100; i++) {
    wave();
    clock.advance(40);
  }
  expect(made.size).toBe(30);
  clock.advance(5_000);
  wave();
  // A few are kept for good.
  expect(made.size).toBe(30 + 22);
});

it('what is kept and what is in use is no more than twice the budget', () => {
  const blocks = new ResidentBlocks<Plain>(64, 64 * 10, new ManualClock());
  const turn = () =>
    blocks.endOfTurn(
      () => true,
      () => {},
    );
  const first = Array.from({ length: 100 }, () => filled(blocks));
  const given = first.map(({ buffer }) => buffer.buffer);
  for (const block of first) blocks.evict(block);
  turn();
  const before = new Set(given);
  const again = Array.from({ length: 100 }, () => blocks.take().buffer).filter((memory) => before.has(memory));
  expect(again).toHaveLength(20);
});

it('what is lent of the budget, or used beside blocks, is room that blocks give up', () => {
  const blocks = new ResidentBlocks<Plain>(64, 640);
  const endOfTurn = (): void =>
    blocks.endOfTurn(
      () => true,
      (block) => blocks.evict(block),
    );
  for (let i = 0; i < 10; i++) filled(blocks);
  endOfTurn();
  expect(blocks.bytes).toBe(640);
  blocks.lentBytes = 128;
  blocks.besideBytes = 192;
  endOfTurn();
  expect(blocks.bytes).toBe(320);
  // However much that is, one stays.
  blocks.besideBytes = 10_000;
  endOfTurn();
  expect(blocks.bytes).toBe(64);
});
