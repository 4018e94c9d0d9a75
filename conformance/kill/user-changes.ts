/**
 * `node conformance/kill/user-changes.ts DIRECTORY ROUND`: a broker whose users change all the time, until it is killed. Says what it is
 * about to change and what has been confirmed, a line each, written before anything else happens.
 *
 *     > USER JSON     the user is about to be as this, null for gone
 *     = USER          it is, safely
 */
import { writeSync } from 'node:fs';
import { createBroker } from '../../src/index.ts';
import { KEPT_USERS, type KeptUser } from './user-ledger.ts';

/** Of `test12`. */
const PASSWORD_HASH = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';
const EVERYTHING = { configure: '.*', write: '.*' };

const [directory, round] = process.argv.slice(2) as [string, string];
const { users } = await createBroker({ data: directory });
let changes = 0;

/** One change after the other of one user. */
async function change(name: string): Promise<never> {
  let now: KeptUser | null = keptOf(name);
  for (;;) {
    const mark = `${round}.${++changes}`;
    let next: KeptUser | null;
    let act: () => Promise<unknown>;
    const step = changes % 7;
    if (now === null || step === 0) {
      next = { tag: mark, read: now?.read ?? null, topic: now?.topic ?? null };
      act = () => users.put(name, { passwordHash: PASSWORD_HASH, tags: [mark] });
    } else if (step === 1) {
      next = null;
      act = () => users.delete(name);
    } else if (step === 2) {
      next = { ...now, read: null }; // what he may do with topics stays, as in RabbitMQ
      act = () => users.clearPermissions(name, '/');
    } else if (step < 5) {
      next = { ...now, read: mark };
      act = () => users.setPermissions(name, '/', { ...EVERYTHING, read: mark });
    } else {
      next = { ...now, topic: mark };
      act = () => users.setTopicPermissions(name, '/', 'amq.topic', { write: '', read: mark });
    }
    writeSync(1, `> ${name} ${JSON.stringify(next)}\n`);
    await act();
    writeSync(1, `= ${name}\n`);
    now = next;
  }
}

function keptOf(name: string): KeptUser | null {
  const found = users.get(name);
  if (found === undefined) return null;
  return {
    tag: found.tags[0] ?? '',
    read: found.permissions[0]?.read ?? null,
    topic: found.topicPermissions[0]?.read ?? null,
  };
}

await Promise.all(KEPT_USERS.map(change));
