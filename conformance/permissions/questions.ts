/**
 * What is asked of both brokers, by user (`users.ts`): a line for `ask.ts`, and RabbitMQ 3.10's answer. Where this broker's is another
 * one, it follows with the difference that it comes of.
 */
import type { DifferenceId } from './differences.ts';

export type Question = readonly [line: string, answer: string, here?: string, because?: DifferenceId];

export const QUESTIONS: Readonly<Record<string, readonly Question[]>> = {
  all: [
    ['amqp connect', 'ok'],
    ['mqtt connect', 'ok'],
    ['mqtt publish a/b', 'ok'],
    ['mqtt subscribe a/b', 'ok'],
    ['stomp connect', 'ok'],
    ['stomp send /queue/c-there', 'ok'],
  ],
  nobody: [
    ['amqp connect', 'connection closed'],
    ['mqtt connect', 'CONNACK 5'],
    [
      'stomp connect',
      "ERROR Bad CONNECT: Virtual host '/' access denied",
      'ERROR Bad CONNECT: Access refused.',
      'stomp-vhost',
    ],
  ],
  empty: [
    ['amqp connect', 'ok'],
    ['amqp declare new', "403 ACCESS_REFUSED - access to queue 'new' in vhost '/' refused for user 'empty'"],
    ['amqp declare -', "403 ACCESS_REFUSED - access to queue 'amq.gen-…' in vhost '/' refused for user 'empty'"],
    [
      'amqp passive c-there',
      'ok',
      "403 ACCESS_REFUSED - access to queue 'c-there' in vhost '/' refused for user 'empty'",
      'passive-declares',
    ],
    [
      'amqp passive nowhere',
      "404 NOT_FOUND - no queue 'nowhere' in vhost '/'",
      "403 ACCESS_REFUSED - access to queue 'nowhere' in vhost '/' refused for user 'empty'",
      'passive-declares',
    ],
    [
      'amqp exchange-passive wx',
      'ok',
      "403 ACCESS_REFUSED - access to exchange 'wx' in vhost '/' refused for user 'empty'",
      'passive-declares',
    ],
    [
      'amqp publish - c-there',
      "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'empty'",
    ],
    ['amqp reply', 'ok'],
    ['mqtt subscribe a', 'closed before a suback came', 'SUBACK 128', 'mqtt-suback'],
    [
      'stomp send /amq/queue/c-there',
      "ERROR access_refused: access to exchange 'amq.default' in vhost '/' refused for user 'empty'",
    ],
    [
      'stomp send /queue/c-there',
      "ERROR access_refused: access to queue 'c-there' in vhost '/' refused for user 'empty'",
      "ERROR access_refused: access to exchange 'amq.default' in vhost '/' refused for user 'empty'",
      'stomp-existing-queue',
    ],
    [
      'stomp send /exchange/wx/k',
      "ERROR access_refused: access to exchange 'wx' in vhost '/' refused for user 'empty'",
    ],
  ],
  anywhere: [
    ['amqp declare my-orders', 'ok'],
    ['amqp declare other', "403 ACCESS_REFUSED - access to queue 'other' in vhost '/' refused for user 'anywhere'"],
    ['amqp get orders', 'ok'],
    ['amqp purge orders', 'ok'],
    [
      'amqp publish - orders',
      "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'anywhere'",
    ],
  ],
  parts: [
    ['amqp declare c-new', 'ok'],
    ['amqp declare x-new', "403 ACCESS_REFUSED - access to queue 'x-new' in vhost '/' refused for user 'parts'"],
    ['amqp declare -', 'ok'],
    ['amqp declare amq.gen-mine', "403 ACCESS_REFUSED - queue name 'amq.gen-…' contains reserved prefix 'amq.*'"],
    ['amqp declare-dead c-dead1 wx', 'ok'],
    [
      'amqp declare-dead c-dead2 rx',
      "403 ACCESS_REFUSED - access to exchange 'rx' in vhost '/' refused for user 'parts'",
    ],
    [
      'amqp declare-dead c-dead3 -',
      "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'parts'",
    ],
    [
      'amqp declare-dead c-there rx',
      "406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'c-there' in vhost '/': received the value 'rx' of type 'longstr' but current is none",
    ],
    ['amqp consume r-there', 'ok'],
    ['amqp consume w-there', "403 ACCESS_REFUSED - access to queue 'w-there' in vhost '/' refused for user 'parts'"],
    ['amqp consume c-missing', "404 NOT_FOUND - no queue 'c-missing' in vhost '/'"],
    [
      'amqp consume x-missing',
      "403 ACCESS_REFUSED - access to queue 'x-missing' in vhost '/' refused for user 'parts'",
    ],
    ['amqp get w-there', "403 ACCESS_REFUSED - access to queue 'w-there' in vhost '/' refused for user 'parts'"],
    ['amqp purge w-there', "403 ACCESS_REFUSED - access to queue 'w-there' in vhost '/' refused for user 'parts'"],
    ['amqp purge r-there', 'ok'],
    ['amqp delete r-there', "403 ACCESS_REFUSED - access to queue 'r-there' in vhost '/' refused for user 'parts'"],
    ['amqp delete x-missing', "403 ACCESS_REFUSED - access to queue 'x-missing' in vhost '/' refused for user 'parts'"],
    ['amqp delete c-missing', 'ok'],
    ['amqp bind c-there rx k', 'ok'],
    ['amqp bind c-there wx k', "403 ACCESS_REFUSED - access to exchange 'wx' in vhost '/' refused for user 'parts'"],
    ['amqp bind r-there rx k', "403 ACCESS_REFUSED - access to queue 'r-there' in vhost '/' refused for user 'parts'"],
    ['amqp bind c-there r-missing k', "404 NOT_FOUND - no exchange 'r-missing' in vhost '/'"],
    [
      'amqp bind c-there x-missing k',
      "403 ACCESS_REFUSED - access to exchange 'x-missing' in vhost '/' refused for user 'parts'",
    ],
    ['amqp bind c-there - k', '403 ACCESS_REFUSED - operation not permitted on the default exchange'],
    ['amqp unbind c-there rx nothing', 'ok'],
    [
      'amqp unbind r-there rx k',
      "403 ACCESS_REFUSED - access to queue 'r-there' in vhost '/' refused for user 'parts'",
    ],
    ['amqp unbind c-missing rx k', 'ok'],
    [
      'amqp unbind x-missing rx k',
      "403 ACCESS_REFUSED - access to queue 'x-missing' in vhost '/' refused for user 'parts'",
    ],
    ['amqp publish wx k', 'ok'],
    ['amqp publish rx k', "403 ACCESS_REFUSED - access to exchange 'rx' in vhost '/' refused for user 'parts'"],
    ['amqp publish w-missing k', "404 NOT_FOUND - no exchange 'w-missing' in vhost '/'"],
    [
      'amqp publish x-missing k',
      "403 ACCESS_REFUSED - access to exchange 'x-missing' in vhost '/' refused for user 'parts'",
    ],
    [
      'amqp publish - c-there',
      "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'parts'",
    ],
    ['amqp exchange c-exchange', 'ok'],
    [
      'amqp exchange x-exchange',
      "403 ACCESS_REFUSED - access to exchange 'x-exchange' in vhost '/' refused for user 'parts'",
    ],
    ['amqp exchange-alternate c-alt1 wx', 'ok'],
    [
      'amqp exchange-alternate c-alt2 rx',
      "403 ACCESS_REFUSED - access to exchange 'rx' in vhost '/' refused for user 'parts'",
    ],
    [
      'amqp exchange-alternate cx rx',
      "406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'cx' in vhost '/': received the value 'rx' of type 'longstr' but current is none",
    ],
    ['amqp exchange-bind wx rx k', 'ok'],
    [
      'amqp exchange-bind rx wx k',
      "403 ACCESS_REFUSED - access to exchange 'rx' in vhost '/' refused for user 'parts'",
    ],
    [
      'amqp exchange-bind wx wx k',
      "403 ACCESS_REFUSED - access to exchange 'wx' in vhost '/' refused for user 'parts'",
    ],
    [
      'amqp exchange-unbind rx wx k',
      "403 ACCESS_REFUSED - access to exchange 'rx' in vhost '/' refused for user 'parts'",
    ],
    ['amqp exchange-unbind wx rx nothing', 'ok'],
    ['amqp exchange-delete c-nothing', 'ok'],
    ['amqp exchange-delete wx', "403 ACCESS_REFUSED - access to exchange 'wx' in vhost '/' refused for user 'parts'"],
    [
      'amqp exchange-delete amq.topic',
      "403 ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed",
    ],
    ['amqp exchange amq.c', "403 ACCESS_REFUSED - access to exchange 'amq.c' in vhost '/' refused for user 'parts'"],
    ['stomp send /exchange/wx/k', 'ok'],
    [
      'stomp send /exchange/rx/k',
      "ERROR access_refused: access to exchange 'rx' in vhost '/' refused for user 'parts'",
    ],
    ['stomp subscribe /amq/queue/r-there', 'ok'],
    [
      'stomp subscribe /amq/queue/w-there',
      "ERROR access_refused: access to queue 'w-there' in vhost '/' refused for user 'parts'",
    ],
    ['stomp subscribe /queue/c-there', 'ok'],
    [
      'stomp subscribe /queue/x-new',
      "ERROR access_refused: access to queue 'x-new' in vhost '/' refused for user 'parts'",
    ],
  ],
  default: [
    ['amqp publish - c-there', 'ok'],
    ['amqp publish wx k', "403 ACCESS_REFUSED - access to exchange 'wx' in vhost '/' refused for user 'default'"],
    ['amqp publish - nowhere', 'ok'],
    [
      'stomp send /queue/c-there',
      "ERROR access_refused: access to queue 'c-there' in vhost '/' refused for user 'default'",
      'ok',
      'stomp-existing-queue',
    ],
    ['stomp send /amq/queue/c-there', 'ok'],
  ],
  reader: [
    ['amqp get c-there', 'ok'],
    ['amqp publish wx k', "403 ACCESS_REFUSED - access to exchange 'wx' in vhost '/' refused for user 'reader'"],
    ['amqp bind c-there rx k', "403 ACCESS_REFUSED - access to queue 'c-there' in vhost '/' refused for user 'reader'"],
    ['mqtt subscribe a', 'closed before a suback came', 'ok', 'own-queues'],
  ],
  writer: [
    ['amqp publish wx k', 'ok'],
    ['amqp get c-there', "403 ACCESS_REFUSED - access to queue 'c-there' in vhost '/' refused for user 'writer'"],
    ['amqp bind c-there rx k', "403 ACCESS_REFUSED - access to exchange 'rx' in vhost '/' refused for user 'writer'"],
  ],
  maker: [
    ['amqp declare m-new', 'ok'],
    [
      'amqp declare-dead m-dead wx',
      "403 ACCESS_REFUSED - access to queue 'm-dead' in vhost '/' refused for user 'maker'",
    ],
    [
      'amqp exchange-alternate m-alt wx',
      "403 ACCESS_REFUSED - access to exchange 'm-alt' in vhost '/' refused for user 'maker'",
    ],
    ['amqp delete m-nothing', 'ok'],
  ],
  named: [
    ['amqp publish amq.topic w.named.x', 'ok'],
    [
      'amqp publish amq.topic w.all.x',
      "403 ACCESS_REFUSED - access to topic 'w.all.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
    ],
    ['amqp publish tx anything', 'ok'],
    ['amqp publish wx anything', 'ok'],
    [
      'amqp publish-cc amq.topic w.named.x w.all.x',
      'ok',
      "403 ACCESS_REFUSED - access to topic 'w.all.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
      'sender-added-keys',
    ],
    ['amqp bind c-there amq.topic r./.x', 'ok'],
    [
      'amqp bind c-there amq.topic r.other.x',
      "403 ACCESS_REFUSED - access to topic 'r.other.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
    ],
    [
      'amqp unbind c-there amq.topic r.other.x',
      "403 ACCESS_REFUSED - access to topic 'r.other.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
    ],
    [
      'amqp exchange-bind wx amq.topic r.other.x',
      "403 ACCESS_REFUSED - access to topic 'r.other.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
    ],
    ['amqp bind c-there tx anything', 'ok'],
    ['mqtt publish w/named/x', 'ok'],
    ['mqtt publish w/all/x', 'closed before a puback came', 'ok', 'mqtt-publish-acknowledged'],
    ['mqtt subscribe r//', 'closed before a suback came', 'SUBACK 128', 'mqtt-suback'],
    ['mqtt subscribe r/other/+', 'closed before a suback came', 'SUBACK 128', 'mqtt-suback'],
    ['stomp send /topic/w.named.x', 'ok'],
    [
      'stomp send /topic/w.all.x',
      "ERROR access_refused: access to topic 'w.all.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
    ],
    [
      'stomp subscribe /topic/r.other.x',
      "ERROR access_refused: access to topic 'r.other.x' in exchange 'amq.topic' in vhost '/' refused for user 'named'",
    ],
    ['stomp subscribe /exchange/tx/any', 'ok'],
  ],
  client: [
    [
      'amqp publish amq.topic asks.x',
      "403 ACCESS_REFUSED - access to topic 'asks.x' in exchange 'amq.topic' in vhost '/' refused for user 'client'",
    ],
    ['amqp publish amq.topic {client_id}.x', 'ok'],
    ['mqtt subscribe asks/#', 'ok'],
    ['mqtt subscribe other/#', 'closed before a suback came', 'SUBACK 128', 'mqtt-suback'],
    ['mqtt publish asks/x', 'ok'],
    ['mqtt will asks/x', 'ok'],
  ],
  elsewhere: [
    ['amqp publish amq.topic x', 'ok'],
    [
      'amqp publish tx x',
      "403 ACCESS_REFUSED - access to topic 'x' in exchange 'tx' in vhost '/' refused for user 'elsewhere'",
    ],
    ['amqp publish tx w.x', 'ok'],
    [
      'amqp bind c-there tx x.#',
      "403 ACCESS_REFUSED - access to topic 'x.#' in exchange 'tx' in vhost '/' refused for user 'elsewhere'",
    ],
    ['amqp bind c-there tx r.#', 'ok'],
  ],
  mute: [
    [
      'amqp publish amq.topic x',
      "403 ACCESS_REFUSED - access to topic 'x' in exchange 'amq.topic' in vhost '/' refused for user 'mute'",
    ],
    [
      'amqp bind c-there amq.topic x',
      "403 ACCESS_REFUSED - access to topic 'x' in exchange 'amq.topic' in vhost '/' refused for user 'mute'",
    ],
    ['mqtt subscribe x', 'closed before a suback came', 'SUBACK 128', 'mqtt-suback'],
    ['mqtt subscribe #', 'closed before a suback came', 'SUBACK 128', 'mqtt-suback'],
    ['mqtt will x', 'ok', 'CONNACK 5', 'will-at-connect'],
    [
      'stomp send /topic/x',
      "ERROR access_refused: access to topic 'x' in exchange 'amq.topic' in vhost '/' refused for user 'mute'",
    ],
  ],
};
