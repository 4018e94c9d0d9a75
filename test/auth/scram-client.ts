/** The client's side of SCRAM-SHA-256 (RFC 5802), for tests. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export class ScramClient {
  readonly first: Buffer;
  private readonly bare: string;
  private readonly password: string;
  private signature = '';

  constructor(user: string, password: string, nonce = 'fyko+d2lbbFgONRv9qkxdawL') {
    this.bare = `n=${user},r=${nonce}`;
    this.first = Buffer.from(`n,,${this.bare}`);
    this.password = password;
  }

  /** The answer to the challenge. @param header the first message's, in base64; another one is a client's fault */
  last(challenge: Buffer, header = 'biws'): Buffer {
    const text = challenge.toString();
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text)!;
    const salted = pbkdf2Sync(this.password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = createHash('sha256').update(clientKey).digest();
    const withoutProof = `c=${header},r=${nonce}`;
    const spoken = `${this.bare},${text},${withoutProof}`;
    const proof = hmac(storedKey, spoken).map((byte, i) => byte ^ clientKey[i]!);
    this.signature = hmac(hmac(salted, 'Server Key'), spoken).toString('base64');
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }

  /** Whether the broker has proved that it knows the password. */
  trusts(final: Buffer | undefined): boolean {
    return final?.toString() === `v=${this.signature}`;
  }
}
