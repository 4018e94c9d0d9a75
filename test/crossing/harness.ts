/**
 * The three protocols that carry properties, as a table can speak of them: a message's properties are names and texts, one
 * character a byte (Latin-1), so that what is compared is bytes. Written and read by codecs of the tests' own or of client
 * libraries, never by the broker's.
 *
 *     amqp     content-type, reply-to … as the specification names them; a header is `h:NAME`, its value `LETTER:text`
 *     mqtt     content-type, response-topic, correlation-data, expiry, payload-format; a user property is `u:NAME`
 *     stomp    headers, by their names
 */
export * from './clients/amqp.ts';
export { field, fieldText, listOf, named, readPropertyList, tableOf } from './clients/amqp-fields.ts';
export * from './clients/mqtt.ts';
export { type Said, type Seen, WIRES, type Wire } from './clients/said.ts';
export * from './clients/stomp.ts';
