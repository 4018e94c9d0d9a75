/** The names of user properties that the broker goes by: those that stand for properties of the neutral form, and a share's selector. */

export const USER_ID = 'user-id';
export const GROUP = 'JMSXGroupID';
/** Of a SUBSCRIBE: which messages of a shared subscription are wanted. */
export const SELECTOR = 'selector';

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
