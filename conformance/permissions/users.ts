/** The users of these questions, and what there is before they ask: the same on both brokers. Everybody's password is `p`. */
import type { PermissionPatterns, TopicPatterns } from '../../src/auth/permissions/rules.ts';

export interface RuledUser {
  readonly permissions: PermissionPatterns | undefined;
  readonly topics: readonly TopicPatterns[];
}

const EVERYTHING: PermissionPatterns = { configure: '.*', write: '.*', read: '.*' };

const topics = (write: string, read: string, exchange = 'amq.topic'): RuledUser => ({
  permissions: EVERYTHING,
  topics: [{ exchange, write, read }],
});
const may = (configure: string, write: string, read: string): RuledUser => ({
  permissions: { configure, write, read },
  topics: [],
});

export const USERS: Readonly<Record<string, RuledUser>> = {
  all: may('.*', '.*', '.*'),
  empty: may('', '', ''),
  anywhere: may('ord', 'ord', 'ord'),
  parts: may('^(c|amq\\.gen)', '^(w|c|amq\\.gen)', '^(r|c|amq\\.gen)'),
  default: may('', '^amq\\.default$', ''),
  reader: may('', '', '.*'),
  writer: may('', '.*', ''),
  maker: may('.*', '', ''),
  named: topics('^w\\.{username}\\.', '^r\\.{vhost}\\.'),
  client: topics('^{client_id}\\.', '^{client_id}\\.'),
  elsewhere: topics('^w\\.', '^r\\.', 'tx'),
  mute: topics('', ''),
  nobody: { permissions: undefined, topics: [] },
};

export const QUEUES = ['c-there', 'r-there', 'w-there', 'orders'] as const;
export const EXCHANGES: readonly (readonly [name: string, type: string])[] = [
  ['cx', 'direct'],
  ['rx', 'fanout'],
  ['wx', 'fanout'],
  ['tx', 'topic'],
];
