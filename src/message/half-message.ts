/**
 * What a publish says of a half message: one that is stored and in no queue until its publisher says, on whatever connection, that
 * its own part of the work is done (commit) or undone (rollback). RocketMQ calls it so; others a transactional message.
 */
export interface HalfMessage {
  readonly action: 'prepare' | 'commit' | 'rollback';
  /** The publisher's name for it, unique among those that are prepared in the vhost. */
  readonly id: string;
  /** With `prepare`: where the broker asks when the publisher says nothing; '' for nowhere. A queue, or else a topic, dotted. */
  readonly checkAddress: string;
  /** Who publishes it: nobody else may end it. */
  readonly user: string;
  /** What is wrong with what was said, in words; undefined: nothing. */
  readonly wrong?: string;
}

export const HALF_HEADER = 'x-half-message';
export const HALF_ID_HEADER = 'x-half-id';
export const CHECK_ADDRESS_HEADER = 'x-check-address';
/** An id, or an address, has so many characters at most. */
export const HALF_TEXT_MAX = 255;

/**
 * @param address a check address as it was given; undefined or '' for none
 * @returns null: it says nothing of half messages
 */
export function halfMessage(
  action: string | undefined,
  id: string | undefined,
  address: string | undefined,
  user: string,
): HalfMessage | null {
  if (action === undefined) return null;
  const wrong = (what: string): HalfMessage => ({ action: 'rollback', id: '', checkAddress: '', user, wrong: what });
  if (action !== 'prepare' && action !== 'commit' && action !== 'rollback') {
    return wrong(`${HALF_HEADER} is prepare, commit or rollback, not '${action.slice(0, HALF_TEXT_MAX)}'`);
  }
  if (id === undefined || id === '' || id.length > HALF_TEXT_MAX) {
    return wrong(`${HALF_HEADER} asks for ${HALF_ID_HEADER}, of ${HALF_TEXT_MAX} characters at most`);
  }
  if (address !== undefined && address.length > HALF_TEXT_MAX) {
    return wrong(`${CHECK_ADDRESS_HEADER} has ${HALF_TEXT_MAX} characters at most`);
  }
  return { action, id, checkAddress: address ?? '', user };
}
