/**
 * The filters of a source that are understood, by the code or the symbol that describes them, under whatever key they stand. [§3.5.8]
 *
 *     0x0000468C:00000004  apache.org:selector-filter:string, jms-selector      a JMS selector
 *     0x0000468C:00000003  apache.org:no-local-filter:list                      not what the same container sends
 *     0x0000468C:00000001  apache.org:legacy-amqp-topic-binding:string          a binding key
 *     0x0000468C:00000000  apache.org:legacy-amqp-direct-binding:string         the same
 *     0x0000000000000120   amqp:sql-filter                                      a selector, RabbitMQ 4.2's
 *
 * http://www.amqp.org/specification/1.0/filters. Others are not applied, and not echoed.
 */
import type { AmqpEntry, AmqpValue } from '../codec/values.ts';
import { textValue } from '../codec/values.ts';
import { Amqp10Error, INVALID_FIELD } from '../connection/conditions.ts';

export interface Filters {
  readonly selector?: string;
  readonly noLocal: boolean;
  /** Binds to the source's exchange with this, instead of the address's key. */
  readonly bindingKey?: string;
  /** Those that are applied, as they came: what the answer tells. Undefined: none. */
  readonly applied: AmqpValue | undefined;
}

const APACHE = 0x468c_0000_0000n;

type Kind = 'selector' | 'no-local' | 'binding';

const BY_SYMBOL: ReadonlyMap<string, Kind> = new Map([
  ['apache.org:selector-filter:string', 'selector'],
  ['amqp:sql-filter', 'selector'],
  ['apache.org:no-local-filter:list', 'no-local'],
  ['apache.org:legacy-amqp-topic-binding:string', 'binding'],
  ['apache.org:legacy-amqp-direct-binding:string', 'binding'],
]);
const BY_CODE: ReadonlyMap<bigint, Kind> = new Map<bigint, Kind>([
  [APACHE + 4n, 'selector'],
  [0x120n, 'selector'],
  [APACHE + 3n, 'no-local'],
  [APACHE + 1n, 'binding'],
  [APACHE, 'binding'],
]);

/** @throws Amqp10Error invalid-field for one that is understood and not what it must be */
export function filtersOf(filter: AmqpValue | undefined): Filters {
  const entries = typeof filter === 'object' && filter?.type === 'map' ? filter.value : [];
  const applied: AmqpEntry[] = [];
  let selector: string | undefined;
  let bindingKey: string | undefined;
  let noLocal = false;
  for (const entry of entries) {
    const [key, value] = entry;
    const { kind, content } = kindOf(key, value);
    if (kind === undefined) continue;
    if (kind === 'no-local') noLocal = true;
    else {
      const text = textValue(content);
      if (text === undefined)
        throw new Amqp10Error(INVALID_FIELD, `the filter '${textValue(key) ?? kind}' must be a string`);
      if (kind === 'selector') selector = text;
      else bindingKey = text;
    }
    applied.push(entry);
  }
  return {
    noLocal,
    ...(selector !== undefined && { selector }),
    ...(bindingKey !== undefined && { bindingKey }),
    applied: applied.length === 0 ? undefined : { type: 'map', value: applied },
  };
}

/** Its descriptor says what it is; some clients describe nothing, and then its key does. */
function kindOf(key: AmqpValue, value: AmqpValue): { kind: Kind | undefined; content: AmqpValue } {
  if (typeof value !== 'object' || value?.type !== 'described') {
    return { kind: BY_SYMBOL.get(textValue(key) ?? ''), content: value };
  }
  const { descriptor } = value;
  const symbol = textValue(descriptor);
  const kind =
    symbol !== undefined
      ? BY_SYMBOL.get(symbol)
      : typeof descriptor === 'object' && descriptor?.type === 'ulong'
        ? BY_CODE.get(descriptor.value)
        : undefined;
  return { kind, content: value.value };
}
