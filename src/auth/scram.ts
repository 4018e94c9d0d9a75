/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), the broker's side: a password is proved without being sent, and the broker proves to the
 * client that it knows it too.
 *
 *     client                                             broker
 *     n,,n=USER,r=NONCE                    ──▶
 *                                          ◀──           r=NONCE+OURS,s=SALT,i=ITERATIONS
 *     c=HEADER,r=NONCE+OURS,p=PROOF        ──▶
 *                                          ◀──           v=SIGNATURE
 *
 * What is kept of a password (`ScramSecret`) lets nobody in who has stolen it. A user that does not exist is asked like one that
 * does, with a salt that stays the same, and fails at the end.
 *
 * It refuses channel binding, which it does not offer, and mandatory extensions. User names and passwords are taken as they are
 * (UTF-8, no SASLprep).
 */
import { createHash, createHmac, pbkdf2, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthExchange, AuthStep } from '../api/identity.ts';

export const SCRAM_SHA_256 = 'SCRAM-SHA-256';

/** What is kept of a password. */
export interface ScramSecret {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const HASH = 'sha256';
const HASH_BYTES = 32;
/**
 * RFC 7677 asks for 4,096 at least. What is kept for SCRAM lies beside the password's scrypt hash and must not be the easier prey;
 * but the client pays for each of them at every login.
 */
const ITERATIONS = 100_000;
const NONCE_BYTES = 18;
const MESSAGE_BYTES_MAX = 4096;
const REFUSED: AuthStep = { refused: 'credentials', reason: 'SCRAM: wrong user or password' };
/** Makes up salts for users that do not exist; another one each time the process starts. */
const madeUp = randomBytes(HASH_BYTES);

export function scramSecret(password: string, salt = randomBytes(16), iterations = ITERATIONS): ScramSecret {
  return keysOf(pbkdf2Sync(password, salt, iterations, HASH_BYTES, HASH), salt, iterations);
}

/** The same, off the event loop. */
export function scramSecretLater(password: Buffer): Promise<ScramSecret> {
  const salt = randomBytes(16);
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, ITERATIONS, HASH_BYTES, HASH, (error, salted) => {
      if (error !== null) reject(error);
      else resolve(keysOf(salted, salt, ITERATIONS));
    });
  });
}

function keysOf(salted: Buffer, salt: Buffer, iterations: number): ScramSecret {
  return {
    salt,
    iterations,
    storedKey: createHash(HASH).update(hmac(salted, 'Client Key')).digest(),
    serverKey: hmac(salted, 'Server Key'),
  };
}

/** Finds what is kept of a user's password; undefined if there is none. */
export type ScramLookup = (user: string, found: (secret: ScramSecret | undefined) => void) => void;

export class ScramExchange implements AuthExchange {
  private readonly lookup: ScramLookup;
  private user = '';
  private header = '';
  private nonce = '';
  private spoken = '';
  private secret: ScramSecret | undefined;
  private known = false;
  private readonly ownNonce: string;

  /** @param ownNonce printable characters but the comma, different each time */
  constructor(lookup: ScramLookup, ownNonce = randomBytes(NONCE_BYTES).toString('base64')) {
    this.lookup = lookup;
    this.ownNonce = ownNonce;
  }

  step(data: Buffer, done: (step: AuthStep) => void): void {
    const text = data.toString('utf8');
    if (data.length > MESSAGE_BYTES_MAX) done(wrong('a message that is too long'));
    else if (this.secret !== undefined) done(this.last(text));
    else if (text === '' && this.header === '')
      done({ challenge: data }); // the client waits to be asked
    else this.first(text, done);
  }

  private first(text: string, done: (step: AuthStep) => void): void {
    const match = /^([ny],(?:a=[^,]*)?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/.exec(text);
    const user = match === null ? undefined : unescapeName(match[3]!);
    if (match === null || user === undefined) {
      done(wrong('the first message is not well-formed, or asks for channel binding'));
      return;
    }
    this.user = user;
    this.header = match[1]!;
    this.nonce = match[4]! + this.ownNonce;
    this.lookup(user, (secret) => {
      this.known = secret !== undefined;
      this.secret = secret ?? {
        salt: hmac(madeUp, user).subarray(0, 16),
        iterations: ITERATIONS,
        storedKey: madeUp,
        serverKey: madeUp,
      };
      const { salt, iterations } = this.secret;
      const challenge = `r=${this.nonce},s=${salt.toString('base64')},i=${iterations}`;
      this.spoken = `${match[2]},${challenge}`;
      done({ challenge: Buffer.from(challenge, 'latin1') });
    });
  }

  private last(text: string): AuthStep {
    const match = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([^,]*)$/.exec(text);
    if (match === null) return wrong('the last message is not well-formed');
    const { nonce, secret } = this;
    const header = Buffer.from(match[2]!, 'base64').toString('utf8');
    if (header !== this.header || match[3] !== nonce || secret === undefined) return REFUSED;
    const spoken = `${this.spoken},${match[1]}`;
    const proof = Buffer.from(match[4]!, 'base64');
    if (proof.length !== HASH_BYTES) return REFUSED;
    const clientKey = xor(proof, hmac(secret.storedKey, spoken));
    const storedKey = createHash(HASH).update(clientKey).digest();
    if (!timingSafeEqual(storedKey, secret.storedKey) || !this.known) return REFUSED;
    const signature = hmac(secret.serverKey, spoken).toString('base64');
    return { identity: { user: this.user }, data: Buffer.from(`v=${signature}`, 'latin1') };
  }
}

function wrong(what: string): AuthStep {
  return { refused: 'credentials', reason: `SCRAM: ${what}` };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac(HASH, key).update(text, 'utf8').digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  const result = Buffer.alloc(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i]! ^ b[i]!;
  return result;
}

/** `=2C` is a comma and `=3D` an equals sign; any other `=` is wrong. */
function unescapeName(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}
