/** Topic filters of MQTT 3.1.1, section 4.7. */

/** True when `filter` (with `+` and a trailing `#`) matches the topic name. */
export const filterMatches = (filter: string, topic: string): boolean => {
  const pattern = filter.split('/');
  const levels = topic.split('/');
  // [MQTT-4.7.2-1] a wildcard at the start does not match topics that begin with $
  if (topic.startsWith('$') && (pattern[0] === '#' || pattern[0] === '+')) return false;
  for (const [index, level] of pattern.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return pattern.length === levels.length;
};
