/**
 * Words about deliveries for which the protocol has no method: they are published to an address of the default exchange that no queue
 * can have, so that every client library can say them, and are confirmed as publishes are.
 *
 *     amq.delivery.renew     header `x-delivery-tag`: one tag, or a list of them; without: all that the channel's consumers hold
 *     amq.delivery.defer     header `x-delivery-tag` of what is parked; `x-opt-delivery-time`, epoch milliseconds, or
 *                            `x-opt-delivery-delay`: until when at most; `x-opt-deferral-token`: what it can be asked for by
 *     amq.delivery.claim     header `x-deferral-tokens`: a token, or a list of them; `x-consumer-tag`: for whom, if the channel has several
 *
 * A word that comes too late is answered with basic.nack on a channel in confirm mode, and with basic.return if it was `mandatory`; the
 * channel stays open. It is no message: in a transaction it is carried out at once.
 */
import {
  DEFERRAL_TOKEN_BYTES_MAX,
  DEFERRAL_TOKEN_HEADER,
  DEFERRAL_TOKENS_MAX,
  DELIVERY_TIME_HEADER,
  DOT,
  type Draft,
  integerOf,
  MARK_NOW,
  MARK_REFUSED,
  type Mark,
  type Route,
  type Session,
  type Share,
  type Value,
} from '../../../src/api/index.ts';
import { readHeader } from '../codec/properties.ts';
import { AmqpError } from '../connection/errors.ts';
import type { ChannelConsumer } from './consumer.ts';
import { DEFERRAL_TOKENS_HEADER, deferralTokens, isToken, listOf } from './deferral-tokens.ts';
import type { Unsettled } from './unsettled.ts';

const TAGS_MAX = 4_096;
const TAG_HEADER = 'x-delivery-tag';

/** The channel, as words about its deliveries see it. */
export interface CommandedChannel {
  readonly unsettled: Unsettled;
  readonly consumers: ReadonlyMap<string, ChannelConsumer>;
  readonly session: Pick<Session, 'mark'>;
  readonly host: { readonly share: Share };
}

/** An address that is not one of messages. */
class CommandRoute implements Route {
  readonly spelling = DOT;
  readonly bytes: Buffer;
  readonly start = 0;
  readonly keyStart = 0;
  readonly end: number;
  readonly exchangeBytes = Buffer.alloc(0);
  readonly keyBytes: Buffer;
  readonly leadsSomewhere = true;
  readonly valid = true;
  readonly acceptsDelay = false;

  constructor(key: string) {
    this.bytes = Buffer.from(key);
    this.keyBytes = this.bytes;
    this.end = this.bytes.length;
  }
}

const RENEW: Route = new CommandRoute('amq.delivery.renew');
const DEFER: Route = new CommandRoute('amq.delivery.defer');
const CLAIM: Route = new CommandRoute('amq.delivery.claim');
const COMMANDS: readonly Route[] = [RENEW, DEFER, CLAIM];

/** Whether it is one of those: asked for each message. */
export function isCommand(route: Route): boolean {
  return route === RENEW || route === DEFER || route === CLAIM;
}

/** Undefined: it is an address of messages, as nearly always. */
export function commandAt(exchange: string, key: Buffer, start: number, end: number): Route | undefined {
  if (exchange !== '') return undefined;
  return COMMANDS.find(({ bytes }) => bytes.length === end - start && bytes.compare(key, start, end) === 0);
}

/**
 * Carries out what was published to a command's address.
 * @returns MARK_REFUSED: what it names is not held or not parked any more, or there is too much
 * @throws AmqpError PRECONDITION_FAILED for headers that say nothing
 */
export function carryOut(command: Route, channel: CommandedChannel, draft: Draft): Mark {
  if (command === CLAIM) return claim(channel, draft) > 0 ? MARK_NOW : MARK_REFUSED;
  const tags = tagsOf(draft);
  if (command === DEFER) return defer(channel, tags, draft) ? channel.session.mark() : MARK_REFUSED;
  return (tags === null ? renewAll(channel) : renew(channel, tags)) ? MARK_NOW : MARK_REFUSED;
}

function defer({ unsettled, host }: CommandedChannel, tags: readonly number[] | null, draft: Draft): boolean {
  if (tags === null) throw wrong(TAG_HEADER, 'a delivery tag, or a list of them');
  if (draft.dueMs < 0 && draft.delayMs < 0) throw wrong(DELIVERY_TIME_HEADER, 'when it is to be back');
  const token = headerOf(draft, DEFERRAL_TOKEN_HEADER) ?? '';
  if (!isToken(token)) throw wrong(DEFERRAL_TOKEN_HEADER, `text of at most ${DEFERRAL_TOKEN_BYTES_MAX} bytes`);
  let done = true;
  for (const tag of tags) {
    done = unsettled.defer(tag, token, draft) && done;
    host.share.work.spend(1);
  }
  return done;
}

/** Returns how many messages there are. */
function claim({ consumers }: CommandedChannel, draft: Draft): number {
  const tag = headerOf(draft, 'x-consumer-tag');
  const [only] = consumers.values();
  const consumer = typeof tag === 'string' ? consumers.get(tag) : consumers.size === 1 ? only : undefined;
  if (consumer === undefined) throw wrong('x-consumer-tag', 'the tag of a consumer of this channel');
  const tokens = deferralTokens(headerOf(draft, DEFERRAL_TOKENS_HEADER));
  if (tokens === undefined) throw wrong(DEFERRAL_TOKENS_HEADER, `1 to ${DEFERRAL_TOKENS_MAX} tokens`);
  return consumer.consumer?.claim(tokens) ?? 0;
}

function renew({ unsettled, host }: CommandedChannel, tags: readonly number[]): boolean {
  let held = true;
  for (const tag of tags) {
    held = unsettled.renew(tag) && held;
    host.share.work.spend(1);
  }
  return held;
}

function renewAll({ consumers, host }: CommandedChannel): boolean {
  let held = true;
  for (const { consumer } of consumers.values()) {
    if (consumer !== undefined) held = consumer.renewAll() && held;
    host.share.work.spend(1);
  }
  return held;
}

/** Null: all. */
function tagsOf(draft: Draft): number[] | null {
  const value = headerOf(draft, TAG_HEADER);
  if (value === undefined) return null;
  const values = listOf(value);
  if (values.length > TAGS_MAX) throw wrong(TAG_HEADER, `at most ${TAGS_MAX} of them`);
  return values.map((one) => {
    const tag = integerOf(one);
    if (tag === undefined || tag < 1) throw wrong(TAG_HEADER, 'a delivery tag, or a list of them');
    return tag;
  });
}

function headerOf({ props, propsStart, propsEnd }: Draft, name: string): Value | undefined {
  return readHeader(props, propsStart, propsEnd, name);
}

function wrong(header: string, expected: string): AmqpError {
  return new AmqpError('PRECONDITION_FAILED', `invalid header '${header}': expected ${expected}`);
}
