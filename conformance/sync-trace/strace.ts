/**
 * Reads what `strace -f -ttt -T -xx -yy` wrote, as far as the question needs it: which bytes went to which file or socket,
 * when the call began and when it returned.
 *
 *   1234  1700000000.000100 pwritev(17</data/log>, [{iov_base="\x45…", iov_len=64}], 1, 0) = 64 <0.000250>
 *   1234  1700000000.000100 fdatasync(17</data/log> <unfinished ...>
 *   1234  1700000000.000400 <... fdatasync resumed>) = 0 <0.000300>
 *
 * A call that another thread's event interrupted stands on two lines; they are put together here. Calls that failed or
 * that the trace cuts off are left out.
 */

export interface Call {
  readonly name: string;
  /** The descriptor; for openat the one that it returned. */
  readonly descriptor: number;
  /** What the descriptor is: a path, or `TCP:[127.0.0.1:5672->127.0.0.1:40000]`. For openat the path that was opened. */
  readonly target: string;
  /** For openat and pwritev2: the flags, as text. */
  readonly flags: string;
  /** The bytes written, as far as the call took them. */
  readonly bytes: Buffer;
  /** Microseconds since the epoch. */
  readonly beganUs: number;
  readonly returnedUs: number;
}

const LINE = /^(\d+)\s+(\d+\.\d+)\s+(.*)$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const UNFINISHED = / <unfinished \.\.\.>$/;
const CALL = /^(\w+)\((.*)\)\s+= (-?\d+)(?:<(.*?)>)?[^<]*<(\d+\.\d+)>$/s;
const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg']);

const microseconds = (text: string): number => Math.round(Number(text) * 1e6);

/** `\x41\x42` to bytes. */
function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}

const plain = (text: string): string => (text.includes('\\x') ? unhex(text).toString('utf8') : text);

export function parseTrace(text: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, { head: string; beganUs: number }>();
  for (const raw of text.split('\n')) {
    const line = LINE.exec(raw);
    if (line === null) continue;
    const [, thread, time, rest] = line as unknown as [string, string, string, string];
    const atUs = microseconds(time);
    const resumed = RESUMED.exec(rest);
    if (resumed !== null) {
      const begun = open.get(thread);
      if (begun === undefined) continue;
      open.delete(thread);
      const call = parseCall(begun.head + resumed[2]!, begun.beganUs, atUs);
      if (call !== undefined) calls.push(call);
    } else if (UNFINISHED.test(rest)) {
      open.set(thread, { head: rest.replace(UNFINISHED, ''), beganUs: atUs });
    } else {
      const call = parseCall(rest, atUs, undefined);
      if (call !== undefined) calls.push(call);
    }
  }
  return calls;
}

function parseCall(text: string, beganUs: number, resumedUs: number | undefined): Call | undefined {
  const match = CALL.exec(text);
  if (match === null) return undefined;
  const [, name, parameters, result, opened, seconds] = match as unknown as [
    string,
    string,
    string,
    string,
    string | undefined,
    string,
  ];
  if (Number(result) < 0) return undefined;
  // A line in one piece carries the time it began; a resumed one the time it returned.
  const returnedUs = resumedUs ?? beganUs + microseconds(seconds);
  if (name === 'openat') {
    const flags = /,\s*(O_[A-Z_|]+)/.exec(parameters)?.[1] ?? '';
    const descriptor = Number(result);
    return { name, descriptor, target: plain(opened ?? ''), flags, bytes: Buffer.alloc(0), beganUs, returnedUs };
  }
  const descriptor = Number.parseInt(parameters, 10);
  const target = plain(/^\d+<(.*?)>(?:,|$)/s.exec(parameters)?.[1] ?? '');
  if (name === 'fdatasync' || name === 'fsync') {
    return { name, descriptor, target, flags: '', bytes: Buffer.alloc(0), beganUs, returnedUs };
  }
  if (!WRITES.has(name)) return undefined;
  // All quoted strings but the descriptor's own path are the bytes, in their order.
  const strings = [...parameters.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)];
  if (strings.some((s) => s[2] !== undefined)) throw new Error('the trace cut a write short: raise its string limit');
  const bytes = unhex(strings.map((s) => s[1]).join('')).subarray(0, Number(result));
  const flags = /RWF_[A-Z_|]+/.exec(parameters)?.[0] ?? '';
  return { name, descriptor, target, flags, bytes, beganUs, returnedUs };
}
