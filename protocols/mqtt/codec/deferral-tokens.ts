/** Tokens that messages are parked under and asked for by, as a user property has them. */
import { DEFERRAL_TOKEN_BYTES_MAX, DEFERRAL_TOKENS_MAX } from '../../../src/api/index.ts';

/** Tokens that messages are parked under, parted by commas. Undefined: there is none, there are too many, or one is too long. */
export function deferralTokens(text: string): readonly string[] | undefined {
  const tokens = text.split(',');
  const fits = (token: string): boolean => token !== '' && Buffer.byteLength(token) <= DEFERRAL_TOKEN_BYTES_MAX;
  return tokens.length <= DEFERRAL_TOKENS_MAX && tokens.every(fits) ? tokens : undefined;
}
