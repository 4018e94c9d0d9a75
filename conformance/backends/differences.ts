/** Where RabbitMQ 3.10's back ends do otherwise, and why we do as we do. */

export const DIFFERENCES = {
  expiry:
    'RabbitMQ 3.10 believes a token for ever that never expires. Later versions refuse it, as it is refused here.',
  'expired-connection':
    'RabbitMQ 3.10 permits nothing more when a token has expired, and leaves the connection open. Here it ends, as in later versions.',
  'expired-secret':
    'RabbitMQ 3.10 answers update-secret-ok to a token that has expired, and permits nothing by it. Here it is refused, as one that is not good.',
  issuer: 'RabbitMQ does not look at who has issued a token. Here that is a setting that must be made.',
  'own-queues':
    'RabbitMQ asks an MQTT client for configure, write and read of the queue behind its session. Here it is asked for what it reads: the exchange and the filter.',
  'asked-once':
    'A channel of RabbitMQ asks anew for what another one has asked for. Here an answer counts for its user, for a while.',
  words:
    'RabbitMQ 3.10 takes anything that begins with allow. Here it is allow alone, or with tags behind it; the rest is a failure.',
  failed:
    'To RabbitMQ a service that fails is a wrong password. Here the client hears that it cannot be told now, and comes again later.',
} as const;

export type DifferenceId = keyof typeof DIFFERENCES;
