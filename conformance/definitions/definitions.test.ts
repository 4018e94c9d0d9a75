/**
 * Definitions of a real RabbitMQ, with everything in them that it has: exported there, taken over here, exported again and compared, entry by
 * entry; then given back to it, which changes nothing. What cannot be had here is listed (`differences.ts`), and is told by the import.
 */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed, startEntrepot, startRabbitmq } from '../peers/index.ts';
import { HASHES, LEFT_BEHIND, ONLY_HERE } from './differences.ts';
import { GIVEN, PLUGINS, USER_LIMITS } from './fixture.ts';

const skipped = process.env['CONFORMANCE_PEERS'] !== 'all' || installed('rabbitmq') === undefined;

type Entry = Readonly<Record<string, unknown>>;
type Definitions = Readonly<Record<string, readonly Entry[]>>;

interface Item {
  readonly kind: string;
  readonly name: string;
  readonly outcome: string;
  readonly reason?: string;
}

interface Asked {
  readonly status: number;
  readonly text: string;
}

async function ask(port: number, method: string, path: string, body?: unknown, login = 'guest:guest'): Promise<Asked> {
  const response = await fetch(`http://127.0.0.1:${port}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(login)}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

/** The entries of the one that the other has not. */
function missing(of: readonly Entry[], from: readonly Entry[]): Entry[] {
  return of.filter((entry) => !from.some((other) => isDeepStrictEqual(entry, other)));
}

function without(definitions: Definitions, keys: Readonly<Record<string, readonly string[]>>): Definitions {
  const lists = Object.entries(definitions).filter(([, entries]) => Array.isArray(entries));
  return Object.fromEntries(
    lists.map(([kind, entries]) => [
      kind,
      entries.map((entry) =>
        Object.fromEntries(Object.entries(entry).filter(([key]) => keys[kind]?.includes(key) !== true)),
      ),
    ]),
  );
}

/** As an import names an entry. */
function nameOf(kind: string, entry: Entry): string {
  if (kind === 'bindings') return `${String(entry['source'])} → ${String(entry['destination'])}`;
  if (kind === 'parameters') return `${String(entry['component'])} ${String(entry['name'])}`;
  return String(entry['name'] ?? entry['user']);
}

describe.skipIf(skipped)('definitions of a RabbitMQ', () => {
  const stops: (() => Promise<unknown>)[] = [];
  let there: number;
  let here: number;
  let exported: Asked;
  let items: readonly Item[];

  beforeAll(async () => {
    const rabbitmq = await startRabbitmq({ plugins: PLUGINS });
    stops.push(() => rabbitmq.stop());
    const broker = await startEntrepot();
    stops.push(() => broker.stop());
    there = rabbitmq.httpPort;
    here = broker.httpPort;
    expect(await ask(there, 'POST', 'definitions', GIVEN)).toEqual({ status: 204, text: '' });
    for (const [user, name, value] of USER_LIMITS) await ask(there, 'PUT', `user-limits/${user}/${name}`, { value });
    exported = await ask(there, 'GET', 'definitions');
    const imported = await ask(here, 'POST', 'definitions?report=true', exported.text);
    expect(imported.status).toBe(200);
    items = (JSON.parse(imported.text) as { items: Item[] }).items;
  }, 200_000);

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  }, 60_000);

  const definitions = async (port: number): Promise<Definitions> =>
    JSON.parse((await ask(port, 'GET', 'definitions')).text) as Definitions;

  it('hold some of everything', () => {
    const given = JSON.parse(exported.text) as Definitions;
    for (const [kind, entries] of Object.entries(GIVEN)) {
      // Two exchanges and a queue cannot be told apart from what was there before; nothing is fewer than was given.
      expect([kind, (given[kind]?.length ?? 0) >= entries.length]).toEqual([kind, true]);
    }
  });

  it('are taken over but for what is listed, each with its reason', () => {
    const left = items.filter(({ outcome }) => outcome !== 'done' && outcome !== 'kept');
    expect(left.map(({ kind, name, outcome }) => [kind, name, outcome])).toEqual(
      LEFT_BEHIND.map(({ kind, name, outcome }) => [kind, name, outcome]),
    );
    for (const [i, { told }] of LEFT_BEHIND.entries()) expect(left[i]!.reason!.trim().split('\n').at(-1)).toMatch(told);
  });

  it('are the same when they are exported again, but for that', async () => {
    const asker = ({ users, ...rest }: Definitions): Definitions => ({
      users: users!.map((user) => (user['name'] === 'guest' ? without({ users: [user] }, HASHES)['users']![0]! : user)),
      ...rest,
    });
    // Who asks has logged in.
    const theirs = asker(without(JSON.parse(exported.text) as Definitions, {}));
    const ours = asker(without(await definitions(here), ONLY_HERE));
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    const lost: [string, string][] = [];
    for (const [kind, entries] of Object.entries(theirs)) {
      for (const entry of missing(entries, ours[kind]!)) lost.push([kind, nameOf(kind, entry)]);
      expect([kind, missing(ours[kind]!, entries)]).toEqual([kind, []]);
    }
    expect(lost.sort()).toEqual(LEFT_BEHIND.map(({ kind, name }): [string, string] => [kind, name]).sort());
  });

  it('let in whom they let in there, whatever hash a password has', async () => {
    for (const port of [there, here]) {
      const logins = ['ann', 'bob', 'cid'].map((user) => ask(port, 'GET', 'whoami', undefined, `${user}:test12`));
      const reasons = (await Promise.all(logins)).map(({ status, text }) => [status, /Not management user/.test(text)]);
      // Who has no tag has nothing to do here, and has logged in for all that.
      expect(reasons).toEqual([
        [200, false],
        [200, false],
        [401, true],
      ]);
      expect((await ask(port, 'GET', 'whoami', undefined, 'ann:other')).status).toBe(401);
    }
  });

  it('change nothing when they are taken over again', async () => {
    const before = without(await definitions(here), HASHES);
    expect((await ask(here, 'POST', 'definitions?report=true', exported.text)).status).toBe(200);
    expect(without(await definitions(here), HASHES)).toEqual(before);
  });

  it('can be given back to RabbitMQ, and change nothing there', async () => {
    const before = await definitions(there);
    // Who has logged in here has a hash that RabbitMQ would take, and never let in again.
    const { users: _, ...ours } = await definitions(here);
    expect((await ask(there, 'POST', 'definitions', ours)).status).toBe(204);
    expect(await definitions(there)).toEqual(before);
  });
});
