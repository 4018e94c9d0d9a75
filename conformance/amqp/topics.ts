/** All scenarios, by topic. */

import { frames } from './connection/frames.scenarios.ts';
import { handshake } from './connection/handshake.scenarios.ts';
import { limits } from './connection/limits.scenarios.ts';
import { operation } from './connection/operation.scenarios.ts';
import { consumers } from './deliver/consumers.scenarios.ts';
import { deadLetters } from './deliver/dead-letters.scenarios.ts';
import { taking } from './deliver/taking.scenarios.ts';
import { delays } from './publish/delays.scenarios.ts';
import { messages } from './publish/messages.scenarios.ts';
import { publishers } from './publish/publishers.scenarios.ts';
import { values } from './publish/values.scenarios.ts';
import type { Topic } from './scenario.ts';
import { queueArguments } from './topology/arguments.scenarios.ts';
import { exchanges } from './topology/exchanges.scenarios.ts';
import { policies } from './topology/policies.scenarios.ts';
import { queues } from './topology/queues.scenarios.ts';
import { routing } from './topology/routing.scenarios.ts';

export const TOPICS: readonly Topic[] = [
  queues,
  exchanges,
  routing,
  messages,
  consumers,
  taking,
  publishers,
  limits,
  deadLetters,
  queueArguments,
  handshake,
  frames,
  policies,
  delays,
  operation,
  values,
];
