/**
 * The adapter as its connections within one broker share it: settings, counters, and what is used by one
 * connection at a time, because a turn of the event loop is.
 */
import { type BrokerServices, DOT, Draft, type MessageView, respell, textOf } from '../../src/api/index.ts';
import { CommandParser } from './codec/command-parser.ts';
import { Audience } from './deliver/audience.ts';
import { REDIS_DIALECT } from './mapping/names.ts';
import type { ResolvedOptions } from './options.ts';
import type { RedisStats } from './stats.ts';

/** A message's channel: its name, and the bytes of it. */
export interface Channel {
  readonly name: string;
  readonly bytes: Buffer;
}

export class Adapter {
  readonly broker: BrokerServices;
  readonly options: ResolvedOptions;
  readonly stats: RedisStats;
  readonly parser: CommandParser;
  readonly draft = new Draft();
  /** Connections so far: CLIENT ID. */
  connections = 0;
  /** Copies that subscribers got beyond the first one of each connection, ever: PUBLISH tells how many receive a message. */
  extraCopies = 0;
  private readonly audiences = new Map<string, Audience>();
  private shown: Channel = { name: '', bytes: Buffer.alloc(0) };
  private shownSerial = -1;

  constructor(broker: BrokerServices, options: ResolvedOptions, stats: RedisStats) {
    this.broker = broker;
    this.options = options;
    this.stats = stats;
    this.parser = new CommandParser(options);
    this.draft.dialect = REDIS_DIALECT.id;
  }

  /** Who of a vhost's clients of this adapter has subscribed to what. */
  audience(vhost: string): Audience {
    let audience = this.audiences.get(vhost);
    if (audience === undefined) {
      audience = new Audience();
      this.audiences.set(vhost, audience);
    }
    return audience;
  }

  /** The channel of a message; the subscribers of one are shown it one after the other. */
  channelOf(view: MessageView): Channel {
    if (view.serial !== this.shownSerial) {
      const bytes = Buffer.from(view.head.subarray(view.keyStart, view.keyEnd));
      if (view.spelling !== DOT) respell(bytes, 0, bytes.length, bytes, 0);
      this.shown = { name: textOf(bytes), bytes };
      this.shownSerial = view.serial;
    }
    return this.shown;
  }
}
