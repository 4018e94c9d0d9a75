/** The normative statements of MQTT 3.1.1 that bind a server, one a line; `statements.ts` says how. */
export const V4 = `
1.5.3-1 ill-formed UTF-8 closes the connection
1.5.3-2 U+0000 in a string closes the connection
1.5.3-3 U+FEFF is a character, never stripped
2.2.2-1 reserved flag bits have their listed value
2.2.2-2 invalid flags close the connection
2.3.1-1 packet identifiers are not 0
2.3.1-2 a new packet takes an unused identifier
2.3.1-3 sent again with the same identifier
2.3.1-4 both hold for a PUBLISH from the server
2.3.1-5 QoS 0 has no identifier
2.3.1-6 PUBACK, PUBREC, PUBREL name their PUBLISH
2.3.1-7 SUBACK, UNSUBACK name their request
3.1.0-1 the first packet is CONNECT
3.1.0-2 a second CONNECT closes the connection
3.1.2-1 an unknown protocol name is not served as MQTT
3.1.2-2 an unknown level: return code 1, then closed
3.1.2-3 the reserved CONNECT flag must be 0
3.1.2-4 clean session 0: resumes the session, or makes one
3.1.2-5 QoS 1 and 2 are stored for who is away
3.1.2-6 clean session 1: discards, starts anew
3.1.2-7 retained messages outlive the session
3.1.2-8 the will is published when the connection ends without DISCONNECT
3.1.2-9 the will's fields are present when flagged
3.1.2-10 the will is removed once published, or on DISCONNECT
3.1.2-11 no will flag: no will QoS, retain or fields
3.1.2-12 no will flag: nothing is published
3.1.2-13 no will flag: will QoS is 0
3.1.2-14 will QoS is not 3
3.1.2-15 no will flag: will retain is 0
3.1.2-16 will retain 0: published without being kept
3.1.2-17 will retain 1: published and kept
3.1.2-18 no user name unless flagged
3.1.2-19 a user name where flagged
3.1.2-20 no password unless flagged
3.1.2-21 a password where flagged
3.1.2-22 no password flag without the user name flag
3.1.2-24 silence of 1.5 keep-alives closes the connection
3.1.3-1 order of the fields of CONNECT
3.1.3-2 the client identifier names the session
3.1.3-3 the client identifier is there, and first
3.1.3-4 the client identifier is UTF-8
3.1.3-5 identifiers of 1 to 23 letters and digits are allowed
3.1.3-6 an empty identifier is replaced by a unique one
3.1.3-8 empty identifier and clean session 0: return code 2, closed
3.1.3-9 an identifier that is refused: return code 2, closed
3.1.3-10 the will topic is UTF-8
3.1.3-11 the user name is UTF-8
3.1.4-1 a CONNECT that does not conform closes without CONNACK
3.1.4-2 take-over disconnects who was connected
3.1.4-3 clean session is processed
3.1.4-4 CONNACK 0 when all is well
3.1.4-5 nothing after a refused CONNECT is processed
3.2.0-1 CONNACK is the first packet
3.2.2-1 clean session 1: session present 0
3.2.2-2 clean session 0 and a stored session: session present 1
3.2.2-3 no stored session: session present 0
3.2.2-4 refused: session present 0
3.2.2-5 refused: then closed
3.2.2-6 no applicable return code: closed without CONNACK
3.3.1-1 DUP on what is sent again
3.3.1-2 no DUP on QoS 0
3.3.1-3 DUP does not travel on
3.3.1-4 QoS 3 closes the connection
3.3.1-5 retain 1: stored
3.3.1-6 retained messages go to a new subscription
3.3.1-7 a retained QoS 0 message replaces what was kept
3.3.1-8 retain 1 on what a new subscription is sent
3.3.1-9 retain 0 to established subscriptions
3.3.1-10 empty and retained: passes on, removes what was kept
3.3.1-11 empty and retained: not kept
3.3.1-12 retain 0: changes nothing kept
3.3.2-1 the topic is first, and UTF-8
3.3.2-2 no wildcards in a topic
3.3.2-3 the topic that is sent matches the filter
3.3.4-1 the answer that the QoS asks for
3.3.5-1 overlapping subscriptions: the highest QoS
3.3.5-2 not authorized: acknowledged all the same, or closed
3.6.1-1 flags of PUBREL
3.8.1-1 flags of SUBSCRIBE
3.8.3-1 filters are UTF-8
3.8.3-2 wildcards are refused where they are not supported
3.8.3-3 a SUBSCRIBE holds a filter
3.8.3-4 reserved bits and QoS 3 in SUBSCRIBE
3.8.4-1 SUBSCRIBE is answered
3.8.4-2 with the same identifier
3.8.4-3 the same filter again replaces the subscription
3.8.4-4 several filters, one answer
3.8.4-5 a code for each filter
3.8.4-6 delivered with the lower QoS
3.9.3-1 codes in the order of the filters
3.9.3-2 no other codes than 0, 1, 2 and 0x80
3.10.1-1 flags of UNSUBSCRIBE
3.10.3-1 filters of UNSUBSCRIBE are UTF-8
3.10.3-2 an UNSUBSCRIBE holds a filter
3.10.4-1 filters are compared byte for byte
3.10.4-2 no new messages after UNSUBSCRIBE
3.10.4-3 what was begun is completed
3.10.4-4 UNSUBSCRIBE is answered with its identifier
3.10.4-5 also when nothing was deleted
3.10.4-6 several filters, one answer
3.12.4-1 PINGREQ is answered
3.14.1-1 flags of DISCONNECT
3.14.4-3 DISCONNECT discards the will
4.1.0-1 session state is kept for the session
4.1.0-2 a session lasts as long as its connection
4.3.1-1 QoS 0: sent with QoS 0, no DUP
4.3.2-1 QoS 1, sending: unused identifier, no DUP, unacknowledged until PUBACK
4.3.2-2 QoS 1, receiving: PUBACK; then the identifier is free
4.3.3-1 QoS 2, sending: PUBLISH, PUBREL, never PUBLISH again
4.3.3-2 QoS 2, receiving: PUBREC, PUBCOMP, no duplicates
4.4.0-1 unacknowledged packets are sent again on reconnecting
4.5.0-1 a message goes into every matching session
4.6.0-1 sent again in the original order
4.6.0-5 every topic is ordered unless configured otherwise
4.6.0-6 order of one client's messages, topic and QoS
4.7.1-1 no wildcards in topic names
4.7.1-2 # only as the last level
4.7.1-3 + only as a whole level
4.7.2-1 leading wildcards do not match $-topics
4.7.3-1 topics and filters are not empty
4.7.3-2 topics and filters hold no U+0000
4.7.3-3 topics and filters of up to 65,535 bytes
4.7.3-4 no normalization when matching
4.8.0-1 a protocol violation closes its connection
4.8.0-2 a transient error closes its connection
6.0.0-1 WebSocket: binary frames only
6.0.0-2 WebSocket: packets need not be aligned with frames
6.0.0-3 WebSocket: mqtt is among what the client offers
6.0.0-4 WebSocket: mqtt is what the server selects
7.0.0-1 a server that connects to servers conforms as a client too
7.0.0-2 no extension is required to interoperate
7.1.1-1 a transport that is ordered and lossless
`;
