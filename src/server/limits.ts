/** Limits as the settings say them, in the words of those who hold to them. */
import type { ClientLimits, ScopeLimits, VhostLimits } from '../broker/client-limits.ts';
import type { ScopeLimitsConfig } from '../config/limits.ts';
import type { Config } from '../config/schema.ts';

export function clientLimitsOf({ limits }: Pick<Config, 'limits'>): ClientLimits {
  return {
    user: {
      connections: unlessAny(limits.userConnections),
      connectionRate: unlessAny(limits.userConnectionRate),
      channels: unlessAny(limits.userChannels),
      consumers: unlessAny(limits.userConsumers),
      sessions: unlessAny(limits.userSessions),
      publishRate: unlessAny(limits.userPublishRate),
      publishBytes: unlessAny(limits.userPublishSize),
      messageBytes: unlessAny(limits.userMessageSize),
      backlog: unlessAny(limits.userBacklog),
    },
    users: Object.fromEntries(Object.entries(limits.users).map(([user, own]) => [user, scopeLimitsOf(own)])),
    consumers: unlessAny(limits.consumers),
    queues: unlessAny(limits.queues),
    unsettled: unlessAny(limits.unsettled),
    connectionUnsettled: unlessAny(limits.connectionUnsettled),
    publishRate: unlessAny(limits.publishRate),
    publishBytes: unlessAny(limits.publishSize),
    messageBytes: unlessAny(limits.messageSize),
    backlog: unlessAny(limits.backlog),
  };
}

export function scopeLimitsOf({ publishSize, messageSize, ...limits }: ScopeLimitsConfig): ScopeLimits {
  return { ...limits, publishBytes: publishSize, messageBytes: messageSize };
}

export function vhostLimitsOf(limits: Config['vhosts'][string]['limits'] = {}): VhostLimits {
  return { ...limits, ...scopeLimitsOf(limits) };
}

/** 0 stands for any number. */
function unlessAny(limit: number): number | undefined {
  return limit === 0 ? undefined : limit;
}
