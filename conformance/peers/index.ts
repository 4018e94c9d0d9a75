/**
 * The brokers that the scenarios and the benchmark run against: this one, and those people come from. A `Peer` is a running
 * process and the addresses where it speaks each protocol; everything else about it stays in its file.
 *
 * A peer that is not installed is not an error: `installed` says so, and whoever asked skips it in words.
 */
export { startActivemq } from './activemq.ts';
export { type EntrepotOptions, type EntrepotPeer, startEntrepot } from './entrepot.ts';
export { installed } from './installed.ts';
export { type MosquittoOptions, startMosquitto } from './mosquitto.ts';
export { startNats } from './nats.ts';
export type { Peer, PeerKind, RestartablePeer } from './peer.ts';
export { type RabbitmqOptions, type RabbitmqPeer, startRabbitmq } from './rabbitmq.ts';
