/**
 * The numbers of AMQP 0-9-1: frame types, classes and methods, property flags, reply codes.
 *
 * A method is one number here, class in the upper 16 bits and method in the lower, as the first four bytes of a method
 * frame's payload read as one integer.
 */

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;
export const FRAME_END = 0xce;
/** Type, channel and size before a payload, the end octet after it. */
export const FRAME_OVERHEAD_BYTES = 8;
/** No peer may ask for smaller frames than this. [AMQP 0-9-1 §4.2.3, frame-min-size] */
export const FRAME_SIZE_MIN = 4096;

/** Which frame must come next on a channel: a publish is a method, a content header and body frames. [§4.2.6] */
export const EXPECTS_METHOD = 0;
export const EXPECTS_HEADER = 1;
export const EXPECTS_BODY = 2;
export type ExpectedFrame = 0 | 1 | 2;

export const CLASS_CONNECTION = 10;
export const CLASS_CHANNEL = 20;
/** Gone from the specification since 0-8, still asked by old clients. */
export const CLASS_ACCESS = 30;
export const CLASS_EXCHANGE = 40;
export const CLASS_QUEUE = 50;
export const CLASS_BASIC = 60;
export const CLASS_CONFIRM = 85;
export const CLASS_TX = 90;

export const CONNECTION_START = 0x000a000a;
export const CONNECTION_START_OK = 0x000a000b;
export const CONNECTION_SECURE = 0x000a0014;
export const CONNECTION_SECURE_OK = 0x000a0015;
export const CONNECTION_TUNE = 0x000a001e;
export const CONNECTION_TUNE_OK = 0x000a001f;
export const CONNECTION_OPEN = 0x000a0028;
export const CONNECTION_OPEN_OK = 0x000a0029;
export const CONNECTION_CLOSE = 0x000a0032;
export const CONNECTION_CLOSE_OK = 0x000a0033;
export const CONNECTION_BLOCKED = 0x000a003c;
export const CONNECTION_UNBLOCKED = 0x000a003d;
export const CONNECTION_UPDATE_SECRET = 0x000a0046;
export const CONNECTION_UPDATE_SECRET_OK = 0x000a0047;

export const CHANNEL_OPEN = 0x0014000a;
export const CHANNEL_OPEN_OK = 0x0014000b;
export const CHANNEL_FLOW = 0x00140014;
export const CHANNEL_FLOW_OK = 0x00140015;
export const CHANNEL_CLOSE = 0x00140028;
export const CHANNEL_CLOSE_OK = 0x00140029;

export const ACCESS_REQUEST = 0x001e000a;
export const ACCESS_REQUEST_OK = 0x001e000b;

export const EXCHANGE_DECLARE = 0x0028000a;
export const EXCHANGE_DECLARE_OK = 0x0028000b;
export const EXCHANGE_DELETE = 0x00280014;
export const EXCHANGE_DELETE_OK = 0x00280015;
export const EXCHANGE_BIND = 0x0028001e;
export const EXCHANGE_BIND_OK = 0x0028001f;
export const EXCHANGE_UNBIND = 0x00280028;
/** RabbitMQ's extension numbers it 51, not 41. */
export const EXCHANGE_UNBIND_OK = 0x00280033;

export const QUEUE_DECLARE = 0x0032000a;
export const QUEUE_DECLARE_OK = 0x0032000b;
export const QUEUE_BIND = 0x00320014;
export const QUEUE_BIND_OK = 0x00320015;
export const QUEUE_PURGE = 0x0032001e;
export const QUEUE_PURGE_OK = 0x0032001f;
export const QUEUE_DELETE = 0x00320028;
export const QUEUE_DELETE_OK = 0x00320029;
export const QUEUE_UNBIND = 0x00320032;
export const QUEUE_UNBIND_OK = 0x00320033;

export const BASIC_QOS = 0x003c000a;
export const BASIC_QOS_OK = 0x003c000b;
export const BASIC_CONSUME = 0x003c0014;
export const BASIC_CONSUME_OK = 0x003c0015;
export const BASIC_CANCEL = 0x003c001e;
export const BASIC_CANCEL_OK = 0x003c001f;
export const BASIC_PUBLISH = 0x003c0028;
export const BASIC_RETURN = 0x003c0032;
export const BASIC_DELIVER = 0x003c003c;
export const BASIC_GET = 0x003c0046;
export const BASIC_GET_OK = 0x003c0047;
export const BASIC_GET_EMPTY = 0x003c0048;
export const BASIC_ACK = 0x003c0050;
export const BASIC_REJECT = 0x003c005a;
export const BASIC_RECOVER_ASYNC = 0x003c0064;
export const BASIC_RECOVER = 0x003c006e;
export const BASIC_RECOVER_OK = 0x003c006f;
export const BASIC_NACK = 0x003c0078;

export const CONFIRM_SELECT = 0x0055000a;
export const CONFIRM_SELECT_OK = 0x0055000b;

export const TX_SELECT = 0x005a000a;
export const TX_SELECT_OK = 0x005a000b;
export const TX_COMMIT = 0x005a0014;
export const TX_COMMIT_OK = 0x005a0015;
export const TX_ROLLBACK = 0x005a001e;
export const TX_ROLLBACK_OK = 0x005a001f;

/** Property flags, in the order in which the properties follow. [§4.2.6.1] */
export const HAS_CONTENT_TYPE = 0x8000;
export const HAS_CONTENT_ENCODING = 0x4000;
export const HAS_HEADERS = 0x2000;
export const HAS_DELIVERY_MODE = 0x1000;
export const HAS_PRIORITY = 0x0800;
export const HAS_CORRELATION_ID = 0x0400;
export const HAS_REPLY_TO = 0x0200;
export const HAS_EXPIRATION = 0x0100;
export const HAS_MESSAGE_ID = 0x0080;
export const HAS_TIMESTAMP = 0x0040;
export const HAS_TYPE = 0x0020;
export const HAS_USER_ID = 0x0010;
export const HAS_APP_ID = 0x0008;
/** Deprecated, carried through. */
export const HAS_CLUSTER_ID = 0x0004;
/** Nothing is defined behind these; the lowest would announce another word of flags. */
export const UNDEFINED_FLAGS = 0x0003;

/** Reply codes with their names, which begin every reply text. [§1.1] */
export const REPLY = {
  CONTENT_TOO_LARGE: 311,
  NO_ROUTE: 312,
  CONNECTION_FORCED: 320,
  INVALID_PATH: 402,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
} as const;
export type ReplyName = keyof typeof REPLY;
