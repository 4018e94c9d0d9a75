/**
 * From a trace of system calls to one statement for each message: the write that holds it, and the sync that covers that
 * write, had returned before the first byte of its confirm was written to the publisher's socket.
 *
 *   write(log, …id…)      began ── returned
 *   fdatasync(log)                            began ── returned = safe      (or the write itself, on O_DSYNC)
 *   write(socket, confirm)                                          began  ✔ safe ≤ began
 *
 * Nothing here trusts the broker: the message is found by its id in the bytes of the file, the confirm by decoding what
 * went over the socket.
 */
import type { Call } from './strace.ts';

export type Confirming = 'amqp' | 'mqtt' | 'stomp';

export interface Expected {
  readonly protocol: Confirming;
  /** The listener's port: which sockets are this protocol's. */
  readonly port: number;
  /** Ids by what confirms them: delivery tag, packet identifier, receipt id. */
  readonly messages: ReadonlyMap<string, string>;
}

export interface Verdict {
  readonly protocol: Confirming;
  readonly messages: number;
  /** Messages whose sync returned before their confirm was written. */
  readonly covered: number;
  /** Calls that made them safe: how many, and by what. */
  readonly syncs: number;
  readonly by: 'O_DSYNC' | 'fdatasync' | 'both' | 'nothing';
  /** The shortest time between the two, in microseconds. */
  readonly slackMinUs: number;
  readonly failures: readonly string[];
}

/** Where in time a message became safe: undefined if never. */
interface Safety {
  readonly us: number;
  readonly by: 'O_DSYNC' | 'fdatasync';
  readonly sync: Call;
}

export function judge(calls: readonly Call[], dataDirectory: string, expected: Expected): Verdict {
  const failures: string[] = [];
  const confirms = confirmTimes(calls, expected);
  const safety = new SafetyFinder(calls, dataDirectory);
  const syncs = new Set<Call>();
  const kinds = new Set<string>();
  let covered = 0;
  let slackMinUs = Number.POSITIVE_INFINITY;
  for (const [key, id] of expected.messages) {
    const confirmedUs = confirms.get(key);
    if (confirmedUs === undefined) {
      failures.push(`${id}: no confirm was written`);
      continue;
    }
    const safe = safety.of(id);
    if (safe === 'not written') failures.push(`${id}: confirmed, but its bytes are in no write to a file`);
    else if (safe === 'not synced') failures.push(`${id}: confirmed, but no sync covers it`);
    else if (safe.us > confirmedUs)
      failures.push(`${id}: confirmed ${safe.us - confirmedUs} µs before the sync that covers it returned`);
    else {
      covered++;
      syncs.add(safe.sync);
      kinds.add(safe.by);
      slackMinUs = Math.min(slackMinUs, confirmedUs - safe.us);
    }
  }
  return {
    protocol: expected.protocol,
    messages: expected.messages.size,
    covered,
    syncs: syncs.size,
    by:
      kinds.size === 2
        ? 'both'
        : ((([...kinds][0] as 'O_DSYNC' | 'fdatasync' | undefined) ?? 'nothing') as Verdict['by']),
    slackMinUs,
    failures,
  };
}

class SafetyFinder {
  private readonly writes: Call[];
  private readonly calls: readonly Call[];

  constructor(calls: readonly Call[], directory: string) {
    this.calls = calls;
    this.writes = calls.filter((call) => call.target.startsWith(directory) && call.bytes.length > 0);
  }

  of(id: string): Safety | 'not written' | 'not synced' {
    const needle = Buffer.from(id, 'latin1');
    const write = this.writes.find((call) => call.bytes.includes(needle));
    if (write === undefined) return 'not written';
    if (this.opensSynchronous(write) || /RWF_D?SYNC/.test(write.flags)) {
      return { us: write.returnedUs, by: 'O_DSYNC', sync: write };
    }
    const sync = this.calls.find(
      (call) =>
        (call.name === 'fdatasync' || call.name === 'fsync') &&
        call.target === write.target &&
        call.beganUs >= write.returnedUs,
    );
    return sync === undefined ? 'not synced' : { us: sync.returnedUs, by: 'fdatasync', sync };
  }

