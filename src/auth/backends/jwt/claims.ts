/** What a verified token says: who its user is, and its scopes. */
import type { Claims } from './jose.ts';

const USER_BYTES_MAX = 255;

/** The first of these claims that is a text is the user; undefined: none is, or it is too long. */
export function userOf(claims: Claims, names: readonly string[]): string | undefined {
  const name = names.map((claim) => claims[claim]).find((value) => typeof value === 'string' && value !== '');
  return typeof name === 'string' && Buffer.byteLength(name) <= USER_BYTES_MAX ? name : undefined;
}

/**
 * The scopes in `scope` and in another claim, if one is named: each a text with blanks between them, or a list. The other may be within
 * others (`a.b.c`), and may hold them by audience.
 */
export function scopesOf(claims: Claims, more: string | undefined, audiences: readonly string[]): string[] {
  const scopes = listOf(claims['scope']);
  if (more === undefined) return scopes;
  let at: unknown = claims;
  for (const step of Object.hasOwn(claims, more) ? [more] : more.split('.')) {
    at = isGroup(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }
  if (!isGroup(at)) return [...scopes, ...listOf(at)];
  const group = at;
  const byAudience = audiences.flatMap((audience) =>
    Object.hasOwn(group, audience) ? listOf(group[audience]).map((scope) => `${audience}.${scope}`) : [],
  );
  return [...scopes, ...byAudience];
}

function listOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter((part) => part !== '');
  return Array.isArray(value) ? value.filter((part): part is string => typeof part === 'string') : [];
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
