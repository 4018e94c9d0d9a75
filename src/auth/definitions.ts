/**
 * RabbitMQ's definitions, as far as they say who may do what: users with their hashes, permissions, topic permissions. Read and checked
 * as a whole; everything else in them is counted, so that it can be said what was left out.
 */
import type { Permissions, TopicPermissions, UserSettings } from '../api/users.ts';
import { BrokerError } from '../message/errors.ts';
import { checkSettings } from './user-checks.ts';
import type { UserStore } from './user-store.ts';

/** Problems that are told; the rest is counted. */
const PROBLEMS_MAX = 20;
/** Names that are shown of what is left out. */
const NAMES_MAX = 5;
/** Before these, hashes without the name of an algorithm are MD5's. */
const MD5_VERSIONS = /^([12]|3\.[0-5])\./;
const TAKEN = ['users', 'permissions', 'topic_permissions'];

type Json = Readonly<Record<string, unknown>>;

/** What is to be known about where the definitions go. */
export interface DefinitionsPlace {
  readonly hasVhost: (name: string) => boolean;
  /** The configuration sets this user, so that it is changed only there. */
  readonly isConfigured: (name: string) => boolean;
}

/** One thing to be done to a store, and what it is called in an error. */
interface Step {
  readonly what: string;
  readonly apply: (store: UserStore) => void;
}

export class Definitions {
  /** A line for each kind of thing that is not taken. */
  readonly leftOut: readonly string[];
  readonly users: number;
  readonly permissions: number;
  readonly topicPermissions: number;
  private readonly steps: readonly Step[];

  /** @throws BrokerError invalid: no definitions */
  constructor(text: string, place: DefinitionsPlace) {
    const given = parsed(text);
    const version = given['rabbit_version'];
    const algorithm =
      typeof version === 'string' && MD5_VERSIONS.test(version) ? 'rabbit_password_hashing_md5' : undefined;
    const left = new LeftOut();
    const steps: Step[] = [];
    const isTaken = (one: Json, key: 'name' | 'user', kind: string): boolean => {
      if (typeof one[key] !== 'string' || !place.isConfigured(one[key])) return true;
      left.add(`${kind} of users that the configuration sets`, one[key]);
      return false;
    };
    const isHere = (one: Json, kind: string): boolean => {
      const { vhost } = one;
      if (typeof vhost !== 'string' || place.hasVhost(vhost)) return true;
      left.add(`${kind} in vhosts that the settings do not have`, vhost);
      return false;
    };
    for (const { item, at } of listOf(given, 'users')) {
      if (!isTaken(item, 'name', 'passwords and tags')) continue;
      if (Object.keys((item['limits'] as object | null | undefined) ?? {}).length > 0)
        left.add('limits of users', String(item['name']));
      steps.push({ what: titled(at, item['name']), apply: (store) => putUser(store, item, algorithm) });
    }
    this.users = steps.length;
    for (const { item, at } of listOf(given, 'permissions')) {
      if (!isTaken(item, 'user', 'permissions') || !isHere(item, 'permissions')) continue;
      const { user, vhost } = item as { user: string; vhost: string };
      const rules = item as unknown as Permissions;
      steps.push({ what: titled(at, user), apply: (store) => store.setPermissions(user, vhost, rules) });
    }
    this.permissions = steps.length - this.users;
    for (const { item, at } of listOf(given, 'topic_permissions')) {
      if (!isTaken(item, 'user', 'topic permissions') || !isHere(item, 'topic permissions')) continue;
      const { user, vhost, exchange } = item as { user: string; vhost: string; exchange: string };
      const rules = item as unknown as TopicPermissions;
      if (exchange === '') left.add('topic permissions of the default exchange, which has no topics', user);
      else
        steps.push({
          what: titled(at, user),
          apply: (store) => store.setTopicPermissions(user, vhost, exchange, rules),
        });
    }
    this.topicPermissions = steps.length - this.users - this.permissions;
    for (const [kind, value] of Object.entries(given)) {
      if (TAKEN.includes(kind) || !Array.isArray(value)) continue;
      for (const one of value as unknown[]) {
        const name = typeof one === 'object' && one !== null ? (one as Json)['name'] : undefined;
        if (kind === 'vhosts' && typeof name === 'string' && place.hasVhost(name)) {
          if (Object.keys((one as Json)['limits'] ?? {}).length > 0) left.add('limits of vhosts', name);
          continue;
        }
        left.add(kind.replaceAll('_', ' '), typeof name === 'string' ? name : undefined);
      }
    }
    this.steps = steps;
    this.leftOut = left.lines();
  }

