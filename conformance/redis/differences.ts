/** Where Redis 7.0 does otherwise than this broker, and why we do as we do. */
export interface RedisDifference {
  /** What Redis does. */
  readonly redisDoes: string;
  /** What this broker does, and why. */
  readonly weDo: string;
}

export const REDIS_DIFFERENCES = {
  'queues-have-one-order': {
    redisDoes: 'adds and takes at both ends of a list, so that it can be a stack',
    weDo: 'a list is a queue: what would take the newest element, or fill the end that is taken from, is refused in words',
  },
  'lists-stay': {
    redisDoes: 'forgets a list with its last element, and with it at which end it was filled',
    weDo: 'its queue stays, with its bindings, until DEL, and so does its direction; EXISTS says 0 as with Redis',
  },
  'no-counts': {
    redisDoes: 'takes several elements with LPOP or RPOP and a count',
    weDo: 'an element is taken at a time, and a count is refused: a batch that is lost with its connection is lost as a whole',
  },
  'commands-beyond': {
    redisDoes: 'has hundreds of other commands, and sixteen databases',
    weDo: 'those of publish and subscribe and of lists as queues; anything else is an unknown command, and there is database 0',
  },
  'errors-have-codes': {
    redisDoes: 'says WRONGTYPE or ERR',
    weDo: "ERR, the broker's own code and its words: the same that other protocols are told",
  },
  'subscribers-renew': {
    redisDoes: 'takes no AUTH of a client that has subscribed in RESP2, and in RESP3 makes of it another user',
    weDo: 'who came in with a token that expires renews it by AUTH, as the same user; others are told to RESET first',
  },
} as const satisfies Record<string, RedisDifference>;

export type RedisDifferenceId = keyof typeof REDIS_DIFFERENCES;
