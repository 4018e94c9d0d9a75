/**
 * A compiled route: where one address leads. Each queue is listed once, whatever the number of bindings that lead to it, with
 * the flags of what they ask for, together.
 */
import type { Route } from '../api/route.ts';
import type { AddressBytes, Placed } from '../message/address-bytes.ts';
import type { Spelling } from '../message/message.ts';
import type { ExchangeRef, RouteTarget } from './binding.ts';
import type { Exchange } from './exchange.ts';
import { keyLevels } from './levels.ts';
import type { OwnFlags } from './target-flags.ts';

export class CompiledRoute<Q extends RouteTarget> implements Route, AddressBytes {
  // What each publish looks at comes first, so that it lies together.
  valid = true;
  /** True when more than the key decides: then `targets` is empty and each message is resolved on its own. */
  readonly perMessage: boolean;
  /** Targets that do not want all of what their owner publishes itself, and what they do; nearly always null. */
  readonly own: OwnFlags<Q> | null;
  /** The target and its flags, if there is just one: nearly always, and then without a walk through two arrays. */
  readonly only: Q | null;
  readonly onlyFlags: number;
  /** Something on the way takes a message once; nearly always false. */
  readonly once: boolean;
  /** Somewhere on the way it leads to a key that is the broker's own, and does not go on; nearly always false. */
  readonly withheld: boolean;
  /** The list of durable targets has this number in the log's segment `listSegment`; see the journal. */
  listId = 0;
  listSegment = -1;
  readonly bytes: Buffer;
  readonly start: number;
  readonly keyStart: number;
  readonly end: number;

  readonly exchange: Exchange<Q> | null;
  /** Dotted, as it is compared; the address has it as it was sent. */
  readonly key: string;
  /** All keys, if there are several: then `key` is the first. As they were sent. */
  readonly keys: readonly string[] | null;
  readonly spelling: Spelling;
  /** What its messages were resolved to, by targets and their flags: the same few again and again. */
  variants: Map<string, CompiledRoute<Q>> | null = null;
  private keyLevels: readonly string[] | null = null;
  /** The exchanges on the way that have a window. */
  readonly windowed: readonly ExchangeRef<Q>[];
  readonly targets: Q[];
  readonly targetFlags: number[];
  /** Which of the targets are durable, by index. */
  readonly durableTargets: number[];

  constructor(
    exchange: Exchange<Q> | null,
    address: Placed,
    key: string,
    spelling: Spelling,
    perMessage: boolean,
    targets: Q[],
    targetFlags: number[],
    keys: readonly string[] | null = null,
    own: OwnFlags<Q> | null = null,
    windowed: readonly ExchangeRef<Q>[] = [],
    withheld = false,
  ) {
    this.perMessage = perMessage;
    this.own = own === null || own.size === 0 ? null : own;
    this.only = targets.length === 1 ? targets[0]! : null;
    this.onlyFlags = this.only === null ? 0 : targetFlags[0]!;
    this.windowed = windowed;
    this.once = windowed.length > 0 || targets.some(({ window }) => window != null);
    this.withheld = withheld;
    this.bytes = address.bytes;
    this.start = address.start;
    this.keyStart = address.keyStart;
    this.end = address.end;
    this.exchange = exchange;
    this.key = key;
    this.keys = keys;
    this.spelling = spelling;
    this.targets = targets;
    this.targetFlags = targetFlags;
    this.durableTargets = [];
    for (let i = 0; i < targets.length; i++) if (targets[i]!.durable) this.durableTargets.push(i);
  }

  /** Of the key; split once, for each binding that comes or goes asks for them. */
  get levels(): readonly string[] {
    this.keyLevels ??= keyLevels(this.key);
    return this.keyLevels;
  }

  get exchangeBytes(): Buffer {
    return this.bytes.subarray(this.start, this.keyStart);
  }

  get keyBytes(): Buffer {
    return this.bytes.subarray(this.keyStart, this.end);
  }

  get leadsSomewhere(): boolean {
    return this.targets.length > 0;
  }

  get acceptsDelay(): boolean {
    return this.exchange !== null && this.exchange.type === 'x-delayed-message';
  }
}
