/** What happens when a connection is gone: to its will [section 3.1.2.5], and to its session. */
import { MARK_REFUSED } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import { SLASH } from '../../../src/message/message.ts';
import type { Session } from '../../../src/session.ts';
import type { MqttAdapter } from '../adapter.ts';
import type { Will } from '../codec/connect.ts';
import type { Connection } from '../connection.ts';
import { readHints } from '../mapping/properties.ts';

/** @param inOrder DISCONNECT has come @param withWill the will is to be published */
export function connectionLost(connection: Connection, inOrder: boolean, withWill: boolean): void {
  const { adapter, client, session, terms, will } = connection;
  if (terms !== null) client.expiryS = terms.sessionExpiryS;
  const ends = !client.kept || client.expiryS === 0;
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
  const { draft } = adapter;
  try {
    const route = session.route(adapter.limits.exchange, SLASH, will.topic, 0, will.topic.length);
    draft.assurance = will.qos;
    draft.retain = will.retain;
    draft.body = will.payload;
    draft.bodyStart = 0;
    draft.bodyEnd = will.payload.length;
    draft.origin = origin;
    draft.props = will.props;
    draft.propsStart = 0;
    draft.propsEnd = will.props.length;
    if (will.expiryS >= 0) draft.ttlMs = will.expiryS * 1000;
    if (will.props.length > 0) readHints(will.props, 0, will.props.length, draft);
    if (session.publish(route, draft) === MARK_REFUSED) adapter.stats.willsDropped++;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    adapter.stats.willsDropped++;
  } finally {
    draft.origin = '';
    draft.propsStart = 0;
    draft.propsEnd = 0;
    draft.ttlMs = -1;
    draft.delayMs = -1;
    draft.priority = -1;
    draft.grouped = false;
  }
}
