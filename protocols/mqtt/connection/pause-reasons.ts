/** Reasons to pause reading from a client: bits of `ReadGate.reasons`, the first of which (`OTHERS_TURN`) is the gate's own. */

/** A CONNECT or an AUTH is being answered. */
export const AUTHENTICATING = 2;
/** The broker takes no publishes now. */
export const CONGESTED = 4;
/** More answers wait for the log than a client may have under way. */
export const CONFIRMS = 8;
/** The client does not read what it is sent. */
export const OUTPUT = 16;
/** The client sends more packets a second than it may. */
export const RATE = 32;
