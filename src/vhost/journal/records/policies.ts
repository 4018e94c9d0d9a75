/**
 * Records of policies that were set while the broker ran.
 *
 * ```
 * 151 policy set          JSON {kind, name, pattern, applyTo, priority, definition}
 * 152 policy cleared      JSON {kind, name}
 * ```
 */
import type { Policy, PolicyKind } from '../../../api/policies.ts';
import { unpackJson } from '../../../message/json.ts';
import { type RecordOutput, writeJson } from './record-output.ts';
import { RECORD_POLICY, RECORD_POLICY_CLEARED } from './types.ts';

export interface PolicyClearedRecord {
  readonly kind: PolicyKind;
  readonly name: string;
}

export function writePolicy(out: RecordOutput, policy: Required<Policy>): void {
  const { kind, name, pattern, applyTo, priority, definition } = policy;
  writeJson(out, RECORD_POLICY, { kind, name, pattern, applyTo, priority, definition });
}

export function readPolicy(buffer: Buffer, start: number, end: number): Required<Policy> {
  return unpackJson<Required<Policy>>(buffer, start, end);
}

export function writePolicyCleared(out: RecordOutput, { kind, name }: PolicyClearedRecord): void {
  writeJson(out, RECORD_POLICY_CLEARED, { kind, name });
}

export function readPolicyCleared(buffer: Buffer, start: number, end: number): PolicyClearedRecord {
  return unpackJson<PolicyClearedRecord>(buffer, start, end);
}
