/**
 * WebSocket (RFC 6455), which is no messaging protocol but a way to carry one: a socket becomes a byte stream, and the stream
 * goes to whichever adapter speaks on it. Which adapters there are is a table that is handed in; this folder knows none.
 */
export { WebSocketUpgrades } from './connection/upgrades.ts';
export { MESSAGE_SIZE_MAX, type SubProtocol, type WebSocketOptions } from './options.ts';
