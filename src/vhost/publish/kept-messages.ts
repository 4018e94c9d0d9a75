/**
 * Messages that a transaction keeps until its commit, packed: their bytes and numbers one behind the other in a few long buffers. A
 * hundred thousand small objects that live until the commit would be copied from one generation of the heap to the next, and
 * everybody would wait for that.
 *
 * ```
 *  0  u32  which of the routes
 *  4  u8   dialect
 *  5  u8   bits 0-1 assurance, 2 retain, 3 may belong to a group, 4 user checked, 5 large body, 6 has an origin, 7 has more
 *  6  u16  priority, 0xffff: not given
 *  8  u32  property bytes
 * 12  u32  body bytes
 * 16  properties | body
 * ```
 *
 * They are read in the order in which they came, so what few have (large bodies, origins, times and halves) lies in lists of its own.
 */
import { copyBytes, readU16, readU32, writeU16, writeU32 } from '../../message/bytes.ts';
import { type Assurance, Draft, type LargeBody } from '../../message/message.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CompiledRoute } from '../../routing/route.ts';

const HEAD_BYTES = 16;
const FIRST_BUFFER_BYTES = 1024;
const BUFFER_BYTES_MAX = 1024 * 1024;
const RETAIN = 1 << 2;
const GROUPED = 1 << 3;
const USER_CHECKED = 1 << 4;
const LARGE = 1 << 5;
const ORIGIN = 1 << 6;
const MORE = 1 << 7;
const NO_PRIORITY = 0xffff;

/** Where messages go. */
export interface KeptRoute {
  readonly route: CompiledRoute<Queue>;
  /** Where they go for as long as the route is valid, if more than its key decides. */
  readonly resolved: CompiledRoute<Queue>;
}

/** What few messages ask for. */
type More = Pick<Draft, 'ttlMs' | 'delayMs' | 'dueMs' | 'half' | 'schedule'>;

const NO_MORE: More = { ttlMs: -1, delayMs: -1, dueMs: -1, half: null, schedule: null };

interface Filled {
  readonly buffer: Buffer;
  end: number;
}

export class KeptMessages {
  count = 0;
  /** Bytes of bodies and properties. */
  bytes = 0;
  readonly routes: KeptRoute[] = [];
  private readonly indexes = new Map<CompiledRoute<Queue>, number>();
  private lastRoute = -1;
  private readonly filled: Filled[] = [];
  private readonly largeBodies: LargeBody[] = [];
  private readonly origins: string[] = [];
  private readonly more: More[] = [];

  add(route: CompiledRoute<Queue>, resolved: CompiledRoute<Queue>, draft: Draft): void {
    const { large, origin } = draft;
    const propsBytes = draft.propsEnd - draft.propsStart;
    const bodyBytes = large === null ? draft.bodyEnd - draft.bodyStart : 0;
    const { ttlMs, delayMs, dueMs, half, schedule } = draft;
    const more = ttlMs >= 0 || delayMs >= 0 || dueMs >= 0 || half !== null || schedule !== null;
    const room = this.room(HEAD_BYTES + propsBytes + bodyBytes);
    const { buffer } = room;
    const at = room.end;
    writeU32(buffer, at, this.routeIndex(route, resolved));
    buffer[at + 4] = draft.dialect;
    buffer[at + 5] =
      draft.assurance |
      (draft.retain ? RETAIN : 0) |
      (draft.grouped ? GROUPED : 0) |
      (draft.userChecked ? USER_CHECKED : 0) |
      (large !== null ? LARGE : 0) |
      (origin !== '' ? ORIGIN : 0) |
      (more ? MORE : 0);
    writeU16(buffer, at + 6, draft.priority < 0 ? NO_PRIORITY : draft.priority);
    writeU32(buffer, at + 8, propsBytes);
    writeU32(buffer, at + 12, bodyBytes);
    let end = copyBytes(draft.props, draft.propsStart, draft.propsEnd, buffer, at + HEAD_BYTES);
    if (bodyBytes > 0) end = copyBytes(draft.body, draft.bodyStart, draft.bodyEnd, buffer, end);
    room.end = end;
    if (large !== null) this.largeBodies.push(large);
    if (origin !== '') this.origins.push(origin);
    if (more) this.more.push({ ttlMs, delayMs, dueMs, half, schedule });
    this.bytes += propsBytes + bodyBytes;
    this.count++;
  }

  private routeIndex(route: CompiledRoute<Queue>, resolved: CompiledRoute<Queue>): number {
    const { routes, lastRoute } = this;
    if (lastRoute >= 0 && routes[lastRoute]!.resolved === resolved && routes[lastRoute]!.route === route)
      return lastRoute;
    // Of several routes that lead to one variant the last is found again; the others are listed once more.
    let index = this.indexes.get(resolved);
    if (index === undefined || routes[index]!.route !== route) {
      index = routes.push({ route, resolved }) - 1;
      this.indexes.set(resolved, index);
    }
    this.lastRoute = index;
    return index;
  }

