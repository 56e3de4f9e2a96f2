/** Waiting that ends. */

/** What the promise resolves with, or undefined after `ms`; rejects as it does. */
export const within = async <T>(promise: Promise<T>, ms: number): Promise<T | undefined> => {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
};

/** The first that resolves with something; undefined when all resolved with nothing. None of them may reject. */
export const firstOf = async <T>(promises: readonly Promise<T | undefined>[]): Promise<T | undefined> => {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  for (const each of promises) void each.then((value) => void (value !== undefined && resolve(value)));
  void Promise.all(promises).then(() => resolve(undefined));
  return promise;
};
