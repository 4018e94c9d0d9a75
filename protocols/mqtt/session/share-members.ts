/**
 * The members of each shared subscription of a vhost, connected or kept, and what becomes of a share's queue when there is
 * none [MQTT 5.0, section 4.8.2].
 */
import { type AdapterState, BrokerError, NO_BACKPRESSURE, type Session } from '../../../src/api/index.ts';
import { sharedFilter } from '../codec/text.ts';
import { SHARED_BINDING } from '../mapping/names.ts';
import { deleteShare, hasShare, shareQueues } from './session-records.ts';
import type { ShareRegistry } from './shared-subscriptions.ts';

export class ShareMembers implements ShareRegistry {
  readonly state: AdapterState;
  /** Client identifiers, by the queue's name. */
  private readonly members = new Map<string, Set<string>>();
  private readonly exchange: string;
  private readonly asAdapter: (act: (session: Session) => void) => void;

  /**
   * @param exchange the one that topics live in
   * @param asAdapter has something done for which no client is asked: the end of a share is nobody's in particular
   */
  constructor(state: AdapterState, exchange: string, asAdapter: (act: (session: Session) => void) => void) {
    this.state = state;
    this.exchange = exchange;
    this.asAdapter = asAdapter;
  }

  /** After a start: shares of which no member is kept are over. */
  sweep(): void {
    for (const queue of shareQueues(this.state)) if (!this.members.has(queue)) this.shareOver(queue);
  }

  /** A session is a member of a share from now on. @param queue the share's */
  join(queue: string, clientId: string): void {
    let members = this.members.get(queue);
    if (members === undefined) {
      members = new Set();
      this.members.set(queue, members);
    }
    members.add(clientId);
  }

  /** A session is no member of a share any more. The last one takes the queue with it [MQTT5 4.8.2]. */
  leave(queue: string, clientId: string): void {
    const members = this.members.get(queue);
    if (members === undefined) return;
    members.delete(clientId);
    if (members.size > 0) return;
    this.members.delete(queue);
    this.shareOver(queue);
  }

  /**
   * A share has no member. Others may consume from its queue: then it goes with the last of them. One that others had made
   * stays.
   */
  private shareOver(queue: string): void {
    this.asAdapter((session) => this.endShare(session, queue));
  }

  private endShare(session: Session, queue: string): void {
    if (!hasShare(this.state, queue)) {
      this.unbindShare(session, queue);
      return;
    }
    session.releaseQueue(queue);
    if (!session.queueExists(queue)) deleteShare(this.state, queue);
    else this.outliving(session, queue);
  }

  /** What a share has left to others goes when they do; another queue of that name is then not the share's. */
  private outliving(session: Session, queue: string): void {
    try {
      session.attachDirect(queue, {
        output: NO_BACKPRESSURE,
        deliverDirect: () => false,
        queueDeleted: () => {
          if (!this.members.has(queue)) deleteShare(this.state, queue);
        },
      });
    } catch (error) {
      // Who may not hear of it leaves the record for the next start.
      if (!(error instanceof BrokerError)) throw error;
    }
  }

  private unbindShare(session: Session, queue: string): void {
    const share = sharedFilter(queue);
    if (share === undefined || share === 'invalid' || !session.queueExists(queue)) return;
    try {
      session.unbindQueue(queue, this.exchange, share.filter, SHARED_BINDING);
    } catch (error) {
      // Who may not is at an end all the same.
      if (!(error instanceof BrokerError)) throw error;
    }
  }
}
