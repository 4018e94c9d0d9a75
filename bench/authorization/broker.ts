/**
 * The broker that `bench/authorization.ts` measures: for `worker` and `member` permissions are asked as rules have them, `guest` may do
 * everything.
 */
import { parseArgs } from 'node:util';
import type { TopicRules } from '../../src/api/identity.ts';
import type { Authenticator, Identity } from '../../src/api/index.ts';
import { RuledAccess } from '../../src/auth/permissions/ruled-access.ts';
import { createBroker } from '../../src/index.ts';

export const USER = 'worker';
/** The same, and what it may be handed is asked as well, as of who has roles. */
export const MEMBER = 'member';

/** Patterns that match this bench's names and no others, with alternatives and variables in them, as people write them. */
const PERMISSIONS = {
  configure: '^(bench[0-9]+x.*|amq\\.gen-.*)$',
  write: '^(amq\\.(default|topic)|bench[0-9]+x.*|amq\\.gen-.*)$',
  read: '^(amq\\.(default|topic)|bench[0-9]+x.*|amq\\.gen-.*)$',
};
const TOPICS = {
  exchange: 'amq.topic',
  write: '^bench[0-9]+x[0-9]+(\\.plant\\.[0-9]{4}\\..*)?$',
  read: '^bench[0-9]+x[0-9]+(\\.[*]\\.[0-9]{4}\\.#)?$',
};

const ruled = new RuledAccess({
  permissionsOf: () => PERMISSIONS,
  topicPermissionsOf: () => [TOPICS],
});
const judged = ({ user }: Identity): boolean => user === USER || user === MEMBER;
const receives = /^bench[0-9]+x[0-9]+(\.plant\.[0-9]{4}\..*)?$/;
const rules: TopicRules = { receives: (_, key) => receives.test(key), mayUnsubscribe: () => true };
const authenticator: Authenticator = {
  authenticate: ({ user = 'guest' }, done) => done({ user }),
  permits: (identity, request) => !judged(identity) || ruled.permits(identity, request),
  topicRules: ({ user }) => (user === MEMBER ? rules : undefined),
};

if (import.meta.main) {
  const { data = '', listen = [] } = parseArgs({
    options: { data: { type: 'string' }, listen: { type: 'string', multiple: true } },
  }).values;
  const broker = await createBroker({ data, listen, authenticator });
  console.log('Ready in 0 s');
  process.on('SIGTERM', () => void broker.close());
}
