/**
 * Who may come in, and what they may do. Users, passwords and permissions of the operator's own come with their issue;
 * the two questions are asked in their places from the start.
 */
import { timingSafeEqual } from 'node:crypto';
import type { AuthExchange, Credentials, Identity, Refusal } from '../api.ts';
import { SCRAM_SHA_256, ScramExchange, type ScramSecret, scramSecret } from './scram.ts';

/** RabbitMQ's three permissions. */
export type Action = 'configure' | 'write' | 'read';

export interface Authenticator {
  /** Calls back at once or later. */
  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void;
  /**
   * Begins an exchange of a mechanism by its registered name, such as SCRAM-SHA-256; undefined: not offered.
   * @param credentials user and password are not looked at: the exchange says who it is
   */
  begin?(mechanism: string, credentials: Credentials): AuthExchange | undefined;
  /** Whether this identity may do that to an exchange or queue of this name. Asked often: the answer is immediate. */
  permits(identity: Identity, vhost: string, action: Action, resource: string): boolean;
}

export const ANONYMOUS = 'anonymous';

/** The default: `guest` with the password `guest`, and clients without a name, from this machine only; they may do all. */
export class LoopbackOnly implements Authenticator {
  private guest: ScramSecret | undefined;

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    if (credentials.user !== undefined && !(credentials.user === 'guest' && same(credentials.password, 'guest'))) {
      done({ refused: 'credentials', reason: `user '${credentials.user}' - invalid credentials` });
    } else if (!credentials.loopback) {
      done({
        refused: 'forbidden',
        reason: `user '${credentials.user ?? ANONYMOUS}' can only connect from this machine`,
      });
    } else done({ user: credentials.user ?? ANONYMOUS });
  }

  begin(mechanism: string, { loopback }: Credentials): AuthExchange | undefined {
    if (mechanism !== SCRAM_SHA_256) return undefined;
    return new ScramExchange((user, found) => {
      if (user !== 'guest' || !loopback) found(undefined);
      else {
        this.guest ??= scramSecret('guest');
        found(this.guest);
      }
    });
  }

  permits(): boolean {
    return true;
  }
}

function same(given: Buffer | undefined, wanted: string): boolean {
  const expected = Buffer.from(wanted, 'utf8');
  return given !== undefined && given.length === expected.length && timingSafeEqual(given, expected);
}
