/**
 * Parameters of vhosts, seen: operators' policies and limits, each as a parameter of a component of its own. Definitions have them so, too.
 */

import { Listing, type Scope, type Source } from '../../../operator/listing/listing.ts';
import { compareText } from '../../../operator/listing/order.ts';
import type { Operator } from '../../../operator/operator.ts';
import type { PolicyView } from '../../../operator/policies.ts';
import { hasVhostLimits, vhostLimitsShown } from './limits.ts';

export const OPERATOR_POLICY = 'operator_policy';
export const VHOST_LIMITS = 'vhost-limits';
/** The one name that a vhost's limits have. */
export const LIMITS_NAME = 'limits';

/** As it is shown, in RabbitMQ's order. */
export interface Parameter {
  readonly value: object;
  readonly vhost: string;
  readonly component: string;
  readonly name: string;
}

export function operatorPolicyParameter(policy: PolicyView): Parameter {
  const { vhost, name, pattern, applyTo, definition, priority } = policy;
  const value = { pattern, definition, priority, 'apply-to': applyTo };
  return { value, vhost, component: OPERATOR_POLICY, name };
}

/** Undefined: it has none. */
export function vhostLimitsParameter(operator: Operator, vhost: string): Parameter | undefined {
  if (!hasVhostLimits(operator, vhost)) return undefined;
  return { value: vhostLimitsShown(operator, vhost), vhost, component: VHOST_LIMITS, name: LIMITS_NAME };
}

export function parameterList(operator: Operator): Listing<Parameter, Parameter> {
  return new Listing(new ParameterSource(operator), operator.pace);
}

class ParameterSource implements Source<Parameter, Parameter> {
  private readonly operator: Operator;

  constructor(operator: Operator) {
    this.operator = operator;
  }

  *walk(scope: Scope): Generator<Parameter> {
    const { operator } = this;
    for (const vhost of scope) {
      const limits = vhostLimitsParameter(operator, vhost);
      if (limits !== undefined) yield limits;
      for (const policy of operator.policies.of(vhost)) {
        if (policy.kind === 'operator') yield operatorPolicyParameter(policy);
      }
    }
  }

  view(parameter: Parameter): Parameter {
    return parameter;
  }

  compare(a: Parameter, b: Parameter): number {
    return compareText(a.vhost, b.vhost) || compareText(a.name, b.name) || compareText(a.component, b.component);
  }
}
