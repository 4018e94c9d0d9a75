/** Publishing: PUBLISH to a channel; LPUSH and RPUSH to a list. */
import { AT_LEAST_ONCE, AT_MOST_ONCE, DOT, MARK_NOW, MARK_REFUSED, type Mark } from '../../../src/api/index.ts';
import type { Command } from '../codec/command-parser.ts';
import type { Client } from '../connection/client.ts';
import { CHANNELS } from '../mapping/names.ts';
import type { End } from '../topology/lists.ts';
import { fillDraft } from './fill-draft.ts';

/** Replies how many got it: subscriptions of this protocol, and queues and subscriptions of all others. */
export function publish(client: Client, command: Command): void {
  const { adapter, session, channelRoutes } = client;
  const { draft } = adapter;
  const { buffer } = command;
  const start = command.start(1);
  const end = command.end(1);
  let route = channelRoutes.find(buffer, start, start, start, end);
  if (route?.valid !== true) {
    route = session.route(CHANNELS, DOT, buffer, start, end);
    channelRoutes.set(route.keyBytes, 0, 0, 0, route.keyBytes.length, route);
  }
  fillDraft(draft, session, AT_MOST_ONCE, buffer, command.start(2), command.end(2));
  adapter.stats.messagesIn++;
  const before = adapter.extraCopies;
  const mark = session.publish(route, draft);
  client.integerWhenSafe(draft.routed + adapter.extraCopies - before, mark === MARK_REFUSED ? mark : MARK_NOW);
}

export const lpush = (client: Client, command: Command): void => push(client, command, 'left');
export const rpush = (client: Client, command: Command): void => push(client, command, 'right');

/** All values or, after a crash, none; replies with the list's length once they are safe. */
function push(client: Client, command: Command, end: End): void {
  const { session, lists } = client;
  const { draft, stats, broker } = client.adapter;
  const target = lists.resolveTarget(command.buffer, command.start(1), command.end(1), end);
  let length = session.checkQueue(target.name).messages;
  let refused = false;
  let mark: Mark = MARK_NOW;
  session.beginUnit();
  try {
    for (let i = 2; i < command.count; i++) {
      fillDraft(draft, session, AT_LEAST_ONCE, command.buffer, command.start(i), command.end(i));
      if (session.publish(target.route, draft) === MARK_REFUSED) refused = true;
      length++;
      stats.messagesIn++;
      broker.turn.work.spend(1);
    }
  } finally {
    mark = session.endUnit();
  }
  client.integerWhenSafe(length, refused ? MARK_REFUSED : mark);
}
