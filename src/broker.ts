/** The broker. One process may hold several; nothing is global. */
import type { ConnectRequest, Refusal, SessionClient } from './api.ts';
import type { Clock } from './clock/clock.ts';
import type { Turn } from './clock/turn.ts';
import type { Session } from './session.ts';

export declare class Broker {
  readonly clock: Clock;
  readonly turn: Turn;
  /** Admits a client or says why not; `done` may be called before `open` returns, or later. */
  open(request: ConnectRequest, client: SessionClient, done: (result: Session | Refusal) => void): void;
}
