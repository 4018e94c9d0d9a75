/**
 * The record of a list of targets: which durable queues the messages get that name this list.
 *
 * ```
 * 136 targets   u32 list, u32 first, u32 count, count × (u32 queue, u32 target flags)
 * ```
 *
 * A long list takes several records; `first` is the place in the list of the record's first entry. The flags are those of
 * `routing/target-flags.ts`.
 */
import { readU32, writeU32 } from '../../../message/bytes.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_TARGETS } from './types.ts';

/** Targets in one record at most, so that no record outgrows a block. */
const TARGETS_MAX = 16_384;
const HEAD_BYTES = 12;
const TARGET_BYTES = 8;

export interface TargetRecord {
  /** The queue's number. */
  readonly queue: number;
  readonly flags: number;
}

export interface TargetsRecord {
  readonly list: number;
  /** The place in the list of the first of `targets`. */
  readonly first: number;
  readonly targets: readonly TargetRecord[];
}

/** Writes the whole list, an empty one too. */
export function writeTargets(out: RecordOutput, list: number, targets: readonly TargetRecord[]): void {
  for (let first = 0; first === 0 || first < targets.length; first += TARGETS_MAX) {
    const count = Math.min(TARGETS_MAX, targets.length - first);
    let at = out.append(RECORD_TARGETS, HEAD_BYTES + count * TARGET_BYTES);
    const { buffer } = out;
    writeU32(buffer, at, list);
    writeU32(buffer, at + 4, first);
    writeU32(buffer, at + 8, count);
    at += HEAD_BYTES;
    for (let i = first; i < first + count; i++, at += TARGET_BYTES) {
      const { queue, flags } = targets[i]!;
      writeU32(buffer, at, queue);
      writeU32(buffer, at + 4, flags);
    }
  }
}

export function readTargets(buffer: Buffer, start: number): TargetsRecord {
  const count = readU32(buffer, start + 8);
  const targets: TargetRecord[] = [];
  for (let at = start + HEAD_BYTES, i = 0; i < count; i++, at += TARGET_BYTES) {
    targets.push({ queue: readU32(buffer, at), flags: readU32(buffer, at + 4) });
  }
  return { list: readU32(buffer, start), first: readU32(buffer, start + 4), targets };
}

/** The record's list with these entries in their places. @param known what earlier records said of it, if any */
export function mergeTargets(known: TargetRecord[] | undefined, { first, targets }: TargetsRecord): TargetRecord[] {
  const list = first === 0 ? [] : (known ?? []);
  targets.forEach((target, i) => {
    list[first + i] = target;
  });
  return list;
}
