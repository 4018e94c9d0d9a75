import type { Scene } from '../scene.ts';
import { type Answer, type Delivery, Inbox, type Outgoing, type Reader, type Side } from './side.ts';

export class HttpSide implements Side {
  private readonly scene: Scene;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  async publish(queue: string, body: string, { headers = {}, messageId }: Outgoing = {}): Promise<Answer> {
    const properties = { delivery_mode: 2, headers, ...(messageId !== undefined && { message_id: messageId }) };
    const message = { properties, routing_key: queue, payload: body, payload_encoding: 'string' };
    const answer = await this.scene.http('/api/exchanges/%2F/amq.default/publish', message);
    if (!answer.ok) return 'refused';
    const { routed, duplicate } = (await answer.json()) as { routed: boolean; duplicate?: boolean };
    return duplicate === true ? 'repeat' : routed ? 'taken' : 'refused';
  }

  nameOf(queue: string): string {
    return queue;
  }

  async pull(queue: string, max: number, waitMs: number): Promise<Delivery[]> {
    const messages = await this.pullSome(queue, { max, waitMs });
    return messages.map((message) => pulled(this.scene, message));
  }

  private async pullSome(queue: string, words: object): Promise<Pulled[]> {
    const { messages } = await this.scene.v1<{ messages: Pulled[] }>(`/queues/${encodeURIComponent(queue)}/pull`, {
      ...{ leaseMs: 1_000, body: 'text' },
      ...words,
    });
    return messages;
  }

  async read(queue: string): Promise<Reader> {
    const { scene } = this;
    const inbox = new Inbox();
    const held: string[] = [];
    const pull = async (words: object = {}): Promise<void> => {
      for (const message of await this.pullSome(queue, { max: 10, waitMs: 0, ...words })) {
        held.push(message.token);
        inbox.add(pulled(scene, message));
      }
    };
    return {
      async next() {
        for (let asked = 0; inbox.waiting === 0 && asked < 1_000; asked++) await pull();
        return inbox.next();
      },
      get waiting() {
        return inbox.waiting;
      },
      async renew() {
        const { gone } = await scene.v1<{ gone: string[] }>('/leases/renew', { tokens: held, leaseMs: 1_000 });
        return gone.length === 0;
      },
      claim: (token) => pull({ deferralTokens: [token] }),
      async leave() {},
    };
  }

  async close(): Promise<void> {}
}

interface Pulled {
  readonly token: string;
  readonly body: unknown;
  readonly headers: Record<string, unknown>;
  readonly deferralToken?: string;
  readonly attempts: number;
  readonly acquired?: number;
}

function pulled(scene: Scene, { token, body, headers, deferralToken, attempts, acquired }: Pulled): Delivery {
  // What other protocols have headers for are fields here.
  const fields: Record<string, unknown> = {
    ...{ 'x-opt-deferral-token': deferralToken, 'x-delivery-count': attempts, 'x-acquired-count': acquired },
  };
  return {
    body: String(body),
    header(name) {
      const value = name in fields ? fields[name] : headers[name];
      return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
    },
    async end(how) {
      const path = how === 'accept' ? '/leases/ack' : '/leases/nack';
      const rest = how === 'accept' ? {} : { requeue: how === 'fail', failed: how === 'fail' };
      await scene.v1(path, { tokens: [token], ...rest });
    },
    async park(deferralToken, deliveryDelay) {
      const under = deferralToken === '' ? {} : { deferralToken };
      await scene.v1('/leases/defer', { tokens: [token], deliveryDelay, ...under });
    },
  };
}
