/** The adapter's statistics: numbers that only rise. Nothing is dropped or bent in silence; each says what became of what. */
export class MqttStats {
  /** Whole packets from clients, and the bytes that came. */
  packetsReceived = 0;
  bytesReceived = 0;
  /** PUBLISH packets from clients, and to them. */
  publishesReceived = 0;
  publishesSent = 0;
  /** Connections that reached CONNACK 0. */
  connected = 0;
  /** CONNECTs answered with another return code. */
  refused = 0;
  /** Of those, CONNECTs that came too fast one after the other. */
  connectRateRefused = 0;
  /** Times that a client was not read for a moment because it sent packets too fast. */
  paced = 0;
  /** Connections closed because the client broke the protocol or a bound. */
  protocolErrors = 0;
  /** Connections closed because nothing was heard for one and a half keep-alive periods. */
  keepAliveTimeouts = 0;
  /** Connections closed because CONNECT did not come in time. */
  handshakeTimeouts = 0;
  /** Connections closed because the same client identifier connected again. */
  takenOver = 0;
  /** QoS 0 deliveries dropped because the client's unsent bytes were over the bound. */
  directDropped = 0;
  /**
   * Publishes dropped: of 3.1 and 3.1.1 those to where the client may not publish, which are acknowledged all the same, and
   * QoS 0 that may not be published or that the broker could not take.
   */
  publishesDropped = 0;
  /** Publishes of 5.0 that were refused because they had waited for a second for memory or disk. */
  heldRefused = 0;
  /** Wills that could not be published. */
  willsDropped = 0;
  /** Messages that had properties, or a topic, which the client's version cannot carry. */
  lossyConversions = 0;
  /** QoS 1 and 2 deliveries too long for an MQTT packet, or for what the client takes: rejected. */
  oversizeRejected = 0;
  /** QoS 0 deliveries too long for that: dropped. */
  oversizeDropped = 0;
  /** Kept sessions that ended because their clients stayed away for as long as they had said. */
  sessionsExpired = 0;
  /** QoS 2 messages of a shared subscription whose receiver went away between PUBLISH and PUBREC [MQTT-4.8.2-5]. */
  sharedDropped = 0;
  /** Acknowledgements for packet identifiers that wait for no such thing; ignored. */
  unexpectedAcks = 0;
  /** Errors that were the adapter's or the broker's own; the connection was closed. */
  internalErrors = 0;
}
