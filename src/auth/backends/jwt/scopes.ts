/**
 * Rights as RabbitMQ reads them from the scopes of a token:
 *
 *     PREFIX read:VHOST/NAME           queues and exchanges whose names fit
 *     PREFIX read:VHOST/NAME/KEY       the same, and keys of topic exchanges that fit
 *     PREFIX write:… configure:…
 *     PREFIX tag:administrator         a tag of the user
 *
 * `*` stands for any characters, `%2F` for a slash. Without a key no key of a topic exchange is permitted. What is no such scope, or does
 * not begin with the prefix, is somebody else's.
 */
import type { AccessRequest, Action } from '../../../api/identity.ts';
import { globOf } from './glob.ts';

/** Of one token; more refuses it. */
export const SCOPES_MAX = 2_048;
const SCOPE_CHARS_MAX = 1_024;
const TAG = /^[A-Za-z0-9_.-]{1,64}$/;
const DEFAULT_EXCHANGE = 'amq.default';

type Matches = (text: string) => boolean;

interface Right {
  readonly vhost: Matches;
  readonly name: Matches;
  /** Undefined: it is not about topics. */
  readonly key: Matches | undefined;
}

export class Rights {
  readonly tags: readonly string[];
  /** The same for tokens that say the same. */
  readonly text: string;
  private readonly rights: Readonly<Record<Action, readonly Right[]>>;

  /** @param prefix that its scopes begin with; others are left out */
  constructor(scopes: readonly string[], prefix: string) {
    const own = [...new Set(scopes)]
      .filter((scope) => scope.startsWith(prefix) && scope.length <= SCOPE_CHARS_MAX)
      .map((scope) => scope.slice(prefix.length))
      .sort();
    const rights: Record<Action, Right[]> = { configure: [], write: [], read: [] };
    const tags: string[] = [];
    for (const scope of own) {
      const colon = scope.indexOf(':');
      const word = scope.slice(0, Math.max(0, colon));
      const rest = scope.slice(colon + 1);
      if (word === 'tag') {
        if (TAG.test(rest)) tags.push(rest);
      } else if (word === 'configure' || word === 'write' || word === 'read') {
        const right = rightOf(rest);
        if (right !== undefined) rights[word].push(right);
      }
    }
    this.rights = rights;
    this.tags = tags;
    this.text = own.join('\n');
  }

  mayEnter(vhost: string): boolean {
    return Object.values(this.rights).some((rights) => rights.some((right) => right.vhost(vhost)));
  }

  permits({ vhost, action, resource, name, routingKey = '' }: AccessRequest): boolean {
    const shown = resource === 'exchange' && name === '' ? DEFAULT_EXCHANGE : name;
    return this.rights[action].some(
      (right) => right.vhost(vhost) && right.name(shown) && (resource !== 'topic' || right.key?.(routingKey) === true),
    );
  }
}

function rightOf(pattern: string): Right | undefined {
  const parts = pattern.split('/');
  if (parts.length !== 2 && parts.length !== 3) return undefined;
  const [vhost, name, key] = parts.map(globOf);
  return vhost === undefined || name === undefined || (parts.length === 3 && key === undefined)
    ? undefined
    : { vhost, name, key };
}
