/** LoopbackOnly: the authenticator of a broker that was given none. One known user, from this machine only. */
import { timingSafeEqual } from 'node:crypto';
import type { AuthExchange, Authenticator, Credentials, Identity, Refusal } from '../api/identity.ts';
import { SCRAM_SHA_256, ScramExchange, type ScramSecret, scramSecretLater } from './scram.ts';

export const ANONYMOUS = 'anonymous';
export const GUEST = 'guest';

/** The default: `guest` with the password `guest`, and clients without a name, from this machine only; they may do all. */
export class LoopbackOnly implements Authenticator {
  private guest: Promise<ScramSecret> | undefined;

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    if (credentials.user === undefined && credentials.certificate !== undefined) {
      // Who shows a certificate claims to be somebody, and here nobody is known by one.
      const { subject } = credentials.certificate;
      done({ refused: 'credentials', reason: `the certificate '${subject}' names no user of this broker` });
    } else if (credentials.user !== undefined && !(credentials.user === GUEST && same(credentials.password, 'guest'))) {
      done({ refused: 'credentials', reason: `user '${credentials.user}' - invalid credentials` });
    } else if (!credentials.loopback) {
      done({
        refused: 'forbidden',
        reason: `user '${credentials.user ?? ANONYMOUS}' can only connect from this machine`,
      });
    } else if (credentials.user === undefined) done({ user: ANONYMOUS });
    else done({ user: GUEST, tags: ['administrator'] });
  }

  begin(mechanism: string, { loopback }: Credentials): AuthExchange | undefined {
    if (mechanism !== SCRAM_SHA_256) return undefined;
    return new ScramExchange((user, found) => {
      if (user !== GUEST || !loopback) found(undefined);
      else {
        this.guest ??= scramSecretLater(Buffer.from(GUEST));
        this.guest.then(found, () => found(undefined));
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
