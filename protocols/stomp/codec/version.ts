/** The three versions of STOMP, as numbers that compare. */
export const V1_0 = 10;
export const V1_1 = 11;
export const V1_2 = 12;
export type Version = 10 | 11 | 12;

/** As in the `version` header of CONNECTED. */
export const VERSION_TEXT: Readonly<Record<Version, string>> = { 10: '1.0', 11: '1.1', 12: '1.2' };

/**
 * The highest version that both sides speak [STOMP 1.2, Protocol Negotiation]; undefined if there is none. Without
 * `accept-version` the client speaks 1.0.
 */
export function negotiate(accept: string | undefined): Version | undefined {
  if (accept === undefined) return V1_0;
  const wanted = accept.split(',').map((version) => version.trim());
  if (wanted.includes('1.2')) return V1_2;
  if (wanted.includes('1.1')) return V1_1;
  if (wanted.includes('1.0')) return V1_0;
  return undefined;
}
