/** Hands definitions to the store of windows, which runs them, and asks it about what they gave. */
import { Injectable } from '@nestjs/common';
import type {
  Page,
  StreamDefinition,
  StreamPreview,
  StreamPreviewAnswer,
  StreamStatus,
  WindowResult,
} from '@shoal/protocol';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { WindowStore, type DeviceLabels, type WindowQuery } from '../ports/window-store.ts';
import { Surroundings } from './surroundings.service.ts';
import { WindowPublisher } from './window-publisher.service.ts';

@Injectable()
export class StreamRunner {
  private readonly store: WindowStore;
  private readonly publisher: WindowPublisher;
  private readonly directory: DeviceDirectory;
  private readonly around: Surroundings;

  constructor(store: WindowStore, publisher: WindowPublisher, directory: DeviceDirectory, around: Surroundings) {
    this.store = store;
    this.publisher = publisher;
    this.directory = directory;
    this.around = around;
  }

  /** These run from now on, and no others. */
  async adopt(definitions: readonly StreamDefinition[]): Promise<void> {
    await this.store.setLabels(this.labels());
    await this.store.adopt(definitions, this.around.clock.now());
    for (const definition of definitions) this.publisher.define(definition);
  }

  async run(definition: StreamDefinition): Promise<void> {
    this.publisher.define(definition);
    await this.store.define(definition, this.around.clock.now());
  }

  async drop(name: string): Promise<void> {
    this.publisher.forget(name);
    await this.store.drop(name);
  }

  /** One device, from streams that are keyed by device. @throws FleetError WINDOW_STORE_UNAVAILABLE; can be repeated */
  async erase(deviceId: string): Promise<void> {
    await this.store.erase(deviceId);
    await this.publisher.takeBack(deviceId);
  }

  status(name: string): Promise<StreamStatus> {
    return this.store.status(name);
  }

  windows(query: WindowQuery): Promise<Page<WindowResult>> {
    return this.store.windows(query);
  }

  preview(preview: StreamPreview): Promise<StreamPreviewAnswer> {
    return this.store.preview(preview, this.labels(), this.around.clock.now());
  }

  private labels(): DeviceLabels[] {
    return [...this.directory.entries()].map(({ facts: { deviceId, labels } }) => ({ deviceId, labels }));
  }
}
