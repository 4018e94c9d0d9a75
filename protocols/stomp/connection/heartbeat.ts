/**
 * The `heart-beat` header: what client and broker agree on [STOMP 1.2, Heart-beating].
 *
 *     client's header   x,y    sends at least every x ms; wants something at least every y ms
 *     ours              y',x'  the same from our side: x' and y' are x and y, but no less than the configured minimum
 */
import { FrameError } from '../codec/errors.ts';

/** What was agreed on, ms; 0 for none. */
export interface HeartbeatAgreement {
  /** We send at least this often. */
  readonly sendMs: number;
  /** The client sends at least this often. */
  readonly receiveMs: number;
}

/**
 * Reads the `heart-beat` header of CONNECT; undefined is `0,0`.
 *
 * @param minimumMs no heart-beat is sent or demanded more often
 * @throws FrameError for a malformed one
 */
export function agreeHeartbeat(header: string | undefined, minimumMs: number): HeartbeatAgreement {
  if (header === undefined) return { sendMs: 0, receiveMs: 0 };
  const numbers = /^ *(\d{1,18}) *, *(\d{1,18}) *$/.exec(header);
  if (numbers === null) throw new FrameError('Invalid header', "'heart-beat' must be two numbers, as in 10000,10000.");
  const atLeast = (wantedMs: number): number => (wantedMs === 0 ? 0 : Math.min(Math.max(wantedMs, minimumMs), 2 ** 31));
  return { receiveMs: atLeast(Number(numbers[1])), sendMs: atLeast(Number(numbers[2])) };
}
