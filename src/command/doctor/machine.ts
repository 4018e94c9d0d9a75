/** Of the machine: how many files may be open, how much memory there is, whether its clock can be right. */
import { freemem, totalmem } from 'node:os';
import type { Config } from '../../config/schema.ts';
import { shareDescriptors } from '../../transport/descriptors.ts';
import { bytes, count } from '../print/units.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

const MIB = 1024 * 1024;
/** With less than this a broker with a thousand clients has no room for messages. */
const MEMORY_BYTES_LEAST = 256 * MIB;
/** This was written in it. */
const YEAR_LEAST = 2025;

/** @param limit files that a process may have open; undefined: any number, or it cannot be told */
export function descriptors(config: Config, limit: number | undefined): Finding {
  const about = 'open files';
  const { max } = config.connections;
  if (limit === undefined) return ok(about, 'the system sets no limit that can be read');
  const { clients } = shareDescriptors(max, limit, Object.keys(config.vhosts).length);
  if (clients >= max) return ok(about, `${count(limit)} at most, enough for ${count(max)} connections`);
  return warning(
    about,
    `${count(limit)} at most: ${count(clients)} connections, where connections.max is ${count(max)}; raise it (ulimit -n, LimitNOFILE=)`,
  );
}

export interface Memory {
  readonly total: number;
  readonly free: number;
}

/** What a broker could use: of the machine, or of the container that this runs in. */
export function memoryNow(): Memory {
  const constrained = process.constrainedMemory();
  const available = process.availableMemory?.() ?? freemem();
  const total = constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
  return { total, free: Math.min(available, total) };
}

/** @param inForce the mark that a broker goes by which runs; 0: none */
export function memory({ memory: { highWatermark } }: Config, { total, free }: Memory, inForce?: number): Finding {
  const about = 'memory';
  const mark = inForce ?? (highWatermark > 1 ? highWatermark : Math.floor(total * highWatermark));
  const said = `${bytes(free)} free of ${bytes(total)}; publishers wait at ${mark === 0 ? 'no mark' : bytes(mark)}`;
  if (mark > total) return wrong(about, `${said}, which this machine does not have: lower memory.highWatermark`);
  if (mark === 0) return warning(about, `${said}: a backlog in memory may end the process (memory.highWatermark)`);
  return free < MEMORY_BYTES_LEAST ? warning(about, `${said}: it is short`) : ok(about, said);
}

/** @param newestMs when the newest file of the log was written; undefined: there is none */
export function clock(nowMs: number, newestMs: number | undefined): Finding {
  const about = 'clock';
  const now = new Date(nowMs);
  if (now.getUTCFullYear() < YEAR_LEAST) return wrong(about, `it says ${now.toISOString()}, which cannot be: set it`);
  const aheadS = newestMs === undefined ? 0 : Math.round((newestMs - nowMs) / 1_000);
  if (aheadS > 60) {
    return wrong(
      about,
      `it has gone back: the log was written ${count(aheadS)} s after now; what expires does so too late`,
    );
  }
  return ok(about, `it says ${now.toISOString()}`);
}
