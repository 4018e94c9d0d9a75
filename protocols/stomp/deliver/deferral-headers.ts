/** The headers by which messages are parked (NACK) and asked for (SUBSCRIBE, SEND to `/delivery/claim`). */
import {
  DEFERRAL_TOKEN_BYTES_MAX,
  DEFERRAL_TOKEN_HEADER,
  DEFERRAL_TOKENS_MAX,
  DELIVERY_DELAY_HEADER,
  DELIVERY_TIME_HEADER,
  type DeferralTime,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { wholeNumber } from '../codec/values.ts';

export const TOKENS_HEADER = 'x-deferral-tokens';

/** Until when, and under what, a NACK parks its delivery. */
export interface Deferral extends DeferralTime {
  /** '' for none. */
  readonly token: string;
}

/** Null: it parks nothing. @throws FrameError for a token without a time, and for what is no time or token */
export function deferralOf(frame: Frame): Deferral | null {
  const token = frame.header(DEFERRAL_TOKEN_HEADER) ?? '';
  const dueMs = millisecondsOf(frame, DELIVERY_TIME_HEADER);
  const delayMs = millisecondsOf(frame, DELIVERY_DELAY_HEADER);
  if (Buffer.byteLength(token) > DEFERRAL_TOKEN_BYTES_MAX) {
    throw new FrameError('Invalid header', `'${DEFERRAL_TOKEN_HEADER}' may have ${DEFERRAL_TOKEN_BYTES_MAX} bytes.`);
  }
  if (dueMs < 0 && delayMs < 0) {
    if (token === '') return null;
    const text = `'${DEFERRAL_TOKEN_HEADER}' needs a time, in '${DELIVERY_TIME_HEADER}' or '${DELIVERY_DELAY_HEADER}'.`;
    throw new FrameError('Missing header', text);
  }
  return { token, dueMs, delayMs };
}

function millisecondsOf(frame: Frame, name: string): number {
  const text = frame.header(name);
  return text === undefined ? -1 : wholeNumber(name, text, 0, Number.MAX_SAFE_INTEGER);
}

/** Undefined: it names none. @throws FrameError for too many, or one that is too long */
export function deferralTokens(frame: Frame): readonly string[] | undefined {
  const text = frame.header(TOKENS_HEADER);
  if (text === undefined) return undefined;
  const tokens = text.split(',');
  const fits = (token: string): boolean => token !== '' && Buffer.byteLength(token) <= DEFERRAL_TOKEN_BYTES_MAX;
  if (tokens.length > DEFERRAL_TOKENS_MAX || !tokens.every(fits)) {
    throw new FrameError(
      'Invalid header',
      `'${TOKENS_HEADER}' must be 1 to ${DEFERRAL_TOKENS_MAX} tokens, parted by commas.`,
    );
  }
  return tokens;
}
