/** The composition root: joins the capabilities in the order data flows; `commands/run.ts` picks what stands behind each port. */
import { Module, type DynamicModule } from '@nestjs/common';
import { AdviceModule } from './advice/advice.module.ts';
import { AlertsModule } from './alerts/alerts.module.ts';
import { AuditModule } from './audit/audit.module.ts';
import { dataPath, grpcPort } from './config.ts';
import type { ServerConfig } from './config-schema.ts';
import { BacktestsModule } from './backtests/backtests.module.ts';
import { ContextModule } from './context/context.module.ts';
import { DashboardModule } from './dashboard/dashboard.module.ts';
import { DatabaseModule } from './db/database.module.ts';
import { DeliveryModule } from './delivery/delivery.module.ts';
import { DeviceCommandsModule } from './device-commands/device-commands.module.ts';
import { DevicesModule } from './devices/devices.module.ts';
import { DocsModule } from './docs/docs.module.ts';
import { FeatureViewsModule } from './feature-views/feature-views.module.ts';
import { HealthModule } from './health/health.module.ts';
import { DdiModule } from './integrations/ddi/ddi.module.ts';
import { HomeAssistantModule } from './integrations/home-assistant/home-assistant.module.ts';
import { IdentityModule } from './identity/identity.module.ts';
import { InferenceModule } from './inference/inference.module.ts';
import { IngestModule } from './ingest/ingest.module.ts';
import { ModelsModule } from './models/models.module.ts';
import { PlatformModule, type Platform } from './platform.module.ts';
import { PredictionsModule } from './predictions/predictions.module.ts';
import { ScoringModule } from './scoring/scoring.module.ts';
import { RolloutsModule } from './rollouts/rollouts.module.ts';
import { StreamsModule } from './streams/streams.module.ts';
import { TelemetryModule } from './telemetry/telemetry.module.ts';
import { TwinsModule } from './twins/twins.module.ts';
import { readVersion } from './version.ts';

@Module({})
export class AppModule {
  static of(config: ServerConfig, platform: Platform): DynamicModule {
    const delivery = DeliveryModule.of({
      delivery: config.delivery,
      smtp: config.smtp,
      secretsDir: config.delivery.secretsDir ?? dataPath(config, 'webhook-secrets'),
    });
    const models = ModelsModule.of({ ...config.models, keysDir: config.models.keysDir ?? dataPath(config, 'keys') });
    const featureViews = FeatureViewsModule.of(config.features);
    const inference = InferenceModule.of(
      { inference: config.inference, grpc: { ...config.grpc, port: grpcPort(config) } },
      featureViews,
    );
    const backtests = BacktestsModule.of(models, featureViews);
    const predictions = PredictionsModule.of(config.predictions, inference, delivery);
    return {
      module: AppModule,
      imports: [
        PlatformModule.of(platform),
        DatabaseModule.register({ file: dataPath(config, 'control.db') }),
        IdentityModule,
        AuditModule,
        DevicesModule,
        TwinsModule,
        DeviceCommandsModule,
        delivery,
        models,
        featureViews,
        IngestModule,
        TelemetryModule.of(config.storage),
        StreamsModule.of(config.streams),
        inference,
        predictions,
        ScoringModule.of(config.scoring, { inference, featureViews, predictions }),
        backtests,
        ContextModule,
        RolloutsModule.of(config.rollouts, models, backtests),
        AdviceModule,
        AlertsModule.of(config.alerts, delivery),
        HomeAssistantModule,
        DdiModule.of(config.ddi),
        DashboardModule,
        HealthModule,
        DocsModule.of({ version: readVersion(), broker: { host: config.mqtt.host, port: config.mqtt.port } }),
      ],
    };
  }
}
