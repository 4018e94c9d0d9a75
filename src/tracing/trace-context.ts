/** W3C Trace Context: what `traceparent` says. https://www.w3.org/TR/trace-context/ */
import { randomFillSync } from 'node:crypto';

/** Where a span belongs: 32 and 16 hexadecimal digits, not all 0. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** As it came; '' for none. */
  readonly state: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Longer ones are not handed on: the specification asks for 512 characters at least. */
const STATE_MAX = 1_024;
const SAMPLED = 1;

/** Undefined for what is none: then the message begins a trace. */
export function parseTraceparent(text: string, state = ''): TraceContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined;
  const sampled = (Number.parseInt(flags!, 16) & SAMPLED) !== 0;
  return { traceId: traceId!, spanId: spanId!, sampled, state: state.length > STATE_MAX ? '' : state };
}

const random = Buffer.alloc(4_096);
let used = random.length;

/** Hexadecimal digits of an identifier. */
export function newId(bytes: 8 | 16): string {
  if (used + bytes > random.length) {
    randomFillSync(random);
    used = 0;
  }
  const id = random.toString('hex', used, used + bytes);
  used += bytes;
  return id;
}

/** Whether a trace is among this part of all, 0 to 1: the same for everyone who sees the same trace. */
export function isSampled(traceId: string, part: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < part * 0x1_0000_0000;
}
