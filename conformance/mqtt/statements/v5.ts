/** The normative statements of MQTT 5.0 that bind a server, one a line; `statements.ts` says how. */
export const V5 = `
1.5.4-1 strings are well-formed UTF-8
1.5.4-2 no U+0000 in strings
1.5.4-3 U+FEFF is a character, never stripped
1.5.5-1 variable byte integers take the fewest bytes
1.5.7-1 both strings of a pair are UTF-8
2.1.3-1 reserved flag bits have their listed value
2.2.1-2 QoS 0 has no identifier
2.2.1-3 identifiers from clients are not 0
2.2.1-4 identifiers from the server are not 0, and unused
2.2.1-5 PUBACK, PUBREC, PUBREL, PUBCOMP name their PUBLISH
2.2.1-6 SUBACK, UNSUBACK name their request
2.2.2-1 no properties: a length of 0
3.1.0-1 the first packet is CONNECT
3.1.0-2 a second CONNECT is a protocol error
3.1.2-1 an unknown protocol name: closed
3.1.2-2 an unknown version: closed
3.1.2-3 the reserved CONNECT flag must be 0
3.1.2-4 clean start 1: discards, starts anew
3.1.2-5 clean start 0: resumes the session
3.1.2-6 clean start 0 and no session: a new one
3.1.2-7 the will is stored with the session
3.1.2-8 the will is published after its delay or the session's end
3.1.2-9 the will's fields are present when flagged
3.1.2-10 the will is removed once published, or on DISCONNECT 0
3.1.2-11 no will flag: will QoS is 0
3.1.2-12 will QoS is not 3
3.1.2-13 no will flag: will retain is 0
3.1.2-14 will retain 0: published without being kept
3.1.2-15 will retain 1: published and kept
3.1.2-16 no user name unless flagged
3.1.2-17 a user name where flagged
3.1.2-18 no password unless flagged
3.1.2-19 a password where flagged
3.1.2-22 silence of 1.5 keep-alives closes the connection
3.1.2-23 the session is stored if its expiry interval is above 0
3.1.2-24 nothing above the client's maximum packet size
3.1.2-25 what is too large is discarded as if delivered
3.1.2-26 no alias above the client's maximum
3.1.2-27 no alias without a maximum
3.1.2-28 no response information unless asked for
3.1.2-29 no reason strings or user properties where not wanted
3.1.3-1 order of the fields of CONNECT
3.1.3-2 the client identifier names the session
3.1.3-3 the client identifier is there, and first
3.1.3-4 the client identifier is UTF-8
3.1.3-5 identifiers of 1 to 23 letters and digits are allowed
3.1.3-6 an empty identifier is replaced by a unique one
3.1.3-7 which CONNACK tells
3.1.3-8 an identifier that is refused: closed
3.1.3-9 no will if the client is back within the delay
3.1.3-10 order of the will's user properties
3.1.3-11 the will topic is UTF-8
3.1.3-12 the user name is UTF-8
3.1.4-1 a CONNECT that does not conform: closed
3.1.4-2 failed authentication: closed
3.1.4-3 take-over: DISCONNECT 0x8E, closed
3.1.4-4 clean start is processed
3.1.4-5 CONNACK 0 when all is well
3.1.4-6 nothing after a refused CONNECT but AUTH is processed
3.2.0-1 CONNACK before anything but AUTH
3.2.0-2 one CONNACK a connection
3.2.2-1 reserved CONNACK flags are 0
3.2.2-2 clean start 1: session present 0
3.2.2-3 session present says whether there was a session
3.2.2-6 refused: session present 0
3.2.2-7 a reason of 0x80 or above: closed
3.2.2-8 CONNACK reasons are among those listed
3.2.2-9 maximum QoS is told if below 2
3.2.2-10 every QoS is accepted in SUBSCRIBE, whatever the maximum
3.2.2-12 a will QoS above the maximum is refused
3.2.2-13 a retained will is refused where retaining is not supported
3.2.2-16 an assigned identifier is told, and new
3.2.2-19 no reason string that makes CONNACK too large
3.2.2-20 no user property that makes CONNACK too large
3.2.2-22 the client's keep alive holds unless another was told
3.3.1-1 DUP on what is sent again
3.3.1-2 no DUP on QoS 0
3.3.1-3 DUP does not travel on
3.3.1-4 QoS is not 3
3.3.1-5 retain 1: replaces what was kept
3.3.1-6 empty and retained: removes what was kept
3.3.1-7 empty and retained: not kept
3.3.1-8 retain 0: changes nothing kept
3.3.1-9 retain handling 0: sent
3.3.1-10 retain handling 1: sent if new
3.3.1-11 retain handling 2: not sent
3.3.1-12 retain as published 0: flag 0
3.3.1-13 retain as published 1: flag as it was
3.3.2-1 the topic is first, and UTF-8
3.3.2-2 no wildcards in a topic
3.3.2-3 the topic that is sent matches the filter
3.3.2-4 payload format indicator unaltered
3.3.2-5 expired copies are deleted
3.3.2-6 the expiry that is left is told
3.3.2-7 aliases end with their connection
3.3.2-8 an alias is not 0
3.3.2-11 no alias above the client's maximum is sent
3.3.2-12 all aliases up to the server's maximum are accepted
3.3.2-13 the response topic is UTF-8
3.3.2-14 no wildcards in a response topic
3.3.2-15 response topic unaltered
3.3.2-16 correlation data unaltered
3.3.2-17 user properties unaltered
3.3.2-18 user properties in order
3.3.2-19 the content type is UTF-8
3.3.2-20 content type unaltered
3.3.4-1 the answer that the QoS asks for
3.3.4-2 overlapping subscriptions: the highest QoS
3.3.4-3 subscription identifiers are sent
3.3.4-4 all of them where one copy is sent
3.3.4-5 each its own where several copies are sent
3.3.4-6 none from a client
3.3.4-9 no more open messages than the client's receive maximum
3.3.4-10 nothing else waits for it
3.4.2-1 PUBACK reasons are among those listed
3.4.2-2 no reason string that makes PUBACK too large
3.4.2-3 no user property that makes PUBACK too large
3.5.2-1 PUBREC reasons are among those listed
3.5.2-2 no reason string that makes PUBREC too large
3.5.2-3 no user property that makes PUBREC too large
3.6.1-1 flags of PUBREL
3.6.2-1 PUBREL reasons are among those listed
3.6.2-2 no reason string that makes PUBREL too large
3.6.2-3 no user property that makes PUBREL too large
3.7.2-1 PUBCOMP reasons are among those listed
3.7.2-2 no reason string that makes PUBCOMP too large
3.7.2-3 no user property that makes PUBCOMP too large
3.8.1-1 flags of SUBSCRIBE
3.8.3-1 filters are UTF-8
3.8.3-2 a SUBSCRIBE holds a filter
3.8.3-3 no local: nothing from the same identifier
3.8.3-4 no local on a shared subscription is a protocol error
3.8.3-5 reserved bits in SUBSCRIBE
3.8.4-1 SUBSCRIBE is answered
3.8.4-2 with the same identifier
3.8.4-3 the same filter again replaces the subscription
3.8.4-4 retained messages are sent again, others not lost
3.8.4-5 several filters, one answer
3.8.4-6 a reason for each filter
3.8.4-7 which grants a QoS or refuses
3.8.4-8 delivered with the lower QoS
3.9.2-1 no reason string that makes SUBACK too large
3.9.2-2 no user property that makes SUBACK too large
3.9.3-1 reasons in the order of the filters
3.9.3-2 SUBACK reasons are among those listed
3.10.1-1 flags of UNSUBSCRIBE
3.10.3-1 filters of UNSUBSCRIBE are UTF-8
3.10.3-2 an UNSUBSCRIBE holds a filter
3.10.4-1 filters are compared character by character
3.10.4-2 no new messages after UNSUBSCRIBE
3.10.4-3 what was begun is completed
3.10.4-4 UNSUBSCRIBE is answered
3.10.4-5 with its identifier, also when nothing was deleted
3.10.4-6 several filters, one answer
3.11.2-1 no reason string that makes UNSUBACK too large
3.11.2-2 no user property that makes UNSUBACK too large
3.11.3-1 reasons in the order of the filters
3.11.3-2 UNSUBACK reasons are among those listed
3.12.4-1 PINGREQ is answered
3.14.0-1 no DISCONNECT before CONNACK
3.14.1-1 flags of DISCONNECT
3.14.2-1 DISCONNECT reasons are among those listed
3.14.2-2 no session expiry in the server's DISCONNECT
3.14.2-3 no reason string that makes DISCONNECT too large
3.14.2-4 no user property that makes DISCONNECT too large
3.14.4-1 nothing is sent after DISCONNECT
3.14.4-2 closed after DISCONNECT
3.14.4-3 DISCONNECT 0 discards the will
3.15.1-1 flags of AUTH
3.15.2-1 AUTH reasons are among those listed
3.15.2-2 no reason string that makes AUTH too large
3.15.2-3 no user property that makes AUTH too large
4.1.0-1 session state is kept while connected
4.1.0-2 and discarded once the expiry interval has passed
4.2.0-1 a transport that is ordered and lossless
4.3.1-1 QoS 0: sent with QoS 0, no DUP
4.3.2-1 QoS 1, sending: an unused identifier
4.3.2-2 QoS 1, sending: no DUP
4.3.2-3 QoS 1, sending: unacknowledged until PUBACK
4.3.2-4 QoS 1, receiving: PUBACK
4.3.2-5 QoS 1, receiving: after PUBACK the identifier is free
4.3.3-1 QoS 2, sending: an unused identifier
4.3.3-2 QoS 2, sending: no DUP
4.3.3-3 QoS 2, sending: unacknowledged until PUBREC
4.3.3-4 QoS 2, sending: PUBREL after PUBREC
4.3.3-5 QoS 2, sending: PUBREL unacknowledged until PUBCOMP
4.3.3-6 QoS 2, sending: no PUBLISH again after PUBREL
4.3.3-7 QoS 2, sending: no expiry once sent
4.3.3-8 QoS 2, receiving: PUBREC
4.3.3-9 QoS 2, receiving: after a refusing PUBREC the identifier is free
4.3.3-10 QoS 2, receiving: no duplicates before PUBREL
4.3.3-11 QoS 2, receiving: PUBCOMP
4.3.3-12 QoS 2, receiving: after PUBCOMP the identifier is free
4.3.3-13 QoS 2, receiving: the sequence goes on though the message expired
4.4.0-1 unacknowledged packets are sent again on reconnecting, and only then
4.4.0-2 what was refused is not sent again
4.5.0-1 a message goes into every matching session
4.6.0-5 order of one client's messages, topic and QoS
4.6.0-6 every topic is ordered unless configured otherwise
4.7.0-1 no wildcards in topic names
4.7.1-1 # only as the last level
4.7.1-2 + only as a whole level
4.7.2-1 leading wildcards do not match $-topics
4.7.3-1 topics and filters are not empty
4.7.3-2 topics and filters hold no U+0000
4.7.3-3 topics and filters of up to 65,535 bytes
4.7.3-4 no normalization when matching
4.8.2-1 $share/ and a name of a group
4.8.2-2 without wildcards, and followed by a filter
4.8.2-3 the QoS granted to the member
4.8.2-4 QoS 2 is completed with the same member
4.8.2-5 and goes to no one else when its session ends
4.8.2-6 what a member refuses goes to no other
4.9.0-1 the send quota starts at no more than the receive maximum
4.9.0-2 no PUBLISH above QoS 0 without quota
4.9.0-3 all other packets go on without quota
4.12.0-1 an unknown authentication method: closed
4.12.0-2 the server asks for more with AUTH 0x18
4.12.0-4 a refused authentication: closed
4.12.0-5 the method is in every AUTH and in CONNACK
4.12.0-6 no AUTH and no method unless the client named one
4.12.1-2 a failed re-authentication: DISCONNECT
4.13.1-1 a malformed packet or protocol error: closed
4.13.2-1 a reason of 0x80 or above: closed
6.0.0-1 WebSocket: binary frames only
6.0.0-2 WebSocket: packets need not be aligned with frames
6.0.0-3 WebSocket: mqtt is among what the client offers
6.0.0-4 WebSocket: mqtt is what the server selects
`;
