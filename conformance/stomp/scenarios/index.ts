/** All STOMP scenarios. */

import type { Topic } from '../scenario.ts';
import { connecting } from './connecting.ts';
import { dialects } from './dialects.ts';
import { errors } from './errors.ts';
import { framing } from './framing.ts';
import { messages } from './messages.ts';
import { reliance } from './reliance.ts';
import { selectors } from './selectors.ts';
import { settling } from './settling.ts';
import { sharedQueues } from './shared-queues.ts';
import { transactions } from './transactions.ts';

export const TOPICS: readonly Topic[] = [
  connecting,
  framing,
  messages,
  settling,
  transactions,
  dialects,
  selectors,
  reliance,
  sharedQueues,
  errors,
];
