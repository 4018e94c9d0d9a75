/**
 * Where a message has its key, by which a queue keeps groups in order or takes tenants in turn: the routing key, a property, or a
 * header.
 *
 *     routing-key                                              the key it was published with
 *     group-id                                                 its group: `JMSXGroupID`, or the group-id of protocols that have one
 *     correlation-id, message-id, user-id, app-id, type        the property
 *     anything else, header:NAME                               the header of that name, as it was sent; numbers by their digits
 */
import { ByteRange } from '../../message/bytes.ts';
import type { Dialects } from '../../message/dialect.ts';
import type { MessageView } from '../../message/message.ts';
import { GROUP_HEADER } from '../../message/properties.ts';
import { shortened } from '../../message/text.ts';
import { TextMemo } from '../../message/text-memo.ts';
import { isNested, valueToText } from '../../message/values.ts';

const GROUP_ID = 'group-id';
const ROUTING_KEY = 'routing-key';
const HEADER = 'header:';
const PROPERTIES = {
  'correlation-id': 'correlationId',
  'message-id': 'messageId',
  'user-id': 'userId',
  'app-id': 'appId',
  type: 'type',
} as const;
/** ActiveMQ's clients close a group by -1 in it. */
const GROUP_SEQUENCE = 'JMSXGroupSeq';

/** Longer keys are kept as their hash. */
const KEY_CHARS_MAX = 128;

export interface KeySource {
  /** As it was said. */
  readonly text: string;
  readonly kind: 'group' | 'routing-key' | 'property' | 'header';
  /** Of the header or the property. */
  readonly name: string;
}

export const BY_GROUP: KeySource = { text: GROUP_ID, kind: 'group', name: GROUP_HEADER };

const keys = new TextMemo();
const range = new ByteRange();

/** Undefined for a text that names nothing. */
export function keySource(text: string): KeySource | undefined {
  if (text === GROUP_ID) return BY_GROUP;
  if (text === ROUTING_KEY) return { text, kind: 'routing-key', name: '' };
  if (Object.hasOwn(PROPERTIES, text)) return { text, kind: 'property', name: text };
  const name = text.startsWith(HEADER) ? text.slice(HEADER.length) : text;
  // What is no ASCII is found in no protocol's bytes.
  return /^[\x20-\x7e]{1,255}$/.test(name) ? { text, kind: 'header', name } : undefined;
}

/**
 * Nearly all keys are short texts in a header: they are found by their bytes, and of `view` nothing but its properties is looked at. Undefined: that does not
 * tell.
 */
export function keyInHeader(
  dialects: Dialects,
  view: MessageView,
  { kind, name }: Pick<KeySource, 'kind' | 'name'>,
): string | null | undefined {
  if (kind === 'group' && !view.grouped) return null;
  if (kind === 'routing-key' || kind === 'property' || view.propsStart === view.propsEnd) return undefined;
  if (!dialects.headerTextAt(view, name, range)) return undefined;
  const key = keys.ascii(view.props, range.start, range.end);
  return key === undefined ? undefined : bounded(key);
}

/** Its key; null: it has none. */
export function readKey(dialects: Dialects, view: MessageView, { kind, name }: KeySource): string | null {
  if (kind === 'routing-key') return bounded(view.key());
  if (view.propsStart === view.propsEnd) return null;
  const lies = keyInHeader(dialects, view, { kind, name });
  if (lies !== undefined) return lies;
  if (kind === 'group') return view.grouped ? bounded(dialects.groupId(view) ?? '') : null;
  if (kind === 'property') {
    const value = dialects.properties(view)[PROPERTIES[name as keyof typeof PROPERTIES]];
    return bounded(typeof value === 'string' ? value : (value?.toString('latin1') ?? ''));
  }
  const value = dialects.header(view, name);
  if (value === undefined || value === null || isNested(value)) return null;
  return bounded(typeof value === 'string' ? value : valueToText(value));
}

/** Its group ends with it. */
export function closesGroup(dialects: Dialects, view: MessageView): boolean {
  const value = dialects.header(view, GROUP_SEQUENCE);
  if (value === undefined || value === null || isNested(value)) return false;
  return (typeof value === 'string' ? value : valueToText(value)) === '-1';
}

function bounded(key: string): string | null {
  return key === '' ? null : shortened(key, KEY_CHARS_MAX);
}

/** A number for a key, the same whenever it is asked. @returns 0 to `buckets` - 1 */
export function bucketOf(key: string, buckets: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return ((h ^ (h >>> 13)) >>> 0) % buckets;
}
