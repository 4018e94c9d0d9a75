/** What becomes of the memory of blocks that are given up. */
import { expect, it } from 'vitest';
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
