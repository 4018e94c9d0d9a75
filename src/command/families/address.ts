/**
 * What clients of a protocol call a place, with its name in front, and what it is here:
 *
 *     queue:NAME                                      the queue
 *     amqp:EXCHANGE/KEY, amqp:EXCHANGE                an exchange and a routing key; `amqp:/NAME` is the queue
 *     mqtt:A/B                                        a topic; to subscribe, a filter with + and #
 *     stomp:/queue/NAME, /topic/A.B, /exchange/X/KEY  a destination
 *     redis:CHANNEL                                   a channel; to subscribe, a pattern with *, ? and [abc]
 */
import { globMatches } from '../../../protocols/redis/codec/glob.ts';
import { bindingOf, CHANNELS } from '../../../protocols/redis/mapping/names.ts';
import { parseDestination } from '../../../protocols/stomp/mapping/destinations.ts';
import { respelled } from '../../message/spelling.ts';
import { CommandError, EXIT } from '../exit.ts';

const TOPICS = 'amq.topic';

export interface Address {
  /** '' is the default exchange, whose keys are names of queues. */
  readonly exchange: string;
  readonly key: string;
}

/** A queue, or what is to be bound for the subscriber alone. */
export type Source =
  | { readonly queue: string }
  | {
      readonly exchange: string;
      readonly key: string;
      readonly spelling: 'dots' | 'slashes';
      /** Its protocol begins a subscription with what is retained. */
      readonly retained: boolean;
      /** Of what the key brings, by the message's own key. Left out: all. */
      readonly matches?: (key: string) => boolean;
    };

export const FORMS = 'queue:NAME, amqp:EXCHANGE/KEY, mqtt:A/B, stomp:/topic/A.B or redis:CHANNEL';

/** As the broker is asked of it: a protocol, and an address in its words. @param read it is subscribed to @throws CommandError usage */
export function termsOf(
  text: string,
  read: boolean,
): { readonly protocol: string; readonly address: string; readonly key?: string } {
  const { protocol, place } = parted(text);
  if (protocol !== 'queue' && protocol !== 'amqp') return { protocol, address: place };
  const { exchange, key } = placeOf(text, protocol, place);
  if (exchange === '' && read) return { protocol: 'amqp', address: key };
  return { protocol: 'amqp', address: exchange, key };
}

/** Where it is published. @throws CommandError usage */
export function addressOf(text: string): Address {
  const { protocol, place } = parted(text);
  if (protocol === 'mqtt') {
    if (place.startsWith('$queue/')) return { exchange: '', key: place.slice(7) };
    if (/[+#]/.test(place)) throw usage(`'${text}': + and # are for subscribing`);
    return { exchange: TOPICS, key: respelled(place) };
  }
  return placeOf(text, protocol, place);
}

/** What is subscribed to. @throws CommandError usage */
export function sourceOf(text: string): Source {
  const { protocol, place } = parted(text);
  if (protocol === 'mqtt') return filterSource(text, place);
  if (protocol === 'redis') return channels(place);
  const { exchange, key } = placeOf(text, protocol, place);
  return exchange === '' ? { queue: key } : { exchange, key, spelling: 'dots', retained: false };
}

function parted(text: string): { readonly protocol: string; readonly place: string } {
  const colon = text.indexOf(':');
  const place = text.slice(colon + 1);
  if (colon <= 0 || place === '') throw noAddress(text);
  return { protocol: text.slice(0, colon), place };
}

function placeOf(text: string, protocol: string, place: string): Address {
  switch (protocol) {
    case 'queue':
      return { exchange: '', key: place };
    case 'redis':
      return { exchange: CHANNELS, key: place };
    case 'amqp': {
      const slash = place.indexOf('/');
      if (slash < 0) return { exchange: place, key: '' };
      if (slash === 0 && place.length === 1) throw noAddress(text);
      return { exchange: place.slice(0, slash), key: place.slice(slash + 1) };
    }
    case 'stomp':
      return destination(text, place);
    default:
      throw noAddress(text);
  }
}

function destination(text: string, place: string): Address {
  let meant: ReturnType<typeof parseDestination>;
  try {
    meant = parseDestination(place);
  } catch (error) {
    throw usage((error as Error).message);
  }
  switch (meant.kind) {
    case 'temporary-queue':
    case 'temporary-topic':
      throw usage(`'${text}' is one client's own`);
    case 'exchange':
      return meant;
    case 'remote-topic':
      return { exchange: TOPICS, key: meant.key };
    default:
      return { exchange: '', key: meant.name };
  }
}

/** Comparisons of one pattern with one channel: more are no honest pattern's. */
const STEPS_MAX = 1_000_000;

/** A pattern's binding may bring more than it matches. */
function channels(place: string): Source {
  const pattern = Buffer.from(place);
  const source = { exchange: CHANNELS, key: bindingOf(pattern), spelling: 'dots' as const, retained: false };
  if (!/[*?[\\]/.test(place)) return source;
  return { ...source, matches: (key) => globMatches(pattern, Buffer.from(key), { left: STEPS_MAX }) };
}

function filterSource(text: string, filter: string): Source {
  if (/^\$share\/[^/+#]+\/./s.test(filter)) return { queue: filter };
  if (/^\$(queue|delayed|share)\//.test(filter))
    throw usage(`'${text}' cannot be subscribed to; a queue is queue:NAME`);
  const levels = filter.split('/');
  const wrong = levels.some(
    (level, at) => (/[+#]/.test(level) && level.length > 1) || (level === '#' && at < levels.length - 1),
  );
  if (wrong) throw usage(`'${text}': + stands for a whole level, and # for the last ones`);
  return { exchange: TOPICS, key: filter, spelling: 'slashes', retained: true };
}

function noAddress(text: string): CommandError {
  return usage(`'${text}' is no address such as ${FORMS}`);
}

function usage(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}
