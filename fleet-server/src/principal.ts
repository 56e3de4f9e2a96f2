/** Who is asking: every handler, HTTP, gRPC or MQTT, receives one. */
export type { Principal } from '@shoal/protocol';
