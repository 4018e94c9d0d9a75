/** All scenarios, by topic. */
import { queueArguments } from './arguments.scenarios.ts';
import { consumers } from './consumers.scenarios.ts';
import { deadLetters } from './dead-letters.scenarios.ts';
import { delays } from './delays.scenarios.ts';
import { exchanges } from './exchanges.scenarios.ts';
import { frames } from './frames.scenarios.ts';
import { handshake } from './handshake.scenarios.ts';
import { limits } from './limits.scenarios.ts';
import { messages } from './messages.scenarios.ts';
import { operation } from './operation.scenarios.ts';
import { policies } from './policies.scenarios.ts';
import { publishers } from './publishers.scenarios.ts';
import { queues } from './queues.scenarios.ts';
import { routing } from './routing.scenarios.ts';
import type { Topic } from './scenario.ts';
import { taking } from './taking.scenarios.ts';
import { values } from './values.scenarios.ts';

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
