/** All topics. */
import type { Topic } from '../scenario.ts';
import { channels } from './channels.ts';
import { connecting } from './connecting.ts';
import { lists } from './lists.ts';

export const TOPICS: readonly Topic[] = [connecting, lists, channels];