  /**
   * Puts all of it into a store. What is wrong is found here, and what is right has been done by then: try it on a copy first.
   * @returns a line for each problem
   */
  applyTo(store: UserStore): string[] {
    const problems: string[] = [];
    let more = 0;
    for (const { what, apply } of this.steps) {
      try {
        apply(store);
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        if (problems.length < PROBLEMS_MAX) problems.push(`${what}: ${error.message}`);
        else more++;
      }
    }
    if (more > 0) problems.push(`and ${more} more like these`);
    return problems;
  }
}

function putUser(store: UserStore, item: Json, algorithm: string | undefined): void {
  const { name, password, password_hash: passwordHash, hashing_algorithm: own, tags = [] } = item;
  if (password !== undefined && password !== null) {
    throw new BrokerError('invalid', 'it has a password in clear; only hashes are taken from definitions');
  }
  // One text with commas before RabbitMQ 3.9.
  const list = typeof tags === 'string' ? tags.split(',').map((tag) => tag.trim()) : tags;
  const settings = {
    passwordHash: passwordHash ?? undefined,
    hashingAlgorithm: own ?? algorithm,
    tags: Array.isArray(list) ? list.filter((tag) => tag !== '') : list,
  } as UserSettings;
  const { hash, tags: checked } = checkSettings(settings);
  store.put(name as string, checked, { hash }, undefined);
}

/** @throws BrokerError invalid; what the text holds is not said, for it may be secret */
function parsed(text: string): Json {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new BrokerError('invalid', 'this is not JSON');
  }
  if (typeof given !== 'object' || given === null || !TAKEN.some((kind) => kind in given)) {
    throw new BrokerError('invalid', `these are no definitions of RabbitMQ: there is neither ${TAKEN.join(' nor ')}`);
  }
  return given as Json;
}

function listOf(given: Json, kind: string): { item: Json; at: string }[] {
  const list = given[kind] ?? [];
  if (!Array.isArray(list)) throw new BrokerError('invalid', `${kind} is not a list`);
  return list.map((item: unknown, index) => {
    const at = `${kind}[${index}]`;
    if (typeof item !== 'object' || item === null) throw new BrokerError('invalid', `${at} is not an object`);
    return { item: item as Json, at };
  });
}

function titled(at: string, name: unknown): string {
  return typeof name === 'string' ? `${at}, user '${name.slice(0, 255)}'` : at;
}

/** What is left out, counted by kind, with some of the names. */
class LeftOut {
  private readonly kinds = new Map<string, { count: number; readonly names: Set<string> }>();

  add(kind: string, name: string | undefined): void {
    let found = this.kinds.get(kind);
    if (found === undefined) {
      found = { count: 0, names: new Set() };
      this.kinds.set(kind, found);
    }
    found.count++;
    if (name !== undefined && name !== '' && found.names.size <= NAMES_MAX) found.names.add(name.slice(0, 255));
  }

  lines(): string[] {
    return [...this.kinds].map(([kind, { count, names }]) => {
      const some = [...names].slice(0, NAMES_MAX).join(', ') + (names.size > NAMES_MAX ? ' …' : '');
      return `left out: ${count} ${kind}${some === '' ? '' : ` (${some})`}`;
    });
  }
}
