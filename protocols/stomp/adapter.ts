/**
 * What the connections of one adapter have in common within one broker: settings, counters, and the buffers and parsers
 * that are used by one connection at a time, because a turn of the event loop is.
 */
import { type BrokerServices, Draft } from '../../src/api/index.ts';
import { FrameParser } from './codec/parser.ts';
import { Token } from './codec/token.ts';
import { V1_0, V1_1, V1_2, type Version } from './codec/version.ts';
import { JoinBuffer } from './connection/input-buffer.ts';
import { TailMemo } from './deliver/delivery-writer.ts';
import { STOMP_DIALECT } from './mapping/properties.ts';
import { StoredHeaders } from './mapping/stored-headers.ts';
import type { ResolvedOptions } from './options.ts';
import type { StompStats } from './stats.ts';

export class Adapter {
  readonly broker: BrokerServices;
  readonly options: ResolvedOptions;
  readonly stats: StompStats;
  readonly parser: FrameParser;
  readonly join = new JoinBuffer();
  readonly stored: StoredHeaders;
  readonly token = new Token();
  readonly draft = new Draft();
  private readonly memos: Readonly<Record<Version, TailMemo>> = {
    [V1_0]: new TailMemo(),
    [V1_1]: new TailMemo(),
    [V1_2]: new TailMemo(),
  };
  private readonly sessionPrefix: string;
  private sessions = 0;

  constructor(broker: BrokerServices, options: ResolvedOptions, stats: StompStats) {
    this.broker = broker;
    this.options = options;
    this.stats = stats;
    this.parser = new FrameParser(options);
    this.stored = new StoredHeaders(stats);
    this.draft.dialect = STOMP_DIALECT.id;
    this.sessionPrefix = broker.clock.epochMs().toString(36);
  }

  /** A name for a connection that no other one had, those before a restart included: tokens are made of it. */
  nextSessionName(): string {
    return `${this.sessionPrefix}-${(++this.sessions).toString(36)}`;
  }

  tailMemo(version: Version): TailMemo {
    return this.memos[version];
  }
}
