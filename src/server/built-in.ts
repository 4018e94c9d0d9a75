/** The adapters that come with the broker, made with its settings, and the ones that web clients reach, by path and sub-protocol. */
import { amqp } from '../../protocols/amqp/index.ts';
import { amqp10 } from '../../protocols/amqp10/index.ts';
import { mqtt } from '../../protocols/mqtt/index.ts';
import { redis } from '../../protocols/redis/index.ts';
import { stomp } from '../../protocols/stomp/index.ts';
import { type SubProtocol, WebSocketUpgrades } from '../../protocols/websocket/index.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Config } from '../config/schema.ts';
import type { Connections } from '../transport/connections.ts';

export interface BuiltInProtocols {
  /** 0-9-1, with 1.0 on the same ports. */
  readonly amqp: Protocol;
  readonly amqp10: Protocol;
  readonly mqtt: Protocol;
  readonly redis: Protocol;
  readonly stomp: Protocol;
}

/** Makes them, each with its part of the settings. */
export function builtInProtocols(config: Config): BuiltInProtocols {
  const handshakeTimeoutMs = config.connections.handshakeTimeout;
  const { product, productVersion, bodySizeMax } = config.amqp;
  const newer = amqp10({ handshakeTimeoutMs, messageSizeMax: bodySizeMax, product, productVersion });
  const older = amqp({
    handshakeTimeoutMs,
    frameSizeMax: config.amqp.frameSizeMax,
    bodySizeMax,
    channelMax: config.amqp.channelMax,
    heartbeatS: Math.round(config.amqp.heartbeat / 1_000),
    consumerTimeoutMs: config.amqp.consumerTimeout,
    product,
    productVersion,
  });
  return {
    amqp: { ...older, versions: [newer] },
    amqp10: newer,
    mqtt: mqtt({
      handshakeTimeoutMs,
      packetSizeMax: config.mqtt.packetSizeMax,
      topicLevelsMax: config.mqtt.topicLevelsMax,
      inflightMax: config.mqtt.inflightMax,
      receiveMax: config.mqtt.receiveMax,
      topicAliasMax: config.mqtt.topicAliasMax,
      ...(config.mqtt.sessionExpiryMax > 0 && { sessionExpiryMaxS: Math.ceil(config.mqtt.sessionExpiryMax / 1_000) }),
      keepAliveMaxS: Math.ceil(config.mqtt.keepAliveMax / 1_000),
      connectRateMax: config.mqtt.connectRateMax,
      packetRateMax: config.mqtt.packetRateMax,
      sysIntervalMs: config.mqtt.sysInterval,
      sessionMessagesMax: config.mqtt.sessionMessagesMax,
      sessionBytesMax: config.mqtt.sessionBytesMax,
      sessionMessageTtlMs: config.mqtt.sessionMessageTtl,
    }),
    redis: redis({ handshakeTimeoutMs, commandSizeMax: config.redis.commandSizeMax }),
    stomp: stomp({
      handshakeTimeoutMs,
      headersMax: config.stomp.headersMax,
      headersSizeMax: config.stomp.headersSizeMax,
      bodySizeMax: config.stomp.bodySizeMax,
      consumerTimeoutMs: config.stomp.consumerTimeout,
      heldMaxMs: config.stomp.heldMax,
      wildcards: config.stomp.wildcards,
    }),
  };
}

/** What web clients may speak, and on which path. */
export function webSocketUpgrades(
  { amqp, mqtt, stomp }: BuiltInProtocols,
  config: Config,
  connections: Connections,
): WebSocketUpgrades {
  const subProtocols: SubProtocol[] = [
    { name: 'mqtt', protocol: mqtt, kind: 'binary' },
    { name: 'mqttv3.1', protocol: mqtt, kind: 'binary' },
    { name: 'v12.stomp', protocol: stomp, kind: 'text' },
    { name: 'v11.stomp', protocol: stomp, kind: 'text' },
    { name: 'v10.stomp', protocol: stomp, kind: 'text' },
    // Both versions; the other name is that of older drafts for 1.0, which Azure's clients offer.
    { name: 'amqp', protocol: amqp, kind: 'binary' },
    { name: 'AMQPWSB10', protocol: amqp, kind: 'binary' },
  ];
  return new WebSocketUpgrades({
    connections,
    subProtocols,
    paths: new Map([
      ['/', [mqtt, stomp, amqp]],
      ['/ws', [mqtt, stomp, amqp]],
      ['/amqp', [amqp]],
      ['/mqtt', [mqtt]],
      ['/stomp', [stomp]],
    ]),
    messageSizeMax: config.websocket.messageSizeMax,
    origins: config.websocket.origins,
    requestTimeoutMs: config.connections.handshakeTimeout,
  });
}