  private room(bytes: number): Filled {
    const last = this.filled.at(-1);
    if (last !== undefined && last.end + bytes <= last.buffer.length) return last;
    const size = last === undefined ? FIRST_BUFFER_BYTES : Math.min(BUFFER_BYTES_MAX, 2 * last.buffer.length);
    const next = { buffer: Buffer.allocUnsafeSlow(Math.max(size, bytes)), end: 0 };
    this.filled.push(next);
    return next;
  }

  /** Shows each message in turn, in one draft that `visit` may change but not keep. */
  forEach(visit: (draft: Draft, to: KeptRoute) => void): void {
    const reader = this.read();
    while (reader.next()) visit(reader.draft, reader.to!);
  }

  read(): KeptReader {
    return new KeptReader(this.routes, this.filled, this.largeBodies, this.origins, this.more);
  }

  forEachLarge(visit: (body: LargeBody) => void): void {
    for (const body of this.largeBodies) visit(body);
  }
}

/** Reads kept messages one by one, from the first on. */
export class KeptReader {
  /** The message, after `next`; it may be changed, but not kept. */
  readonly draft = new Draft();
  to: KeptRoute | null = null;
  /** How many have been read. */
  count = 0;
  private readonly routes: readonly KeptRoute[];
  private readonly filled: readonly Filled[];
  private readonly largeBodies: readonly LargeBody[];
  private readonly origins: readonly string[];
  private readonly more: readonly More[];
  private buffer = 0;
  private at = 0;
  private large = 0;
  private origin = 0;
  private nextMore = 0;
  private again = false;

  constructor(
    routes: readonly KeptRoute[],
    filled: readonly Filled[],
    largeBodies: readonly LargeBody[],
    origins: readonly string[],
    more: readonly More[],
  ) {
    this.routes = routes;
    this.filled = filled;
    this.largeBodies = largeBodies;
    this.origins = origins;
    this.more = more;
  }

  /** `next` shows the same message again. */
  unread(): void {
    this.again = true;
    this.count--;
  }

  /** False: there is no other. */
  next(): boolean {
    if (this.again) {
      this.again = false;
      this.count++;
      return true;
    }
    let from = this.filled[this.buffer];
    if (from !== undefined && this.at === from.end) {
      this.at = 0;
      from = this.filled[++this.buffer];
    }
    if (from === undefined) return false;
    this.show(from.buffer, this.at);
    this.count++;
    return true;
  }

  private show(buffer: Buffer, at: number): void {
    const { draft } = this;
    const bits = buffer[at + 5]!;
    const priority = readU16(buffer, at + 6);
    draft.dialect = buffer[at + 4]!;
    draft.assurance = (bits & 3) as Assurance;
    draft.retain = (bits & RETAIN) !== 0;
    draft.grouped = (bits & GROUPED) !== 0;
    draft.userChecked = (bits & USER_CHECKED) !== 0;
    draft.priority = priority === NO_PRIORITY ? -1 : priority;
    draft.large = (bits & LARGE) !== 0 ? this.largeBodies[this.large++]! : null;
    draft.origin = (bits & ORIGIN) !== 0 ? this.origins[this.origin++]! : '';
    const more = (bits & MORE) !== 0 ? this.more[this.nextMore++]! : NO_MORE;
    draft.ttlMs = more.ttlMs;
    draft.delayMs = more.delayMs;
    draft.dueMs = more.dueMs;
    draft.half = more.half;
    draft.schedule = more.schedule;
    draft.duplicate = false;
    draft.seq = 0;
    draft.durably = false;
    draft.routed = 0;
    draft.props = buffer;
    draft.propsStart = at + HEAD_BYTES;
    draft.propsEnd = draft.propsStart + readU32(buffer, at + 8);
    draft.body = buffer;
    draft.bodyStart = draft.propsEnd;
    draft.bodyEnd = draft.bodyStart + readU32(buffer, at + 12);
    this.to = this.routes[readU32(buffer, at)]!;
    this.at = draft.bodyEnd;
  }
}

/** It asks for something beside being put into its queues: then it goes by itself. */
export function isSpecial(draft: Draft): boolean {
  return draft.ttlMs >= 0 || asksMore(draft);
}

/** It asks for something beside a time to live. */
export function asksMore(draft: Draft): boolean {
  return (
    draft.delayMs >= 0 ||
    draft.dueMs >= 0 ||
    draft.half !== null ||
    draft.schedule !== null ||
    draft.grouped ||
    draft.retain ||
    draft.large !== null
  );
}
