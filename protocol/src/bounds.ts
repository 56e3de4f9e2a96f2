/** Every limit of the contract in one place. What exceeds one is refused with a named, counted reason. */

export const BOUNDS = {
  /** Bytes of one MQTT packet before CONNACK. Aedes has no limit of its own. */
  frameBeforeConnackBytes: 4_096,
  /** Bytes of one MQTT packet after CONNACK. */
  frameBytes: 262_144,
  /** Bytes a compressed payload may inflate to. */
  inflatedBytes: 2_097_152,
  /** Payloads above this size are compressed by the sender when that makes them smaller. */
  compressAboveBytes: 1_024,
  /** Records in one batch. */
  recordsPerBatch: 1_000,
  /** Named values in one record. */
  valuesPerRecord: 64,
  /** Levels of a topic. */
  topicDepth: 8,
  /** Nesting of JSON, checked before parsing. */
  jsonDepth: 32,
  /** `observedAt` further back than this, in milliseconds, sets `clock: bad`. */
  clockPastMs: 30 * 24 * 3_600_000,
  /** `observedAt` further ahead than this, in milliseconds, sets `clock: bad`. */
  clockFutureMs: 10 * 60_000,
  /** Records per second a device may send on average; a burst may take `recordsBurst` at once. */
  recordsPerSecond: 20_000,
  recordsBurst: 100_000,
  /** Messages per second a device may send on average; a burst may take `messagesBurst` at once. */
  messagesPerSecond: 2_000,
  messagesBurst: 10_000,
  /** Characters of one string value. */
  stringChars: 1_024,
  /** Bytes of one inference message: JSON and binary tensors together. */
  inferenceBytes: 67_108_864,
  /** Bytes of the JSON part of an inference message, which costs several times its size in memory. */
  inferenceJsonBytes: 33_554_432,
  /** Bytes of one piece of a bundle or of metadata over MQTT. */
  blobPieceBytes: 65_536,
  /** Input or output tensors of one message. */
  tensorsPerMessage: 256,
  /** Dimensions of a tensor. */
  tensorRank: 16,
  /** Elements of a BYTES tensor, each of which is an object of its own, copied one by one wherever it goes. */
  bytesElements: 16_384,
  /** Bytes of a twin document, either side. */
  twinBytes: 65_536,
} as const;
