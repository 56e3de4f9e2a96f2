/** Home Assistant: devices that opted in appear there by MQTT discovery, and leave no ghost behind. */
import { Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DevicesModule } from '../../devices/devices.module.ts';
import { DiscoveryLedger } from './discovery-ledger.service.ts';
import { DiscoveryPublisher } from './discovery-publisher.service.ts';
import { HomeAssistantController } from './home-assistant.controller.ts';
import { HomeAssistantService } from './home-assistant.service.ts';
import { ShownDevices } from './shown-devices.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Module({
  imports: [DevicesModule],
  controllers: [HomeAssistantController],
  providers: [Surroundings, DiscoveryLedger, DiscoveryPublisher, ShownDevices, HomeAssistantService],
})
export class HomeAssistantModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly homeAssistant: HomeAssistantService;
  constructor(homeAssistant: HomeAssistantService) {
    this.homeAssistant = homeAssistant;
  }

  async onModuleInit(): Promise<void> {
    await this.homeAssistant.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.homeAssistant.stop();
  }
}
