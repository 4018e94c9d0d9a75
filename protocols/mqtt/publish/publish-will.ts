/** Publishes a will [section 3.1.2.5]. */
import { BrokerError, Draft, MARK_REFUSED, type Session } from '../../../src/api/index.ts';
import type { Will } from '../codec/connect.ts';
import type { AdapterContext } from '../context.ts';
import { fillDraft } from './fill-draft.ts';
import { resolveTarget } from './publish-target.ts';

/** One that cannot be published is dropped, counted. @param origin the queue of the client whose will it is */
export function publishWill(context: AdapterContext, session: Session, will: Will, origin: string): void {
  const { topic, payload, qos, retain, properties } = will;
  const target = resolveTarget(context.limits.exchange, session, topic, 0, topic.length);
  if (target.route === null) {
    context.stats.willsDropped++;
    return;
  }
  // One of its own: a connection may be lost in the middle of another client's publish.
  const draft = new Draft();
  fillDraft(draft, target, qos, retain, origin, properties, session.user);
  draft.body = payload;
  draft.bodyEnd = payload.length;
  try {
    if (session.publish(target.route, draft) === MARK_REFUSED) context.stats.willsDropped++;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    context.stats.willsDropped++;
  }
}
