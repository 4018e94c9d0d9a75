/** All scenarios, by topic. */
import { exchanges } from './exchanges.scenarios.ts';
import { queues } from './queues.scenarios.ts';
import { routing } from './routing.scenarios.ts';
import type { Topic } from './scenario.ts';

export const TOPICS: readonly Topic[] = [queues, exchanges, routing];
