/**
 * The log of the broker's own state on a disk that fails: a change that could not be made safe is refused and not in force, what was
 * safe stays, and the broker opens again.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { type Call, MemoryFiles } from '../log/memory-files.ts';
import { until } from '../support/until.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
/** Of `test12`. */
const passwordHash = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';

let files: MemoryFiles;
let broker: Broker;

beforeEach(async () => {
  files = new MemoryFiles();
  await start();
  await broker.users.put('ann', { passwordHash, tags: ['first'] });
  await broker.users.setPermissions('ann', '/', ALL);
});

afterEach(() => broker.close().catch(() => {}));

async function start(on = files): Promise<void> {
  files = on;
  broker = await Broker.start({ dataDirectory: '/data', dialects: [], files });
}

/** Files of the state's log fail in one of their calls. */
function stateFails(call: Call, code = 'EIO'): void {
  files.fail = (called, path) =>
    called === call && path.includes('/state/') ? Object.assign(new Error(`${code}: ${path}`), { code }) : undefined;
}

/** Everything that can be changed, each tried at once. */
const CHANGES: Readonly<Record<string, () => Promise<unknown>>> = {
  'a user that is made': () => broker.users.put('bob', { passwordHash }),
  'a user that is changed': () => broker.users.put('ann', { passwordHash, tags: ['second'] }),
  'a user that is deleted': () => broker.users.delete('ann'),
  'a permission that is set': () => broker.users.setPermissions('ann', '/', { ...ALL, read: '' }),
  'a permission that is cleared': () => broker.users.clearPermissions('ann', '/'),
  'a topic permission that is set': () =>
    broker.users.setTopicPermissions('ann', '/', 'amq.topic', { read: '', write: '' }),
  'a role that is made': () => broker.users.change(() => broker.users.roles.putRole({ name: 'r', rules: [] })),
};

function users(): unknown {
  const { roles } = broker.users;
  return [broker.users.list(), roles.roleNames().map((name) => roles.role(name)), roles.defaults];
}

describe.each([
  ['write', 0],
  ['write', 300],
  ['sync', 0],
] as const)('when a %s fails, %i bytes of it written', (call, failedWriteKeepsBytes) => {
  it.each(Object.keys(CHANGES))('%s is refused and not in force', async (change) => {
    const before = users();
    files.failedWriteKeepsBytes = failedWriteKeepsBytes;
    stateFails(call);
    await expect(CHANGES[change]!()).rejects.toMatchObject({ code: 'unavailable' });
    expect(users()).toEqual(before);
    expect(broker.failure).toContain('own state');
  });

  it('what comes later is refused at once, and what is under way together is taken back together', async () => {
    const before = users();
    files.failedWriteKeepsBytes = failedWriteKeepsBytes;
    stateFails(call);
    const settled = await Promise.allSettled([
      broker.users.put('bob', { passwordHash }),
      broker.users.put('ann', { passwordHash, tags: ['second'] }),
      broker.users.setPermissions('ann', '/', { ...ALL, read: '' }),
      broker.users.put('eve', { passwordHash }),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    expect(users()).toEqual(before);
    files.fail = () => undefined;
    await expect(broker.users.put('bob', { passwordHash })).rejects.toMatchObject({ code: 'unavailable' });
    expect(users()).toEqual(before);
  });

  it('the broker opens again, after a kill or a power failure, with all that was safe', async () => {
    files.failedWriteKeepsBytes = failedWriteKeepsBytes;
    stateFails(call);
    await expect(broker.users.put('bob', { passwordHash })).rejects.toThrow();
    const disks = [files.afterKill(), ...[0, 0.5, 0.99].map((x) => files.afterPowerLoss(() => x))];
    await broker.close();
    for (const disk of disks) {
      const again = await Broker.start({ dataDirectory: '/data', dialects: [], files: disk });
      expect(again.users.get('ann')).toMatchObject({ tags: ['first'], permissions: [{ vhost: '/', ...ALL }] });
      await again.users.put('bob', { passwordHash });
      expect(again.users.get('bob')).toBeDefined();
      await again.close();
    }
    files.fail = () => undefined;
  });
});

it('live clients go by what was in force before a change that failed', async () => {
  const kicked: string[] = [];
  const enter = (): void => {
    const session = broker.enter({ user: 'ann' }, '/', { uncongested() {}, kicked: (reason) => kicked.push(reason) });
    if ('refused' in session) throw new Error(session.reason);
  };
  enter();
  stateFails('sync');
  await expect(broker.users.put('bob', { passwordHash })).rejects.toThrow();
  broker.turn.end();
  expect(kicked).toEqual([]);
  enter();
  expect(broker.enter({ user: 'bob' }, '/', { uncongested() {}, kicked() {} })).toMatchObject({ refused: 'forbidden' });
});

describe('when the disk is full', () => {
  it('a change that is begun then is refused, one under way waits, and all goes on when there is room', async () => {
    let refused = 0;
    files.fail = (call, path) => {
      if (call !== 'write' || !path.includes('/state/')) return undefined;
      refused++;
      return Object.assign(new Error(`ENOSPC: ${path}`), { code: 'ENOSPC' });
    };
    let settled: string | undefined;
    const first = broker.users.put('bob', { passwordHash }).then(
      () => (settled = 'made'),
      () => (settled = 'refused'),
    );
    const full = async (): Promise<boolean> =>
      broker.users.put('ann', { passwordHash, tags: ['second'] }).then(
        () => false,
        (error: Error) => error.message.includes('the disk is full'),
      );
    await until(() => refused > 0);
    const answers: boolean[] = [];
    for (let i = 0; i < 50 && answers.at(-1) !== true; i++) {
      await new Promise(setImmediate);
      if (stateIsFull()) answers.push(await full());
    }
    expect(answers.at(-1)).toBe(true);
    expect(settled).toBeUndefined();
    expect(broker.users.get('ann')?.tags).toEqual(['first']);
    files.fail = () => undefined;
    await first;
    expect(settled).toBe('made');
    await broker.users.put('ann', { passwordHash, tags: ['second'] });
    expect(broker.users.get('ann')?.tags).toEqual(['second']);
  });

  function stateIsFull(): boolean {
    return (broker as unknown as { ground: { state: { log?: { full: boolean } } } }).ground.state.log?.full === true;
  }
});
