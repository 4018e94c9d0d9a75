/** Fills a `Draft` from a message of AMQP 1.0: what its header and annotations ask of the broker, and how it is stored. */
import {
  AT_LEAST_ONCE,
  AT_MOST_ONCE,
  type Draft,
  type Header,
  integerOf,
  type Route,
  type Session,
  takeHints,
} from '../../../src/api/index.ts';
import type { MessageSections, SectionRange } from '../codec/sections.ts';
import { ValueReader } from '../codec/value-reader.ts';
import { Amqp10Error, MESSAGE_SIZE_EXCEEDED, UNAUTHORIZED_ACCESS } from '../connection/conditions.ts';
import { amqp10Dialect } from '../mapping/dialect.ts';
import type { StoredMessage } from '../mapping/stored.ts';
import { toNeutralHeaders } from '../mapping/values.ts';
import type { HeaderScan } from './header-scan.ts';

/** What stands in names of annotations and properties that the broker goes by. */
const HINTS = [Buffer.from('x-opt-delivery-'), Buffer.from('x-half-message')];
const DELAY = 'x-delay';
/** Of all sections but the body: what fits into one record of the log, with room to spare. */
const SECTIONS_BYTES_MAX = 128 * 1024;

const reader = new ValueReader();

/**
 * @param scan has read it
 * @param nowMs epoch milliseconds
 * @throws Amqp10Error it says that somebody else has sent it
 */
export function fillDraft(
  draft: Draft,
  session: Session,
  user: Buffer,
  route: Route,
  buffer: Buffer,
  sections: MessageSections,
  scan: HeaderScan,
  stored: StoredMessage,
  nowMs: number,
): void {
  if (scan.claimsOther(user)) {
    throw new Amqp10Error(UNAUTHORIZED_ACCESS, `its user-id is not that of the user '${session.user}', who sends it`);
  }
  stored.store(buffer, sections);
  if (stored.sink.length > SECTIONS_BYTES_MAX) {
    throw new Amqp10Error(
      MESSAGE_SIZE_EXCEEDED,
      `what is beside the body, annotations and properties, has ${SECTIONS_BYTES_MAX} bytes at most`,
    );
  }
  draft.reset();
  draft.dialect = amqp10Dialect.id;
  draft.props = stored.sink.buffer;
  draft.propsStart = 0;
  draft.propsEnd = stored.sink.length;
  draft.body = stored.body;
  draft.bodyStart = stored.bodyStart;
  draft.bodyEnd = stored.bodyEnd;
  // RabbitMQ 4 takes a message for durable that does not say; the specification, and RabbitMQ 3, do not. [§3.2.1]
  const durable = scan.durable ?? session.compat === 'rabbitmq-4';
  draft.assurance = durable ? AT_LEAST_ONCE : AT_MOST_ONCE;
  draft.priority = scan.priority;
  draft.grouped = scan.grouped;
  draft.userChecked = scan.claimsUser;
  draft.ttlMs = timeToLive(scan, nowMs);
  takeOther(draft, session, route, buffer, sections);
}

/** The shorter of both: a time to live, and a time at which it is over. */
function timeToLive(scan: HeaderScan, nowMs: number): number {
  const expiryMs = scan.absoluteExpiryMs();
  if (expiryMs === undefined || expiryMs <= 0) return scan.ttlMs;
  const left = Math.max(0, expiryMs - nowMs);
  return scan.ttlMs < 0 ? left : Math.min(left, scan.ttlMs);
}

/** Delays and half messages, in annotations or application properties. */
function takeOther(draft: Draft, session: Session, route: Route, buffer: Buffer, sections: MessageSections): void {
  const { messageAnnotations, applicationProperties } = sections;
  if (!messageAnnotations.present && !applicationProperties.present) return;
  const start = messageAnnotations.present ? messageAnnotations.start : applicationProperties.start;
  const end = applicationProperties.present ? applicationProperties.end : messageAnnotations.end;
  const bytes = buffer.subarray(start, end);
  if (!route.acceptsDelay && !HINTS.some((hint) => bytes.includes(hint))) return;
  const headers: Header[] = [...headersOf(buffer, messageAnnotations), ...headersOf(buffer, applicationProperties)];
  takeHints(draft, headers, session.user);
  if (!route.acceptsDelay) return;
  const delay = integerOf(headers.find(({ name }) => name === DELAY)?.value);
  if (delay !== undefined && delay > 0) draft.delayMs = delay;
}

function headersOf(buffer: Buffer, range: SectionRange): readonly Header[] {
  if (!range.present) return [];
  const value = reader.begin(buffer, range.value, range.end).value();
  return typeof value === 'object' && value?.type === 'map' ? toNeutralHeaders(value.value).headers : [];
}
