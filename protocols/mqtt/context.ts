/**
 * The context that all connections of one adapter share: its options and statistics, and scratch objects that are filled
 * again for every packet, so that none is allocated. What a scratch object holds is valid until the call that filled it
 * returns, and no longer.
 */
import { Draft, type Headers } from '../../src/api/index.ts';
import { MessageProperties } from './codec/properties/message-properties.ts';
import { PropertyWriter } from './codec/properties/property-writer.ts';
import { PublishFields } from './codec/publish.ts';
import { RateLimit } from './connection/rate-limits.ts';
import { FanoutCache } from './deliver/fanout-cache.ts';
import { PublishEncoder3 } from './deliver/publish-encoder.ts';
import { sessionArguments } from './mapping/names.ts';
import { OutgoingProperties } from './mapping/outgoing-properties.ts';
import { TopicWriter } from './mapping/topic-writer.ts';
import { type Limits, limitsOf, type MqttOptions } from './options.ts';
import { MqttStats } from './stats.ts';

export class AdapterContext {
  readonly limits: Limits;
  readonly stats = new MqttStats();
  /** CONNECTs a second, of all connections together. */
  readonly connectRate: RateLimit;
  /** How the queue of a session is declared. */
  readonly sessionArguments: Headers;
  /** The only encoder for 3.1 and 3.1.1. */
  readonly encoder3: PublishEncoder3;
  /** The last at-most-once message as clients of 5.0 without topic aliases get it. */
  readonly fanout5 = new FanoutCache();

  // ------------------------------------------------------------------------------------------------------- scratch
  /** Where the parts of the PUBLISH lie that is being read. */
  readonly fields = new PublishFields();
  /** Its properties. */
  readonly properties = new MessageProperties();
  /** What it is handed to the broker with: filled by `fillDraft` and nobody else. */
  readonly draft = new Draft();
  /** The topic and the properties of the message that is being delivered. */
  readonly topics = new TopicWriter();
  readonly outgoing: OutgoingProperties;
  /** For the properties of CONNACK, DISCONNECT and AUTH. */
  readonly writer = new PropertyWriter();

  /** @throws RangeError for an option out of its range */
  constructor(options: MqttOptions) {
    this.limits = limitsOf(options);
    this.connectRate = new RateLimit(this.limits.connectRateMax);
    this.sessionArguments = sessionArguments(this.limits);
    this.outgoing = new OutgoingProperties(this.limits.exchange);
    this.encoder3 = new PublishEncoder3(this.topics, new FanoutCache());
  }
}
