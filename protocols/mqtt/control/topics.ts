/** Topics by which a client speaks to the broker itself. */
export const CONTROL_PREFIX = '$CONTROL/';
export const DYNAMIC_SECURITY_TOPIC = '$CONTROL/dynamic-security/v1';
export const RESPONSE_TOPIC = `${DYNAMIC_SECURITY_TOPIC}/response`;
