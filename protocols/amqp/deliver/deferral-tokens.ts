/** Tokens that messages are parked under and asked for by, as a consumer's argument and a header have them. */
import { DEFERRAL_TOKEN_BYTES_MAX, DEFERRAL_TOKENS_MAX, type Value } from '../../../src/api/index.ts';

/** As RabbitMQ calls what AMQP 1.0 has as `rabbitmq:…` in 0-9-1. */
export const DEFERRAL_TOKENS_HEADER = 'x-deferral-tokens';

export function isToken(value: Value): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= DEFERRAL_TOKEN_BYTES_MAX;
}

/** The values of a list, or the one value. */
export function listOf(value: Value): readonly Value[] {
  const isList = typeof value === 'object' && value !== null && 'type' in value && value.type === 'list';
  return isList ? (value.value as readonly Value[]) : [value];
}

/** A token or a list of them; undefined for what is not, or too many. */
export function deferralTokens(value: Value | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const tokens = listOf(value);
  if (tokens.length === 0 || tokens.length > DEFERRAL_TOKENS_MAX) return undefined;
  return tokens.every((token) => isToken(token) && token !== '') ? (tokens as readonly string[]) : undefined;
}
