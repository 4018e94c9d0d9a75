/** What came before one subscribes, as a session has it: retained messages, whether there is room for more, and what a queue keeps. */
import type { Route } from '../../api/route.ts';
import type { BindOptions } from '../../api/topology.ts';
import type { Share } from '../../clock/work.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Permissions } from './permissions.ts';
import type { SessionTopology } from './topology.ts';

export class SessionRetained {
  private readonly vhost: Pick<Vhost, 'retained' | 'retainers' | 'topology' | 'history'>;
  private readonly topology: Pick<SessionTopology, 'queue' | 'demandQueue'>;
  private readonly permissions: Permissions;
  private readonly share: Share;

  constructor(
    vhost: Pick<Vhost, 'retained' | 'retainers' | 'topology' | 'history'>,
    topology: Pick<SessionTopology, 'queue' | 'demandQueue'>,
    permissions: Permissions,
    share: Share,
  ) {
    this.vhost = vhost;
    this.topology = topology;
    this.permissions = permissions;
    this.share = share;
  }

  get count(): number {
    return this.vhost.retained.index.size;
  }

  /** @param bytes of properties and body */
  isFull(route: Route, bytes: number): boolean {
    const compiled = route as CompiledRoute<Queue>;
    return this.vhost.retained.isFull(compiled, compiled.end - compiled.keyStart + bytes);
  }

  replay(name: string, exchange: string, filter: string, options: BindOptions, done: (count: number) => void): void {
    const queue = this.topology.queue(name);
    const from = this.vhost.topology.registry.exchange(exchange);
    const { retainers } = this.vhost;
    const mayRead = (seq: number, key: string): boolean =>
      this.permissions.permitsRetained(from, key) && retainers.permits(seq, from.name, key);
    this.vhost.retained.replay(queue, filter, options, mayRead, this.share, done);
  }

  replayHistory(name: string, history: string): number {
    this.topology.demandQueue('read', history);
    return this.vhost.history.replay(this.topology.queue(history), this.topology.queue(name));
  }
}
