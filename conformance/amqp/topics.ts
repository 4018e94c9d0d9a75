/** All scenarios, by topic. */

import { frames } from './connection/frames.scenarios.ts';
import { handshake } from './connection/handshake.scenarios.ts';
import { heartbeats } from './connection/heartbeats.scenarios.ts';
import { methods } from './connection/methods.scenarios.ts';
import { operation } from './connection/operation.scenarios.ts';
import { consumers } from './deliver/consumers.scenarios.ts';
import { deadLetters } from './deliver/dead-letters.scenarios.ts';
import { directReplies } from './deliver/direct-replies.scenarios.ts';
import { getting } from './deliver/getting.scenarios.ts';
import { prefetch } from './deliver/prefetch.scenarios.ts';
import { priorities } from './deliver/priorities.scenarios.ts';
import { settling } from './deliver/settling.scenarios.ts';
import { taking } from './deliver/taking.scenarios.ts';
import { deduplication } from './publish/deduplication.scenarios.ts';
import { delays } from './publish/delays.scenarios.ts';
import { fieldTypes } from './publish/field-types.scenarios.ts';
import { messages } from './publish/messages.scenarios.ts';
import { publishers } from './publish/publishers.scenarios.ts';
import { senderSelected } from './publish/sender-selected.scenarios.ts';
import { transactions } from './publish/transactions.scenarios.ts';
import { values } from './publish/values.scenarios.ts';
import type { Topic } from './scenario.ts';
import { alternateExchanges } from './topology/alternate-exchanges.scenarios.ts';
import { queueArguments } from './topology/arguments.scenarios.ts';
import { bindings } from './topology/bindings.scenarios.ts';
import { exchangeBindings } from './topology/exchange-bindings.scenarios.ts';
import { exchanges } from './topology/exchanges.scenarios.ts';
import { limits } from './topology/limits.scenarios.ts';
import { policies } from './topology/policies.scenarios.ts';
import { queueEnds } from './topology/queue-ends.scenarios.ts';
import { queues } from './topology/queues.scenarios.ts';
import { routing } from './topology/routing.scenarios.ts';

export const TOPICS: readonly Topic[] = [
  queues,
  bindings,
  queueEnds,
  exchanges,
  alternateExchanges,
  exchangeBindings,
  routing,
  messages,
  settling,
  getting,
  consumers,
  prefetch,
  taking,
  publishers,
  directReplies,
  senderSelected,
  transactions,
  limits,
  priorities,
  deadLetters,
  queueArguments,
  handshake,
  heartbeats,
  frames,
  methods,
  fieldTypes,
  policies,
  deduplication,
  delays,
  operation,
  values,
];
