/** What Home Assistant says over MQTT: that it is there. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { HOME_ASSISTANT_IS_THERE } from '@shoal/protocol';
import { UP, type ThirdPartyMessage } from '../../ports/device-gateway.ts';
import { HomeAssistantService } from './home-assistant.service.ts';

@Controller()
export class HomeAssistantController {
  private readonly homeAssistant: HomeAssistantService;
  constructor(homeAssistant: HomeAssistantService) {
    this.homeAssistant = homeAssistant;
  }

  /** Its last will comes here too, and changes nothing. */
  @EventPattern(UP.homeAssistantStatus)
  onStatus(@Payload() { payload }: ThirdPartyMessage): void {
    if (Buffer.from(payload).toString('utf8') === HOME_ASSISTANT_IS_THERE) this.homeAssistant.greet();
  }
}
