/**
 * Two spellings of one key. Dotted keys part their levels by `.`, slashed ones by `/`: between the two, `.` and `/` trade
 * places, so that what separates in one is plain text in the other and nothing is lost either way:
 *
 *     slashed   spBv1.0/g/n      resp/10.0.0.5/k      a.b
 *     dotted    spBv1/0.g.n      resp.10/0/0/5.k      a/b
 *
 * Keys are compared in the dotted spelling. The names of queues are not respelled.
 */
import { DOT, type Spelling } from './message.ts';

const DOT_BYTE = 0x2e;
const SLASH_BYTE = 0x2f;

/** A key in the other spelling. */
export function respelled(key: string): string {
  if (!key.includes('.')) return key.replaceAll('/', '.');
  if (!key.includes('/')) return key.replaceAll('.', '/');
  return key.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

/** A key as it is compared. */
export function dotted(key: string, spelling: Spelling): string {
  return spelling === DOT ? key : respelled(key);
}

/** Writes `source[start, end)` to `target` at `at` in the other spelling; returns where it ended. */
export function respell(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = source[from]!;
    target[to++] = byte === SLASH_BYTE ? DOT_BYTE : byte === DOT_BYTE ? SLASH_BYTE : byte;
  }
  return to;
}
