/** Where Mosquitto 2.0 answers a TLS client otherwise, and why we do as we do. RabbitMQ 3.10 answers as this broker does. */

export const DIFFERENCES = {
  'unlisted-user':
    'Mosquitto takes the name in a certificate for the user name and knows no list of users then: whoever is certified is somebody. Here, as in RabbitMQ, there must be such a user, so that one who leaves is deleted rather than waited for until the certificate expires.',
} as const;

export type DifferenceId = keyof typeof DIFFERENCES;
