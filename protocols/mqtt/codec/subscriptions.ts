/**
 * SUBSCRIBE and UNSUBSCRIBE [MQTT 3.1.1 and 5.0, sections 3.8 and 3.10]:
 *
 *     2      packet identifier
 *     m      properties           5.0 only
 *     one or more:
 *     2 + n  topic filter
 *     1      options              SUBSCRIBE only
 *
 *      7   6 | 5   4 | 3 | 2 | 1   0
 *      zero  |  RH   |RAP| NL|  QoS      RH retain handling, RAP retain as published, NL no local; zero before 5.0
 */
import { LEASE_MAX_MS, LEASE_MIN_MS } from '../../../src/api/index.ts';
import { DEFERRAL_TOKENS, LEASE, SELECTOR } from '../mapping/property-names.ts';
import { deferralTokens } from './deferral-tokens.ts';
import { fieldEnd, packetIdAt } from './fields.ts';
import { LEVEL_5, MalformedPacket, SUBSCRIBE, UNSUBSCRIBE } from './packet.ts';
import { PropertyReader, propertiesEnd, propertiesStart } from './properties/property-reader.ts';
import { SUBSCRIPTION_IDENTIFIER, USER_PROPERTY } from './properties/property-table.ts';
import type { Qos } from './publish.ts';
import { PROTOCOL_ERROR } from './reasons.ts';
import { filterFault } from './text.ts';

/** Retain handling: what is retained is sent at each SUBSCRIBE, at one that is new, or never. */
export const SEND_RETAINED = 0;
export const SEND_RETAINED_IF_NEW = 1;
export const SEND_NO_RETAINED = 2;

export interface Subscription {
  readonly filter: string;
  readonly qos: Qos;
  /** Not what this very client publishes. */
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: number;
}

/** What a SUBSCRIBE says in user properties; it is for shared subscriptions alone. */
export interface ShareWishes {
  /** `selector`: which messages are wanted; '' for all. */
  readonly selector: string;
  /** `x-lease`: for how many ms a delivery is leased; 0 for what the queue says. */
  readonly leaseMs: number;
  /** `x-deferral-tokens`: what is asked for that is parked. */
  readonly claims: readonly string[];
  /** One of them says nothing that could be. */
  readonly nonsense: boolean;
}

export interface Subscribe {
  readonly packetId: number;
  /** 0 for none. */
  readonly identifier: number;
  /** Null: it says nothing in user properties. */
  readonly wishes: ShareWishes | null;
  readonly subscriptions: Subscription[];
}

export function decodeSubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  countMax: number,
  level: number,
): Subscribe {
  const packetId = packetIdAt(buffer, start, end);
  let at = start + 2;
  let identifier = 0;
  let wishes: Wishes | null = null;
  if (level === LEVEL_5) {
    const propsEnd = propertiesEnd(buffer, at, end);
    const reader = new PropertyReader();
    reader.begin(buffer, propertiesStart(buffer, at), propsEnd, SUBSCRIBE);
    while (reader.next()) {
      if (reader.id === SUBSCRIPTION_IDENTIFIER) identifier = reader.number;
      else if (reader.id === USER_PROPERTY) wishes = withWish(wishes, buffer, reader);
    }
    at = propsEnd;
  }
  const subscriptions: Subscription[] = [];
  while (at < end) {
    const filterEnd = fieldEnd(buffer, at, end);
    if (filterEnd + 1 > end) throw new MalformedPacket('a SUBSCRIBE that ends before a QoS');
    subscriptions.push(subscription(filter(buffer, at + 2, filterEnd), buffer[filterEnd]!, level));
    if (subscriptions.length > countMax) throw new MalformedPacket(`a SUBSCRIBE of more than ${countMax} filters`);
    at = filterEnd + 1;
  }
  if (subscriptions.length === 0) {
    throw new MalformedPacket('a SUBSCRIBE without a filter [MQTT-3.8.3-3]', PROTOCOL_ERROR);
  }
  return { packetId, identifier, wishes, subscriptions };
}

type Wishes = { -readonly [Key in keyof ShareWishes]: ShareWishes[Key] };

/** Of several of a name the last counts; tokens go on. */
function withWish(before: Wishes | null, buffer: Buffer, reader: PropertyReader): Wishes | null {
  const name = [SELECTOR, LEASE, DEFERRAL_TOKENS].find((one) => reader.isNamed(one));
  if (name === undefined) return before;
  if (before === null && name === SELECTOR && reader.start === reader.end) return null;
  const wishes = before ?? { selector: '', leaseMs: 0, claims: [], nonsense: false };
  const text = buffer.toString('utf8', reader.start, reader.end);
  if (name === SELECTOR) wishes.selector = text;
  else if (name === LEASE) {
    wishes.leaseMs = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    wishes.nonsense ||= wishes.leaseMs < LEASE_MIN_MS || wishes.leaseMs > LEASE_MAX_MS;
  } else {
    const claims = deferralTokens([...wishes.claims, text].join(','));
    wishes.claims = claims ?? [];
    wishes.nonsense ||= claims === undefined;
  }
  return wishes;
}

function subscription(filterText: string, options: number, level: number): Subscription {
  const qos = options & 3;
  const reserved = level === LEVEL_5 ? 0xc0 : 0xfc;
  if (qos === 3 || (options & reserved) !== 0) {
    throw new MalformedPacket('reserved bits or QoS 3 in SUBSCRIBE [MQTT-3.8.3-4]');
  }
  const retainHandling = (options >> 4) & 3;
  if (retainHandling === 3) throw new MalformedPacket('retain handling 3 [MQTT5 3.8.3.1]', PROTOCOL_ERROR);
  return {
    filter: filterText,
    qos: qos as Qos,
    noLocal: (options & 0x04) !== 0,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling,
  };
}

export interface Unsubscribe {
  readonly packetId: number;
  readonly filters: string[];
}

export function decodeUnsubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  countMax: number,
  level: number,
): Unsubscribe {
  const packetId = packetIdAt(buffer, start, end);
  let at = start + 2;
  if (level === LEVEL_5) {
    const propsEnd = propertiesEnd(buffer, at, end);
    const reader = new PropertyReader();
    reader.begin(buffer, propertiesStart(buffer, at), propsEnd, UNSUBSCRIBE);
    while (reader.next());
    at = propsEnd;
  }
  const filters: string[] = [];
  while (at < end) {
    const filterEnd = fieldEnd(buffer, at, end);
    filters.push(filter(buffer, at + 2, filterEnd));
    if (filters.length > countMax) throw new MalformedPacket(`an UNSUBSCRIBE of more than ${countMax} filters`);
    at = filterEnd;
  }
  if (filters.length === 0) {
    throw new MalformedPacket('an UNSUBSCRIBE without a filter [MQTT-3.10.3-2]', PROTOCOL_ERROR);
  }
  return { packetId, filters };
}

function filter(buffer: Buffer, start: number, end: number): string {
  const fault = filterFault(buffer, start, end);
  if (fault !== undefined) throw new MalformedPacket(fault);
  return buffer.toString('utf8', start, end);
}
