/**
 * The operator's token: who can read it where the broker has written it (its data directory, for its owner alone) is its operator, and
 * needs no password on this machine. Made anew at each start, so that none outlives its broker.
 *
 * The file has two lines: the token, and the URL of an HTTP port that this machine reaches on its loopback.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';

/** In the data directory. */
export const TOKEN_FILE = 'operator.token';
const TOKEN_BYTES = 32;
/** What begins so is no token of anybody else's, and is shown to no back end. */
const PREFIX = 'entrepot-operator-';

export class OperatorToken {
  readonly text = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');

  static looksLike(given: string): boolean {
    return given.startsWith(PREFIX);
  }

  /** In a time that tells nothing of the token. */
  equals(given: string): boolean {
    const [one, other] = [Buffer.from(this.text), Buffer.from(given)];
    return one.length === other.length && timingSafeEqual(one, other);
  }
}

export interface TokenFile {
  readonly token: string;
  /** `http://127.0.0.1:15672` */
  readonly url: string;
}

export function formatTokenFile({ token, url }: TokenFile): string {
  return `${token}\n${url}\n`;
}

/** Undefined: it is no such file. */
export function parseTokenFile(text: string): TokenFile | undefined {
  const [token = '', url = ''] = text.split('\n');
  return OperatorToken.looksLike(token) && URL.canParse(url) ? { token, url } : undefined;
}
