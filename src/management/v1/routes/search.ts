/** One text, looked for in the names of all that there is. */
import { z } from 'zod';
import type { Endpoint } from '../../../api/endpoint.ts';
import type { Page, PageQuery, Scope } from '../../../operator/listing/listing.ts';
import type { KeptSessionView } from '../../../operator/sessions.ts';
import { hasTag } from '../../http/tags.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { mayUseTopic } from './retained.ts';

const KINDS = ['queue', 'exchange', 'connection', 'session', 'topic', 'policy', 'vhost', 'user'] as const;
type Kind = (typeof KINDS)[number];

const FOUND = z.object({
  kind: z.enum(KINDS),
  name: z.string().describe('Of a connection both its ends, of a topic its key, levels parted by dots.'),
  vhost: z.string().optional(),
  protocol: z.string().optional().describe('Of a session.'),
  about: z.string().optional().describe('Of a connection: what it calls itself, and whose it is.'),
});
type Found = z.output<typeof FOUND>;

const COUNTED = z.object({ kind: z.enum(KINDS), matching: z.number().int() });

interface Pages<T> {
  page(scope: Scope, query: PageQuery<T>): Promise<Page<T>>;
}

/** @param text in small letters */
type Look = (text: string, take: number) => Promise<{ kind: Kind; found: readonly Found[]; matching: number }>;

/** Those that are called so come first, then those whose names begin so. */
function rankOf(texts: readonly string[], text: string): number {
  let rank = 3;
  for (const one of texts) {
    const at = one.toLowerCase().indexOf(text);
    if (at === 0) rank = Math.min(rank, one.length === text.length ? 0 : 1);
    else if (at > 0) rank = Math.min(rank, 2);
  }
  return rank;
}

function end({ address, port }: Endpoint): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** @param texts what it is looked for in @param visible left out: all are */
function looking<T>(
  kind: Kind,
  list: Pages<T>,
  scope: Scope,
  texts: (item: T) => readonly string[],
  shown: (item: T) => Omit<Found, 'kind'>,
  visible?: (item: T) => boolean,
): Look {
  return async (text, take) => {
    const { items, filtered } = await list.page(scope, {
      ...{ skip: 0, take, visible },
      filter: (item) => texts(item).some((one) => one.toLowerCase().includes(text)),
      sortBy: (item) => rankOf(texts(item), text),
    });
    return { kind, found: items.map((item) => ({ kind, ...shown(item) })), matching: filtered };
  };
}

/** `/` and `.` trade places in keys: either spelling finds a topic. */
const swapped = (key: string): string => key.replaceAll(/[./]/g, (sign) => (sign === '.' ? '/' : '.'));

function everything(asked: Asked<unknown, unknown>): readonly Look[] {
  const { operator, identity } = asked;
  const scope = operator.vhosts.names.filter((one) => operator.mayEnter(identity, one));
  const all = hasTag(identity.tags, 'monitoring');
  const named = ({ vhost, name }: { readonly vhost: string; readonly name: string }) => ({ vhost, name });
  const nameOf = ({ name }: { readonly name: string }): string[] => [name];
  const looks: Look[] = [
    looking('queue', operator.queues.list, scope, nameOf, named),
    looking('exchange', operator.exchanges.list, scope, nameOf, named, ({ name }) => name !== ''),
    looking(
      'connection',
      operator.connections.list,
      all ? operator.vhosts.names : scope,
      ({ remote, local, label, user }) => [`${end(remote)} -> ${end(local)}`, label, user],
      ({ remote, local, label, user, vhost }) => ({
        ...{ name: `${end(remote)} -> ${end(local)}`, vhost, about: label === '' ? user : `${label}, ${user}` },
      }),
      all ? undefined : ({ user }) => user === identity.user,
    ),
    looking(
      'topic',
      operator.retained.list,
      scope,
      ({ key }) => [key, swapped(key)],
      ({ vhost, key }) => ({ name: key, vhost }),
      ({ vhost, key }) => mayUseTopic(asked, vhost, 'read', key),
    ),
    looking('policy', operator.policies.list, scope, nameOf, named),
    looking('vhost', operator.vhosts.list, scope, nameOf, ({ name }) => ({ name })),
  ];
  if (all) {
    const { list } = operator.sessions;
    const shown = ({ vhost, protocol, clientId: name }: KeptSessionView) => ({ name, vhost, protocol });
    looks.push(looking('session', list, scope, ({ clientId }) => [clientId], shown));
  }
  if (hasTag(identity.tags, 'administrator')) {
    looks.push(looking('user', operator.userLists.list, scope, nameOf, ({ name }) => ({ name })));
  }
  return looks;
}

export const SEARCH: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/search',
    id: 'search',
    group: 'Search',
    summary: 'Looks for a text in the names of all that there is: what is called so first, then what begins so.',
    description:
      'Upper and lower case are the same. Queues, exchanges, topics with a retained message and policies of vhosts that he may enter; connections by both ends, by what they call themselves and by user (without the tag `monitoring` only his own); kept sessions with that tag, users with the tag `administrator`.',
    access: 'management',
    query: z.strictObject({
      text: z.string().min(1).max(255),
      limit: z.coerce.number().int().min(1).max(50).default(5).describe('Of each kind.'),
    }),
    answer: z.object({
      found: z.array(FOUND),
      matching: z.array(COUNTED).describe('How many there are of each kind.'),
    }),
    handle: async (asked) => {
      const text = asked.query.text.toLowerCase();
      const found: Found[] = [];
      const matching: z.output<typeof COUNTED>[] = [];
      for (const look of everything(asked)) {
        // Who types on asks again: what was asked before need not be looked through to its end.
        if (asked.signal.aborted) break;
        const one = await look(text, asked.query.limit);
        found.push(...one.found);
        if (one.matching > 0) matching.push({ kind: one.kind, matching: one.matching });
      }
      return json({ found, matching });
    },
  }),
];
