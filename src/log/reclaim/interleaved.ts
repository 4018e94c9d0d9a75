/** Tells whether what will be read together lies scattered over a segment, so that bringing it together pays. */
import type { Segment } from '../blocks/segment.ts';
import { batchBytesOf } from '../options.ts';
import type { LiveRecords } from './rewriting.ts';

/** Pieces become so many times fewer at the least. */
const GAIN = 4;
/** Pieces that are longer than so many batches are read alone at no great cost. */
const BATCHES_MAX = 2;
/** Numbers looked at in one go. */
const AT_ONCE = 65_536;

/** @param rest waits for the next turn at the least */
export async function isInterleaved(segment: Segment, live: LiveRecords, rest: () => Promise<void>): Promise<boolean> {
  const groups = new Set<number>();
  let pieces = 0;
  let before = -1;
  for (const { firstSeq, lastSeq, live: references } of segment.blocks) {
    if (references === 0) continue;
    for (let from = firstSeq; from <= lastSeq; from += AT_ONCE) {
      const to = Math.min(lastSeq, from + AT_ONCE - 1);
      for (let seq = from; seq <= to; seq++) {
        if (!live.isLive(seq)) continue;
        const group = live.groupOf(seq);
        if (group === before) continue;
        before = group;
        pieces++;
        groups.add(group);
      }
      if (to < lastSeq) await rest();
    }
  }
  return (
    groups.size > 0 &&
    pieces >= GAIN * groups.size &&
    segment.liveBytes / pieces < BATCHES_MAX * batchBytesOf(segment.blockBytes)
  );
}
