/**
 * The adapter as its connections within one broker share it: settings, counters, and the parser, draft and buffers that one
 * connection uses at a time, from the beginning of a frame to its end.
 */
import { type BrokerServices, Draft } from '../../src/api/index.ts';
import { FrameParser } from './codec/parser.ts';
import { Token } from './codec/token.ts';
import { V1_0, V1_1, V1_2, type Version } from './codec/version.ts';
import { JoinBuffer } from './connection/input-buffer.ts';
import { Advisories } from './deliver/advisories.ts';
import { TailMemo } from './deliver/delivery-writer.ts';
import { StoredHeaders } from './mapping/stored-headers.ts';
import type { ResolvedOptions } from './options.ts';
import type { StompStats } from './stats.ts';

export class Adapter {
  readonly broker: BrokerServices;
  readonly options: ResolvedOptions;
  readonly stats: StompStats;
  /** Holds the frame that is being carried out. */
  readonly parser: FrameParser;
  readonly joinBuffer = new JoinBuffer();
  readonly storedHeaders: StoredHeaders;
  /** That of the ACK or NACK that is being carried out. */
  readonly token = new Token();
  /** For the SEND that is being carried out; large ones have a draft of their own. */
  readonly draft = new Draft();
  readonly advisories: Advisories;
  private readonly memos: Readonly<Record<Version, TailMemo>> = {
    [V1_0]: new TailMemo(),
    [V1_1]: new TailMemo(),
    [V1_2]: new TailMemo(),
  };
  private readonly sessionPrefix: string;
  private sessions = 0;

  constructor(broker: BrokerServices, options: ResolvedOptions, stats: StompStats) {
    this.broker = broker;
    this.advisories = new Advisories(broker);
    this.options = options;
    this.stats = stats;
    this.parser = new FrameParser(options);
    this.storedHeaders = new StoredHeaders(stats);
    this.sessionPrefix = broker.clock.epochMs().toString(36);
  }

  /** A name for a connection that no other one had, those before a restart included: tokens are made of it. */
  nextSessionName(): string {
    return `${this.sessionPrefix}-${(++this.sessions).toString(36)}`;
  }

  /** Shared by the connections that speak the version. */
  tailMemo(version: Version): TailMemo {
    return this.memos[version];
  }
}
