/**
 * The adapter contract: everything that an adapter, built in or of another package, imports of the broker. Folders below
 * `protocols/` import nothing else of `src/` (`test/layering.test.ts`); packages import the same from `entrepot`.
 *
 * An adapter implements `Protocol` (protocol.ts). It reads bytes from a `Transport`, opens a `Session` through
 * `BrokerServices`, fills `Draft`s, encodes from `MessageView`s into an `Output`, and settles deliveries with an `Outcome`.
 */
export { type Clock, TICK_MS, Timer } from '../clock/clock.ts';
export { PHASE_GATHER, PHASE_WRITE, Turn, type TurnTask } from '../clock/turn.ts';
export type { Share, Step, Work } from '../clock/work.ts';
export { giveBack, takeBuffer } from '../message/buffer-pool.ts';
export { ByteSink } from '../message/byte-sink.ts';
export * from '../message/bytes.ts';
export { type Conversion, Conversions } from '../message/conversions.ts';
export { Cron } from '../message/cron.ts';
export { type Annotations, deathCount, decodeAnnotations } from '../message/deaths/annotations.ts';
export * from '../message/deaths/death-headers.ts';
export type { Death, DeathReason } from '../message/deaths/deaths.ts';
export type { Dialect } from '../message/dialect.ts';
export { BrokerError, type ErrorCode, LimitError } from '../message/errors.ts';
export { EXPIRATION_MAX_MS, readExpiration } from '../message/expiration.ts';
export * from '../message/flat.ts';
export * from '../message/half-message.ts';
export * from '../message/message.ts';
export { type Pinnable, PinnedMemory, REFERENCED_BYTES_MIN } from '../message/pinned-memory.ts';
export * from '../message/properties.ts';
export {
  DEFERRAL_TOKEN_HEADER,
  DELIVERY_DELAY_HEADER,
  DELIVERY_TIME_HEADER,
  takeHints,
} from '../message/publish-hints.ts';
export { SCHEDULE_PERIOD_MAX_MS, SCHEDULE_REPEAT_MAX, type Schedule } from '../message/schedule.ts';
export * from '../message/spelling.ts';
export * from '../message/text.ts';
export * from '../message/values.ts';
export { matchesFilter } from '../routing/levels.ts';
export { RouteMemo } from '../routing/route-memo.ts';
export { SelectorError } from '../routing/selector/errors.ts';
export { CONVERT_STRINGS, compileSelector, type Selector } from '../routing/selector/selector.ts';
export { isLoopback, plainAddress } from '../transport/address.ts';
export { BodyPump } from '../transport/body-pump.ts';
export { type BodyFraming, BodySender, type BodySenderOwner } from '../transport/body-sender.ts';
export { Carrier, type CarrierServices } from '../transport/carrier.ts';
export type { Connections } from '../transport/connections.ts';
export { type CutterSink, FrameCutter } from '../transport/frame-cutter.ts';
export { isMadeHere } from '../transport/made-here.ts';
export { UNAUTHENTICATED_BYTES_MAX } from '../transport/memory-budget.ts';
export { Output, type OutputSink, WRITE_BUFFER_BYTES } from '../transport/output.ts';
export { type Peer, peerOf } from '../transport/peer.ts';
export {
  type GatedReader,
  OTHERS_TURN,
  ReadGate,
  type ReadGateOptions,
  type ReadGateOwner,
} from '../transport/read-gate.ts';
export { PRODUCT, VERSION } from '../version.ts';
export * from './adapter-state.ts';
export * from './address-meaning.ts';
export * from './administration.ts';
export * from './bodies.ts';
export * from './broker.ts';
export * from './channel-counts.ts';
export * from './confirms.ts';
export * from './consume.ts';
export * from './endpoint.ts';
export * from './identity.ts';
export * from './kept-sessions.ts';
export * from './pending.ts';
export * from './policies.ts';
export * from './presence.ts';
export * from './protocol.ts';
export * from './reports.ts';
export * from './route.ts';
export * from './schedules.ts';
export * from './session.ts';
export { TagWindow } from './tag-window.ts';
export * from './topology.ts';
export * from './transaction.ts';
