/** The names of user properties that stand for properties of the neutral form. */

export const USER_ID = 'user-id';
export const GROUP = 'JMSXGroupID';

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
