/** All STOMP scenarios. */
import { connecting } from './connecting.scenarios.ts';
import { dialects } from './dialects.scenarios.ts';
import { framing } from './framing.scenarios.ts';
import { messages } from './messages.scenarios.ts';
import { reliance } from './reliance.scenarios.ts';
import type { Topic } from './scenario.ts';
import { selectors } from './selectors.scenarios.ts';
import { settling } from './settling.scenarios.ts';
import { transactions } from './transactions.scenarios.ts';

export const TOPICS: readonly Topic[] = [
  connecting,
  framing,
  messages,
  settling,
  transactions,
  dialects,
  selectors,
  reliance,
];
