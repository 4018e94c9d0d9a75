/**
 * The options that a client and this broker have agreed on at CONNECT. A client before 5.0 cannot ask for most of them, and
 * has the defaults of 5.0.
 */
import { type Connect, type ConnectProperties, EXPIRY_NEVER_S } from '../codec/connect.ts';
import { LEVEL_5 } from '../codec/packet.ts';
import type { Limits } from '../options.ts';

export interface NegotiatedOptions {
  /** LEVEL_3_1, LEVEL_3_1_1 or LEVEL_5. */
  readonly level: number;
  readonly v5: boolean;
  /** The client is a bridge, and says so; before 5.0 only. See `Version`. */
  readonly bridge: boolean;
  /** What the client has asked for. */
  readonly asked: ConnectProperties;
  /** Seconds, 0 for none: as the client has asked, or less. */
  readonly keepAliveS: number;
  /** Seconds that the session outlives its connection; EXPIRY_NEVER_S for good. DISCONNECT may change it. */
  sessionExpiryS: number;
}

const BEFORE_5: ConnectProperties = {
  sessionExpiryS: EXPIRY_NEVER_S,
  receiveMax: 65_535,
  packetSizeMax: Number.MAX_SAFE_INTEGER,
  topicAliasMax: 0,
  wantsResponseInformation: false,
  wantsProblemInformation: false,
  authMethod: undefined,
  authData: undefined,
};

export function negotiate(request: Connect, limits: Limits): NegotiatedOptions {
  const { level, bridge, clean, properties } = request;
  const sessionExpiryS = properties?.sessionExpiryS ?? (clean ? 0 : EXPIRY_NEVER_S);
  return {
    level,
    v5: level === LEVEL_5,
    bridge,
    asked: properties ?? BEFORE_5,
    keepAliveS: keepAliveOf(request.keepAliveS, limits.keepAliveMaxS),
    sessionExpiryS: Math.min(sessionExpiryS, limits.sessionExpiryMaxS),
  };
}

/** @param maxS 0 for no limit */
function keepAliveOf(askedS: number, maxS: number): number {
  return maxS > 0 && (askedS === 0 || askedS > maxS) ? maxS : askedS;
}
