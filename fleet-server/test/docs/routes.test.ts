/** The table of routes against the controllers of the real application: neither has what the other lacks. */
import 'reflect-metadata';
import { expect, test } from '@jest/globals';
import { RequestMethod, type DynamicModule, type Type } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { OPERATIONS } from '@shoal/protocol';
import { OPEN_INFERENCE_ROUTES } from '@shoal/models';
import { AppModule } from '../../src/app.module.ts';
import { loadConfig } from '../../src/config.ts';
import type { Platform } from '../../src/platform.module.ts';

type Imported = Type | DynamicModule;

const listed = <T>(key: string, target: Type): T[] => (Reflect.getMetadata(key, target) as T[] | undefined) ?? [];

const modulesOf = (imported: Imported, seen = new Set<Imported>()): Imported[] => {
  if (seen.has(imported)) return [];
  seen.add(imported);
  const [dynamic, type] = 'module' in imported ? [imported, imported.module] : [undefined, imported];
  const below = [...listed<Imported>(MODULE_METADATA.IMPORTS, type), ...((dynamic?.imports ?? []) as Imported[])];
  return [imported, ...below.flatMap((inner) => modulesOf(inner, seen))];
};

const controllersOf = (imported: Imported): Type[] =>
  'module' in imported
    ? [...(imported.controllers ?? []), ...listed<Type>(MODULE_METADATA.CONTROLLERS, imported.module)]
    : listed<Type>(MODULE_METADATA.CONTROLLERS, imported);

const routesOf = (controller: Type): string[] => {
  const prototype = controller.prototype as Record<string, unknown>;
  const root = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[] | undefined].flat();
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const method =
      typeof handler === 'function' ? (Reflect.getMetadata(METHOD_METADATA, handler) as number | undefined) : undefined;
    if (method === undefined) return [];
    const own = [Reflect.getMetadata(PATH_METADATA, handler as object) as string | string[]].flat();
    return root.flatMap((above) =>
      own.map((path) => {
        const full = [above ?? '', path]
          .flatMap((part) => part.split('/'))
          .filter(Boolean)
          .join('/');
        return `${RequestMethod[method]?.toLowerCase()} /${full.replaceAll(/:(\w+)/g, '{$1}')}`;
      }),
    );
  });
};

test('every route of the application is in the table, and every row of the table is a route', () => {
  const config = loadConfig({ file: undefined, environment: {}, flags: {} });
  const application = AppModule.of(config, {} as Platform);
  const inference = OPEN_INFERENCE_ROUTES.filter(({ path }) => path !== '/v2/').map(
    ({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
  );
  const routes = new Set([...modulesOf(application).flatMap(controllersOf).flatMap(routesOf), ...inference]);
  expect([...routes].toSorted()).toEqual(OPERATIONS.map(({ method, path }) => `${method} ${path}`).toSorted());
});
