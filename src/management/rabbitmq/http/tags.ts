/**
 * Tags: what a user may do over HTTP at all. `administrator` has what all others have; `monitoring` and `policymaker` have what
 * `management` has; the two have nothing of each other.
 */
import { type Failure, notAuthorised } from './errors.ts';

export type Tag = 'management' | 'policymaker' | 'monitoring' | 'administrator';

/** Who has one of these has that. */
const SUFFICE: Readonly<Record<Tag, readonly string[]>> = {
  management: ['management', 'policymaker', 'monitoring', 'administrator'],
  policymaker: ['policymaker', 'administrator'],
  monitoring: ['monitoring', 'administrator'],
  administrator: ['administrator'],
};

const REFUSALS: Readonly<Record<Tag, string>> = {
  management: 'Not management user',
  policymaker: 'Not policymaker user',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
};

export function hasTag(tags: readonly string[], tag: Tag): boolean {
  return SUFFICE[tag].some((one) => tags.includes(one));
}

/** Undefined: it may. Who may nothing at all hears that first. */
export function missingTag(tags: readonly string[], tag: Tag): Failure | undefined {
  if (!hasTag(tags, 'management')) return notAuthorised(REFUSALS.management);
  return hasTag(tags, tag) ? undefined : notAuthorised(REFUSALS[tag]);
}
