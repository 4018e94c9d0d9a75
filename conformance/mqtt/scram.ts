/** A client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), written against the RFCs and not against the broker. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export class ScramClient {
  /** The first message of the client. */
  readonly first: Buffer;
  private readonly bare: string;
  private readonly password: string;
  private signature = '';

  constructor(user: string, password: string) {
    this.bare = `n=${user},r=${randomBytes(12).toString('base64')}`;
    this.first = Buffer.from(`n,,${this.bare}`);
    this.password = password;
  }

  /** The last message of the client, given the challenge. */
  answer(challenge: Buffer): Buffer {
    const text = challenge.toString();
    const field = (name: string): string => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(text)?.[1] ?? '';
    const salted = pbkdf2Sync(this.password, Buffer.from(field('s'), 'base64'), Number(field('i')), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const last = `c=biws,r=${field('r')}`;
    const spoken = `${this.bare},${text},${last}`;
    const seal = hmac(createHash('sha256').update(clientKey).digest(), spoken);
    this.signature = hmac(hmac(salted, 'Server Key'), spoken).toString('base64');
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ seal[i]!));
    return Buffer.from(`${last},p=${proof.toString('base64')}`);
  }

  /** Whether these last words of the server prove that it knows the password as well. */
  proves(words: Buffer): boolean {
    return words.toString() === `v=${this.signature}`;
  }
}
