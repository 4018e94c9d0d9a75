/** Where RabbitMQ 3.10 answers otherwise who may do what, and why we do as we do. */

export const DIFFERENCES = {
  'passive-declares':
    'RabbitMQ 3.10 tells anybody in the vhost what a queue holds and which exchanges there are. Here only who may do something with it is told, be it that there is none.',
  'sender-added-keys':
    'RabbitMQ 3.10 asks a topic permission for the routing key alone, so CC and BCC lead to any topic. Here each key is asked for, as in later versions of it.',
  'mqtt-publish-acknowledged':
    'RabbitMQ ends the connection of a client of 3.1.1 that publishes what it may not, and the client sends it again for ever. Here it is acknowledged and dropped, counted, as Mosquitto has it; 5.0 gets 0x87.',
  'mqtt-suback':
    'RabbitMQ ends the connection of a client that subscribes to what it may not read; 3.1.1 has a return code for it [MQTT-3.9.3], which is sent here as by Mosquitto.',
  'will-at-connect':
    'RabbitMQ takes any will, and drops it when its time comes. Here the client hears of it while it is there.',
  'own-queues':
    'RabbitMQ asks an MQTT client for configure and write of the queue behind its session, whose name it does not know. Here it is asked for what it reads: the exchange and the filter.',
  'stomp-existing-queue':
    'RabbitMQ declares the queue of /queue/NAME with each first SEND and asks configure for it. Here a queue that is there is taken as it is, and only the default exchange is asked for.',
  'stomp-vhost': 'Why somebody is not let in is for the log, not for who tries.',
} as const;

export type DifferenceId = keyof typeof DIFFERENCES;
