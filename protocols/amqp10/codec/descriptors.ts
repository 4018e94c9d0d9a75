/** The descriptors of the specification's types, by number, and the symbols that stand for the same. [AMQP 1.0 parts 2 to 5] */
export const OPEN = 0x10;
export const BEGIN = 0x11;
export const ATTACH = 0x12;
export const FLOW = 0x13;
export const TRANSFER = 0x14;
export const DISPOSITION = 0x15;
export const DETACH = 0x16;
export const END = 0x17;
export const CLOSE = 0x18;
export const ERROR = 0x1d;
export const RECEIVED = 0x23;
export const ACCEPTED = 0x24;
export const REJECTED = 0x25;
export const RELEASED = 0x26;
export const MODIFIED = 0x27;
export const SOURCE = 0x28;
export const TARGET = 0x29;
export const DELETE_ON_CLOSE = 0x2b;
export const DELETE_ON_NO_LINKS = 0x2c;
export const DELETE_ON_NO_MESSAGES = 0x2d;
export const DELETE_ON_NO_LINKS_OR_MESSAGES = 0x2e;
export const COORDINATOR = 0x30;
export const DECLARE = 0x31;
export const DISCHARGE = 0x32;
export const DECLARED = 0x33;
export const TRANSACTIONAL_STATE = 0x34;
export const SASL_MECHANISMS = 0x40;
export const SASL_INIT = 0x41;
export const SASL_CHALLENGE = 0x42;
export const SASL_RESPONSE = 0x43;
export const SASL_OUTCOME = 0x44;
export const HEADER = 0x70;
export const DELIVERY_ANNOTATIONS = 0x71;
export const MESSAGE_ANNOTATIONS = 0x72;
export const PROPERTIES = 0x73;
export const APPLICATION_PROPERTIES = 0x74;
export const DATA = 0x75;
export const AMQP_SEQUENCE = 0x76;
export const AMQP_VALUE = 0x77;
export const FOOTER = 0x78;

const SYMBOLS: ReadonlyMap<string, number> = new Map([
  ['amqp:open:list', OPEN],
  ['amqp:begin:list', BEGIN],
  ['amqp:attach:list', ATTACH],
  ['amqp:flow:list', FLOW],
  ['amqp:transfer:list', TRANSFER],
  ['amqp:disposition:list', DISPOSITION],
  ['amqp:detach:list', DETACH],
  ['amqp:end:list', END],
  ['amqp:close:list', CLOSE],
  ['amqp:error:list', ERROR],
  ['amqp:received:list', RECEIVED],
  ['amqp:accepted:list', ACCEPTED],
  ['amqp:rejected:list', REJECTED],
  ['amqp:released:list', RELEASED],
  ['amqp:modified:list', MODIFIED],
  ['amqp:source:list', SOURCE],
  ['amqp:target:list', TARGET],
  ['amqp:delete-on-close:list', DELETE_ON_CLOSE],
  ['amqp:delete-on-no-links:list', DELETE_ON_NO_LINKS],
  ['amqp:delete-on-no-messages:list', DELETE_ON_NO_MESSAGES],
  ['amqp:delete-on-no-links-or-messages:list', DELETE_ON_NO_LINKS_OR_MESSAGES],
  ['amqp:coordinator:list', COORDINATOR],
  ['amqp:declare:list', DECLARE],
  ['amqp:discharge:list', DISCHARGE],
  ['amqp:declared:list', DECLARED],
  ['amqp:transactional-state:list', TRANSACTIONAL_STATE],
  ['amqp:sasl-mechanisms:list', SASL_MECHANISMS],
  ['amqp:sasl-init:list', SASL_INIT],
  ['amqp:sasl-challenge:list', SASL_CHALLENGE],
  ['amqp:sasl-response:list', SASL_RESPONSE],
  ['amqp:sasl-outcome:list', SASL_OUTCOME],
  ['amqp:header:list', HEADER],
  ['amqp:delivery-annotations:map', DELIVERY_ANNOTATIONS],
  ['amqp:message-annotations:map', MESSAGE_ANNOTATIONS],
  ['amqp:properties:list', PROPERTIES],
  ['amqp:application-properties:map', APPLICATION_PROPERTIES],
  ['amqp:data:binary', DATA],
  ['amqp:amqp-sequence:list', AMQP_SEQUENCE],
  ['amqp:amqp-value:*', AMQP_VALUE],
  ['amqp:footer:map', FOOTER],
]);

/** The number that a descriptor stands for; -1: none of the specification's. @param descriptor as `ValueReader.descriptor` reads it */
export function descriptorCode(descriptor: number | string): number {
  return typeof descriptor === 'number' ? descriptor : (SYMBOLS.get(descriptor) ?? -1);
}
