/** The queues that a session declares because a destination names them. */
import { MARK_NOW, type Mark, type QueueOptions, type Session } from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { queueOptions } from '../mapping/queue-options.ts';

/** So many are remembered. */
const REMEMBERED_MAX = 16_384;

export class DeclaredQueues {
  /** Covers what was declared last; MARK_NOW when nothing has to be waited for. */
  mark: Mark = MARK_NOW;
  private readonly session: Session;
  /** What this session declared each queue as. That it is there still is never taken for granted. */
  private readonly declarations = new Map<string, QueueOptions>();

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * Declares a durable queue unless it is there and this session has named it before. One that is there is taken as it is, as
   * long as the frame's headers ask for nothing in particular. Returns what `renew` declares it as again.
   *
   * @throws FrameError as `queueOptions`; BrokerError as `Session.declareQueue`
   */
  declare(name: string, frame: Frame): QueueOptions {
    const known = this.declarations.get(name);
    if (known !== undefined && this.session.queueExists(name)) return known;
    const options = queueOptions(frame, { durable: true, exclusive: false, autoDelete: false });
    const plain = options.durable && !options.exclusive && !options.autoDelete && options.arguments.length === 0;
    if (!plain || !this.session.queueExists(name)) this.mark = this.session.declareQueue(name, options).mark;
    if (this.declarations.size >= REMEMBERED_MAX) this.declarations.clear();
    this.declarations.set(name, options);
    return options;
  }

  /** Declares it again if somebody has deleted it. @throws BrokerError as `Session.declareQueue` */
  renew(name: string, options: QueueOptions): void {
    if (!this.session.queueExists(name)) this.mark = this.session.declareQueue(name, options).mark;
  }
}
