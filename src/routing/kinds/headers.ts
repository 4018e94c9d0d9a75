/**
 * `headers`: a binding's arguments say which headers a message must have; the key means nothing.
 *
 * `x-match` all (default) or any leave out arguments that begin with `x-`; all-with-x and any-with-x look at them too. A void
 * argument asks only that the header is there. With all, no arguments match every message; with any, none.
 */
import type { BindOptions } from '../../api/topology.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Headers, Properties } from '../../message/properties.ts';
import { typeName, valueToText } from '../../message/values.ts';
import { type Condition, HeaderConditions } from './header-conditions.ts';
import type { ExchangeKind, KeyedBinding } from './kind.ts';

const HOW = new Set(['all', 'any', 'all-with-x', 'any-with-x']);

export class HeadersKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly perMessage = true;
  readonly choosesOne = false;
  private readonly conditions = new HeaderConditions();
  private readonly bindings = new Map<B, Condition>();

  checkBinding(_key: string, options: BindOptions): void {
    const how = options.arguments.find((a) => a.name === 'x-match');
    if (how === undefined) return;
    const expected = 'expected all, any, all-with-x, or any-with-x';
    if (typeof how.value !== 'string') {
      throw new BrokerError(
        'precondition-failed',
        `Invalid x-match field type ${typeName(how.value)} (value ${valueToText(how.value)}); expected longstr`,
      );
    }
    if (HOW.has(how.value)) return;
    throw new BrokerError('precondition-failed', `Invalid x-match field value <<"${how.value}">>; ${expected}`);
  }

  add(binding: B): void {
    this.bindings.set(binding, this.conditions.add(binding.arguments));
  }

  remove(binding: B): void {
    const condition = this.bindings.get(binding);
    if (condition === undefined) return;
    this.conditions.remove(condition);
    this.bindings.delete(binding);
  }

  match(_k: string, properties: Properties | undefined, visit: (binding: B) => void): void {
    if (properties === undefined) return;
    const { conditions } = this;
    conditions.begin(properties.headers);
    for (const [binding, condition] of this.bindings) if (conditions.matches(condition)) visit(binding);
    conditions.clear();
  }

  concerns(): boolean {
    return true;
  }
}

/** One binding against one message. An exchange has `HeaderConditions` for all of its bindings. */
export function matchesHeaders(wanted: Headers, headers: Headers): boolean {
  const conditions = new HeaderConditions();
  const condition = conditions.add(wanted);
  conditions.begin(headers);
  return conditions.matches(condition);
}
