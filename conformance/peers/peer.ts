/** A broker that the scenarios and the benchmark run against: a process of its own, and where it speaks each protocol. */

export type PeerKind = 'entrepot' | 'rabbitmq' | 'mosquitto' | 'nats' | 'activemq';

export interface Peer {
  readonly kind: PeerKind;
  readonly version: string;
  /** -1 where it does not speak the protocol. */
  readonly amqpPort: number;
  readonly mqttPort: number;
  readonly stompPort: number;
  readonly httpPort: number;
  readonly wsPort: number;
  readonly wsMqttUrl: string;
  readonly wsStompUrl: string;
  readonly pid: number;
  transcript(): string;
  /** Ends it in order and removes what it wrote, unless the data directory was the caller's. */
  stop(): Promise<void>;
}

/** One that can also be killed and started again on the same data and the same ports. */
export interface RestartablePeer extends Peer {
  /** SIGKILL, at once, as a power switch would; then waits until the process is gone. */
  kill(): Promise<void>;
  /** Starts it again where it was. The object stays the same; `pid` changes. */
  restart(): Promise<void>;
}
