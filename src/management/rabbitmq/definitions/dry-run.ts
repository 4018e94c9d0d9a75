/**
 * What would be wrong with an entry of definitions, found out without doing it: all that its own words say, and whether what it leads from
 * and to is there, or would have been made before. Limits of a vhost are met by what there is then, and are not asked.
 */
import type { Operator } from '../../../operator/operator.ts';
import { badRequest } from '../http/errors.ts';
import { type Body, booleanOf, demandKeys, headersOf, textOf } from '../http/fields.ts';
import { checkVhostLimits } from '../resources/limits.ts';
import { OPERATOR_POLICY } from '../resources/parameter-list.ts';
import { checkPolicy, policyOf } from '../resources/policies.ts';

/** What a dry run would have made so far: `queue:VHOST:NAME`. */
export type WouldBeMade = Set<string>;

/** Whether there would be one already. @throws Failure, BrokerError */
type Check = (entry: Body, vhost: string, operator: Operator, made: WouldBeMade) => boolean;

const named = (kind: string, vhost: string, name: string): string => `${kind}:${vhost}:${name}`;

/** By section; of those that are not here their own checks say all. */
export const DRY_RUN_CHECKS: Readonly<Record<string, Check>> = {
  parameters(entry, _vhost, operator) {
    demandKeys(entry, ['component', 'value']);
    const value = (entry['value'] ?? {}) as Body;
    if (entry['component'] === OPERATOR_POLICY)
      checkPolicy(operator, policyOf(textOf(entry, 'name'), 'operator', value));
    else checkVhostLimits(value);
    return false;
  },
  policies(entry, _vhost, operator) {
    checkPolicy(operator, policyOf(textOf(entry, 'name'), 'policy', entry));
    return false;
  },
  queues(entry, vhost, operator, made) {
    const name = textOf(entry, 'name');
    if (made.has(named('queue', vhost, name))) return true;
    operator.queues.check(vhost, name, {
      ...{ durable: booleanOf(entry, 'durable'), autoDelete: booleanOf(entry, 'auto_delete'), exclusive: false },
      arguments: headersOf(entry, 'arguments', true),
    });
    made.add(named('queue', vhost, name));
    return false;
  },
  exchanges(entry, vhost, operator, made) {
    const name = textOf(entry, 'name');
    if (made.has(named('exchange', vhost, name))) return true;
    operator.exchanges.check(vhost, name, textOf(entry, 'type', 'direct'), {
      ...{ durable: booleanOf(entry, 'durable'), autoDelete: booleanOf(entry, 'auto_delete') },
      ...{ internal: booleanOf(entry, 'internal'), arguments: headersOf(entry, 'arguments', true) },
    });
    made.add(named('exchange', vhost, name));
    return false;
  },
  bindings(entry, vhost, operator, made) {
    const ends = [
      ['exchange', textOf(entry, 'source')],
      [entry['destination_type'] === 'exchange' ? 'exchange' : 'queue', textOf(entry, 'destination')],
    ] as const;
    for (const [kind, name] of ends) {
      const there = kind === 'queue' ? operator.queues.find(vhost, name) : operator.exchanges.find(vhost, name);
      // A vhost that is to be made has those that every vhost has.
      const predeclared = kind === 'exchange' && operator.exchanges.isPredeclared(name);
      if (there === undefined && !predeclared && !made.has(named(kind, vhost, name))) {
        throw badRequest(`no ${kind} '${name}' in vhost '${vhost}'`);
      }
    }
    return false;
  },
};
