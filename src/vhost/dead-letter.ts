/**
 * What becomes of a message that was refused for good: it is published again, with a record of its death, to the queue's
 * dead-letter exchange; or dropped, counted, where there is none. The new message and the old one's settlement are one
 * commit unit, so that a crash leaves exactly one of the two.
 */
import { decodeAnnotations, withDeath } from '../message/annotations.ts';
import { type Assurance, AT_LEAST_ONCE, Draft, MessageView } from '../message/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { StoredBody } from '../queue/stored-body.ts';
import { type Decision, DROP } from '../settlement/decide.ts';
import type { Vhost } from './vhost.ts';

export function deadLetter(vhost: Vhost, queue: Queue, seq: number, word: number, decision: Decision): void {
  if (decision.action === DROP) {
    if (decision.reason === 'delivery_limit') vhost.counters.droppedAttempts++;
    else vhost.counters.droppedRejected++;
    queue.bury(seq, word);
    return;
  }
  const view = new MessageView();
  if (vhost.store.view(seq, word, view)) {
    republish(vhost, queue, seq, word, decision, view);
    return;
  }
  // Not in memory: it stays unsettled until it has been read, so a crash meanwhile loses nothing.
  vhost.store.load(seq, word, (error) => {
    // Stopping: it stays unsettled, and is there again after the start.
    if (queue.deleted || vhost.stopping) return;
    if (error === undefined && vhost.store.view(seq, word, view)) republish(vhost, queue, seq, word, decision, view);
    else vhost.unreadable(queue, seq, error ?? new Error('the message is gone'));
  });
}

function republish(vhost: Vhost, queue: Queue, seq: number, word: number, decision: Decision, view: MessageView): void {
  const exchange = queue.policy.deadLetterExchange!;
  if (exchange !== '' && !vhost.topology.exchanges.has(exchange)) {
    vhost.counters.droppedDeadLetter++;
    queue.bury(seq, word);
    return;
  }
  const key = view.key();
  const target = queue.policy.deadLetterKey;
  const keyBytes = target === null ? Buffer.from(key, 'utf8') : Buffer.from(target, 'utf8');
  const spelling = target === null ? view.spelling : 0;
  const draft = new Draft();
  draft.dialect = view.dialect;
  draft.spelling = spelling;
  // Nothing waits for a dead letter's confirm, so nothing is gained by holding it back as exactly-once would.
  draft.assurance = Math.min(view.assurance, AT_LEAST_ONCE) as Assurance;
  draft.priority = view.priority;
  draft.annotations = withDeath(decodeAnnotations(view.notes, view.notesStart, view.notesEnd), {
    queue: queue.name,
    reason: decision.reason,
    timeS: Math.floor(vhost.clock.epochMs() / 1000),
    exchange: view.exchange(),
    routingKeys: [key],
  });
  // The store's bytes may move under an append, so what is carried over is copied out first.
  draft.props = Buffer.from(view.props.subarray(view.propsStart, view.propsEnd));
  draft.propsEnd = draft.props.length;
  const body = view.large as StoredBody | null;
  if (body !== null)
    draft.large = body; // the same extents: they have one holder more
  else {
    draft.body = Buffer.from(view.body.subarray(view.bodyStart, view.bodyEnd));
    draft.bodyEnd = draft.body.length;
  }
  const route = vhost.router.route(exchange, spelling, keyBytes, 0, keyBytes.length, vhost.vhost);
  vhost.beginUnit();
  vhost.publish(route, draft);
  queue.bury(seq, word);
  vhost.endUnit();
  if (draft.routed === 0) vhost.counters.droppedDeadLetter++;
  else vhost.counters.deadLettered++;
}
