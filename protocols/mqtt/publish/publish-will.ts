/** What happens when a connection is gone: to its will [section 3.1.2.5], and to its session. */
import { BrokerError, MARK_REFUSED, type Session } from '../../../src/api/index.ts';
import { type MqttAdapter, mqttDraft } from '../adapter.ts';
import type { Will } from '../codec/connect.ts';
import type { Connection } from '../connection/connection.ts';
import { fill } from './incoming.ts';
import { resolve } from './publish-target.ts';

/** @param inOrder DISCONNECT has come @param withWill the will is to be published */
export function connectionLost(connection: Connection, inOrder: boolean, withWill: boolean): void {
  const { adapter, client, session, terms, will } = connection;
  if (terms !== null) client.expiryS = terms.sessionExpiryS;
  const ends = client.ended || !client.kept || client.expiryS === 0;
  if (will !== undefined) {
    // Published and forgotten at once, or neither.
    if (client.kept) session.beginUnit();
    if (!withWill)
      client.wills.discard(client.id); // [MQTT-3.1.2-10]
    else if (ends || will.delayS === 0) {
      publishWill(adapter, session, will, client.queue); // [MQTT-3.1.2-8]
      client.wills.discard(client.id);
    } else client.wills.defer(client.id, session.user, will, Math.min(will.delayS, client.expiryS));
    if (client.kept) session.endUnit();
  }
  if (ends) client.end(session, inOrder);
  else client.park(session, inOrder);
}

/** @param origin the queue of the client whose will it is */
export function publishWill(adapter: MqttAdapter, session: Session, will: Will, origin: string): void {
  const { topic, payload, qos, retain, properties } = will;
  const target = resolve(adapter, session, topic, 0, topic.length);
  if (target.route === null) {
    adapter.stats.willsDropped++;
    return;
  }
  // One of its own: a connection may be lost in the middle of another client's publish.
  const draft = mqttDraft();
  fill(draft, target, qos, retain, origin, properties, session.user);
  draft.body = payload;
  draft.bodyEnd = payload.length;
  try {
    if (session.publish(target.route, draft) === MARK_REFUSED) adapter.stats.willsDropped++;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    adapter.stats.willsDropped++;
  }
}
