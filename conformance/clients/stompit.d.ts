/** As much of stompit (which ships no types) as the scenarios use. */
declare module 'stompit' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';
  import type { Readable, Writable } from 'node:stream';

  namespace stompit {
    interface Frame extends Readable {
      readonly command: string;
      readonly headers: Record<string, string>;
      readString(encoding: string, callback: (error: Error | null, body?: string) => void): void;
    }
    interface SendOptions {
      onReceipt?: () => void;
      onError?: (error: Error) => void;
    }
    type Headers = Record<string, string | number | undefined>;
    interface Subscription {
      unsubscribe(headers?: Headers): void;
    }
    type OnMessage = (error: Error | null, frame: Frame | undefined) => void;
    interface Transaction {
      send(headers: Headers): Writable;
      commit(options?: SendOptions): void;
      abort(options?: SendOptions): void;
    }
    interface Client extends EventEmitter {
      readonly headers: Record<string, string>;
      send(headers: Headers, options?: SendOptions): Writable;
      sendFrame(command: string, headers: Headers, options?: SendOptions): Writable;
      subscribe(headers: Headers, onMessage: OnMessage): Subscription;
      setImplicitSubscription(id: string, ack: string | undefined, onMessage: OnMessage): Subscription;
      ack(frame: Frame, headers?: Headers, options?: SendOptions, callback?: (error?: Error) => void): void;
      nack(frame: Frame, headers?: Headers, options?: SendOptions, callback?: (error?: Error) => void): void;
      begin(headers?: Headers): Transaction;
      disconnect(callback?: (error: Error | null) => void): void;
      destroy(error?: Error): void;
      getTransportSocket(): Socket;
      setCommandHandler(command: string, handler: (frame: Frame) => void): void;
    }
    interface ConnectOptions {
      host?: string;
      port?: number;
      timeout?: number;
      connectHeaders?: Record<string, string>;
    }
  }
  const stompit: {
    connect(
      options: stompit.ConnectOptions,
      callback: (error: Error | null, client: stompit.Client) => void,
    ): stompit.Client;
  };
  export = stompit;
}
