/**
 * Tags: what a user may do over HTTP at all. `administrator` has what all others have; `monitoring` and `policymaker` have what
 * `management` has; the two have nothing of each other.
 */
export type Tag = 'management' | 'policymaker' | 'monitoring' | 'administrator';

/** Who has one of these has that. */
const SUFFICE: Readonly<Record<Tag, readonly string[]>> = {
  management: ['management', 'policymaker', 'monitoring', 'administrator'],
  policymaker: ['policymaker', 'administrator'],
  monitoring: ['monitoring', 'administrator'],
  administrator: ['administrator'],
};

export function hasTag(tags: readonly string[] | undefined, tag: Tag): boolean {
  return tags !== undefined && SUFFICE[tag].some((one) => tags.includes(one));
}
