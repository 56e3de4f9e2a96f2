/** Says of a release which devices run it, to whoever wants to remove it. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { ModelUsage } from '../ports/model-usage.ts';
import { countRunning } from './deployments.ts';
import { Releases } from './releases.service.ts';

@Injectable()
export class RunningDevices implements OnModuleInit {
  private readonly directory: DeviceDirectory;
  private readonly releases: Releases;
  private readonly usage: ModelUsage;

  constructor(directory: DeviceDirectory, releases: Releases, usage: ModelUsage) {
    this.directory = directory;
    this.releases = releases;
    this.usage = usage;
  }

  onModuleInit(): void {
    this.usage.ask(async (name, version) => {
      const release = await this.releases.find(name, version);
      const counts = countRunning(this.directory.entries(), name);
      const devices = (counts.get(release?.digest ?? '') ?? 0) + (counts.get(`version ${version}`) ?? 0);
      return devices === 0 ? null : `${devices} devices run it`;
    });
  }
}
