/** Tags that are missing, in RabbitMQ's words. */
import { hasTag, type Tag } from '../../http/tags.ts';
import { type Failure, notAuthorised } from './errors.ts';

const REFUSALS: Readonly<Record<Tag, string>> = {
  management: 'Not management user',
  policymaker: 'Not policymaker user',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
};

/** Undefined: it may. Who may nothing at all hears that first. */
export function missingTag(tags: readonly string[] | undefined, tag: Tag): Failure | undefined {
  if (!hasTag(tags, 'management')) return notAuthorised(REFUSALS.management);
  return hasTag(tags, tag) ? undefined : notAuthorised(REFUSALS[tag]);
}
