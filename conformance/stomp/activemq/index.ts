/** What ActiveMQ alone has, and this broker where a vhost's clients are used to it. */
import type { Topic } from '../scenario.ts';
import { advisories } from './advisories.ts';
import { browsing } from './browsing.ts';
import { composite } from './composite.ts';
import { deadLetters } from './dead-letters.ts';
import { groups } from './groups.ts';
import { retroactive } from './retroactive.ts';
import { scheduler } from './scheduler.ts';
import { temporary } from './temporary.ts';
import { virtualTopics } from './virtual-topics.ts';

export const TOPICS: readonly Topic[] = [
  temporary,
  browsing,
  composite,
  virtualTopics,
  scheduler,
  deadLetters,
  groups,
  retroactive,
  advisories,
];
