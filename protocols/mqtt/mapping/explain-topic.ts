/** What a topic or a filter means, in words and as permissions are asked about it: for who explains permissions. */
import { respelled, type TopicQuestion, type TopicUse } from '../../../src/api/index.ts';
import { SUCCESS } from '../codec/reasons.ts';
import { isReserved, meaningOf, subscribable } from './special-topics.ts';

const SHARE = /^\$share\/[^/+#]+\/(?=[\s\S])/;
const DELAYED = /^\$delayed\/\d+\//;
const RESERVED = "topics under $SYS and $CONTROL are the broker's own";

/** @param exchange the one that topics live in */
export function explainTopic(exchange: string, use: TopicUse, topic: string): TopicQuestion {
  return use === 'publish' ? publishing(exchange, topic) : reading(exchange, use, topic);
}

function publishing(exchange: string, topic: string): TopicQuestion {
  const { reason, skip, isQueue, isControl, word, delayMs } = meaningOf(topic);
  if (isControl) return { exchange, topic, commands: true };
  if (word !== '')
    return { exchange, topic, refused: 'what is published there is a word about deliveries, and no message' };
  if (reason !== SUCCESS) {
    const isOurs = isReserved(respelled(topic.replace(DELAYED, '')));
    return {
      exchange,
      topic,
      refused: isOurs ? `${RESERVED}, and nobody publishes there, over no protocol` : 'nobody can publish there',
    };
  }
  if (skip === 0) return { exchange, topic };
  const rest = topic.slice(skip);
  const note = `it goes to the ${isQueue ? 'queue' : 'topic'} '${rest}'${delayMs >= 0 ? `, after ${delayMs / 1000} s` : ''}`;
  return { exchange: isQueue ? '' : exchange, topic: rest, note };
}

function reading(exchange: string, use: TopicUse, topic: string): TopicQuestion {
  const prefix = use === 'receive' ? undefined : SHARE.exec(topic)?.[0];
  const filter = prefix === undefined ? topic : topic.slice(prefix.length);
  if (use === 'subscribe' && subscribable(filter) !== SUCCESS) {
    return { exchange, topic: filter, refused: 'no message arrives under that, and nobody can subscribe to it' };
  }
  if (prefix !== undefined) return { exchange, topic: filter, note: `it is judged by its filter, '${filter}'` };
  if (!/^\$(SYS|CONTROL)(\/|$)/.test(filter)) return { exchange, topic };
  return { exchange, topic, note: `${RESERVED}: it alone publishes there` };
}
