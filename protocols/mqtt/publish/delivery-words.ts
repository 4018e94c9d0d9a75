/**
 * What a client says of deliveries that it holds of shared subscriptions. PUBACK could carry it, as a user property, but few client
 * libraries let a program write one, and it would end the delivery; so it is a PUBLISH, which every library can say:
 *
 *     $delivery/renew    user property `x-delivery-tag`: packet identifiers, parted by commas or one a property; without: all
 *     $delivery/defer    the same, and `x-opt-delivery-time` (epoch ms) or `x-opt-delivery-delay` (ms), `x-opt-deferral-token`
 *     $delivery/claim    `x-deferral-tokens`, as the identifiers; `subscription`: the filter, where the session has several shares
 *
 * The answer to QoS 1 and 2 is 0x83 if something of that is not held any more or nothing is parked so, 0x90 for properties that say
 * nothing. 3.1.1 has neither properties nor refusals: it can renew all. A payload means nothing, and a word needs no permission.
 */
import {
  DEFERRAL_TOKEN_BYTES_MAX,
  DEFERRAL_TOKEN_HEADER,
  DELIVERY_DELAY_HEADER,
  DELIVERY_TIME_HEADER,
  MARK_NOW,
} from '../../../src/api/index.ts';
import { deferralTokens } from '../codec/deferral-tokens.ts';
import { PUBACK, PUBLISH, PUBREC } from '../codec/packet.ts';
import type { MessageProperties } from '../codec/properties/message-properties.ts';
import { PropertyReader } from '../codec/properties/property-reader.ts';
import { USER_PROPERTY } from '../codec/properties/property-table.ts';
import type { Qos } from '../codec/publish.ts';
import { IMPLEMENTATION_SPECIFIC_ERROR, SUCCESS, TOPIC_NAME_INVALID } from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import type { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { DEFERRAL_TOKENS } from '../mapping/property-names.ts';
import type { DeliveryWord } from '../mapping/special-topics.ts';

/** Packet identifiers named by one word: more than anybody may hold. */
const TAGS_MAX = 65_535;
const TAG = 'x-delivery-tag';
const SUBSCRIPTION = 'subscription';
/** What cannot be understood; SUCCESS and IMPLEMENTATION_SPECIFIC_ERROR are answers. */
const NONSENSE = TOPIC_NAME_INVALID;

export function sayOfDeliveries(
  client: ConnectedClient,
  word: DeliveryWord,
  qos: Qos,
  packetId: number,
  properties: MessageProperties,
): void {
  const said = new Said(properties);
  const reason = carryOut(client, word, said);
  if (qos === 0) {
    if (reason !== SUCCESS) client.context.stats.publishesDropped++;
    return;
  }
  const told = client.options.v5 ? reason : SUCCESS;
  if (qos === 2 && told === SUCCESS) client.mqttSession.received.add(packetId);
  // What is parked is safe before its client hears of it.
  const mark = word === 'defer' ? client.session.mark() : MARK_NOW;
  client.answer(qos === 1 ? PUBACK : PUBREC, packetId, mark, told);
}

/** Returns a reason code of 5.0. */
function carryOut(client: ConnectedClient, word: DeliveryWord, said: Said): number {
  if (word === 'claim') return claim(client, said);
  const { unsettled, shares } = client.mqttSession;
  const { work } = client.share;
  if (said.tags === 'invalid') return NONSENSE;
  let held = true;
  if (word === 'renew') {
    if (said.tags === null) for (const consumer of shares.values()) held = renewAll(consumer) && held;
    else {
      for (const packetId of said.tags) {
        held = unsettled.renew(packetId) && held;
        work.spend(1);
      }
    }
  } else {
    const { dueMs, delayMs, token } = said;
    if (said.tags === null || (dueMs < 0 && delayMs < 0) || Buffer.byteLength(token) > DEFERRAL_TOKEN_BYTES_MAX) {
      return NONSENSE;
    }
    for (const packetId of said.tags) {
      held = unsettled.defer(packetId, token, { dueMs, delayMs }) && held;
      work.spend(1);
    }
  }
  return held ? SUCCESS : IMPLEMENTATION_SPECIFIC_ERROR;
}

function renewAll({ handle }: SubscriptionConsumer): boolean {
  return handle === null || handle.renewAll();
}

function claim({ mqttSession }: ConnectedClient, said: Said): number {
  const tokens = deferralTokens(said.claims);
  const { shares } = mqttSession;
  const consumer = said.subscription === '' ? shares.only() : shares.of(said.subscription);
  if (tokens === undefined || consumer === undefined) return NONSENSE;
  const claimed = consumer.handle?.claim(tokens) ?? 0;
  return claimed > 0 ? SUCCESS : IMPLEMENTATION_SPECIFIC_ERROR;
}

/** The user properties of a word. Of one name that stands for one thing the first counts; lists go on. */
class Said {
  /** Packet identifiers; null: none was named. */
  tags: number[] | null | 'invalid' = null;
  token = '';
  dueMs = -1;
  delayMs = -1;
  claims = '';
  subscription = '';

  constructor({ buffer, start, end, hasUserProperties }: MessageProperties) {
    if (!hasUserProperties) return;
    const reader = new PropertyReader();
    reader.begin(buffer, start, end, PUBLISH);
    while (reader.next()) {
      if (reader.id !== USER_PROPERTY) continue;
      const value = buffer.utf8Slice(reader.start, reader.end);
      this.take(buffer.utf8Slice(reader.nameStart, reader.nameEnd), value);
    }
  }

  private take(name: string, value: string): void {
    if (name === TAG) this.addTags(value);
    else if (name === DEFERRAL_TOKENS) this.claims += this.claims === '' ? value : `,${value}`;
    else if (name === DEFERRAL_TOKEN_HEADER) this.token ||= value;
    else if (name === SUBSCRIPTION) this.subscription ||= value;
    else if (name === DELIVERY_TIME_HEADER && this.dueMs < 0) this.dueMs = millisecondsOf(value);
    else if (name === DELIVERY_DELAY_HEADER && this.delayMs < 0) this.delayMs = millisecondsOf(value);
  }

  private addTags(value: string): void {
    if (this.tags === 'invalid') return;
    this.tags ??= [];
    for (const one of value.split(',', TAGS_MAX + 1)) {
      const tag = /^\d{1,5}$/.test(one) ? Number(one) : 0;
      if (tag < 1 || tag > 0xffff || this.tags.length >= TAGS_MAX) {
        this.tags = 'invalid';
        return;
      }
      this.tags.push(tag);
    }
  }
}

/** -1: it is none. */
function millisecondsOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}