  /** Whether the descriptor was opened so that a write on it returns when it is on the disk. A file may be open twice. */
  private opensSynchronous(write: Call): boolean {
    let last: Call | undefined;
    for (const call of this.calls) {
      const opens = call.name === 'openat' && call.descriptor === write.descriptor && call.target === write.target;
      if (opens && call.returnedUs <= write.beganUs) last = call;
    }
    return last !== undefined && /O_D?SYNC/.test(last.flags);
  }
}

/** When the first byte of each confirm was written: key to microseconds. */
function confirmTimes(calls: readonly Call[], expected: Expected): Map<string, number> {
  const times = new Map<string, number>();
  const streams = new Map<string, { bytes: Buffer[]; starts: { at: number; us: number }[]; length: number }>();
  const sockets = new RegExp(`^TCP(v6)?:\\[.*:${expected.port}->`);
  for (const call of calls) {
    if (!sockets.test(call.target) || call.bytes.length === 0) continue;
    let stream = streams.get(call.target);
    if (stream === undefined) {
      stream = { bytes: [], starts: [], length: 0 };
      streams.set(call.target, stream);
    }
    stream.starts.push({ at: stream.length, us: call.beganUs });
    stream.bytes.push(call.bytes);
    stream.length += call.bytes.length;
  }
  const decode = { amqp: amqpConfirms, mqtt: mqttConfirms, stomp: stompConfirms }[expected.protocol];
  for (const stream of streams.values()) {
    let piece = 0;
    for (const { keys, at } of decode(Buffer.concat(stream.bytes))) {
      while (piece + 1 < stream.starts.length && stream.starts[piece + 1]!.at <= at) piece++;
      for (const key of keys) if (!times.has(key)) times.set(key, stream.starts[piece]!.us);
    }
  }
  return times;
}

interface Confirm {
  readonly keys: readonly string[];
  /** Where in the stream it begins. */
  readonly at: number;
}

/** basic.ack, alone or for everything up to its tag. */
function* amqpConfirms(stream: Buffer): Generator<Confirm> {
  let acked = 0;
  for (let at = 0; at + 8 <= stream.length; ) {
    const size = stream.readUInt32BE(at + 3);
    if (stream[at] === 1 && size >= 13 && stream.readUInt32BE(at + 7) === ((60 << 16) | 80)) {
      const tag = Number(stream.readBigUInt64BE(at + 11));
      const multiple = (stream[at + 19]! & 1) === 1;
      const keys: string[] = [];
      for (let t = multiple ? acked + 1 : tag; t <= tag; t++) keys.push(String(t));
      if (multiple) acked = tag;
      yield { keys, at };
    }
    at += 8 + size;
  }
}

/** PUBACK. */
function* mqttConfirms(stream: Buffer): Generator<Confirm> {
  for (let at = 0; at + 2 <= stream.length; ) {
    let length = 0;
    let head = 1;
    for (let shift = 0; ; shift += 7) {
      const byte = stream[at + head++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (stream[at]! >> 4 === 4) yield { keys: [String(stream.readUInt16BE(at + head))], at };
    at += head + length;
  }
}

/** RECEIPT. The broker sends nothing with a body on these connections. */
function* stompConfirms(stream: Buffer): Generator<Confirm> {
  for (let at = 0; at < stream.length; ) {
    if (stream[at] === 10 || stream[at] === 13) {
      at++;
      continue;
    }
    const end = stream.indexOf(0, at);
    if (end < 0) return;
    const frame = stream.latin1Slice(at, end);
    const receipt = /^RECEIPT\r?\n(?:.*\n)*?receipt-id:(.*?)\r?\n/.exec(frame)?.[1];
    if (receipt !== undefined) yield { keys: [receipt], at };
    at = end + 1;
  }
}
