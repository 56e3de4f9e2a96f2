/** The topic of a key: keys are any text, levels of a topic are not. */
import { topics } from '@shoal/protocol';
import { hash53 } from '@shoal/models';

const PLAIN = /^[A-Za-z0-9._-]{1,64}$/;
const READABLE_CHARACTERS = 48;

/** A key that is no level is made readable and ends in a hash of what it was; the payload has it as it is. */
export const windowTopic = (stream: string, key: string): string => {
  if (PLAIN.test(key)) return topics.window(stream, key);
  const readable = key.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, READABLE_CHARACTERS);
  return topics.window(stream, `${readable}-${hash53(key).toString(36)}`);
};
