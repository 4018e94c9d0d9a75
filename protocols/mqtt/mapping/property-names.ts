/** The names of user properties that the broker goes by: those that stand for properties of the neutral form, and a share's selector. */

export const USER_ID = 'user-id';
export const GROUP = 'JMSXGroupID';
/** Of a SUBSCRIBE: which messages of a shared subscription are wanted. */
export const SELECTOR = 'selector';
/** Of a SUBSCRIBE to a share: for how many milliseconds a delivery is leased; what is asked for that is parked. */
export const LEASE = 'x-lease';
export const DEFERRAL_TOKENS = 'x-deferral-tokens';
/** Of a PUBLISH to a share's member: how often it has failed, and come back, failed or not. */
export const DELIVERY_COUNT = 'x-delivery-count';
export const ACQUIRED_COUNT = 'x-acquired-count';

/** A property of the neutral form that is a text. */
export type TextKey = 'messageId' | 'contentEncoding' | 'type' | 'appId' | 'userId' | 'groupId';
/** By the name of its user property. */
export const TEXT_NAMES: ReadonlyMap<string, TextKey> = new Map([
  ['message-id', 'messageId'],
  ['content-encoding', 'contentEncoding'],
  ['type', 'type'],
  ['app-id', 'appId'],
  [USER_ID, 'userId'],
  [GROUP, 'groupId'],
]);
