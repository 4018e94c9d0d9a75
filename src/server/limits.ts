/** Limits as the settings say them, in the words of those who hold to them. */
import type { ClientLimits } from '../broker/client-limits.ts';
import type { Config } from '../config/schema.ts';

export function clientLimitsOf({ limits }: Pick<Config, 'limits'>): ClientLimits {
  const { userConnections, userChannels, users, consumers, unsettled, publishRate, publishSize } = limits;
  return {
    user: { connections: unlessAny(userConnections), channels: unlessAny(userChannels) },
    users,
    consumers: unlessAny(consumers),
    unsettled: unlessAny(unsettled),
    publishRate: unlessAny(publishRate),
    publishBytes: unlessAny(publishSize),
  };
}

/** 0 stands for any number. */
function unlessAny(limit: number): number | undefined {
  return limit === 0 ? undefined : limit;
}
