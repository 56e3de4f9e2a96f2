/** Entry of the thread that reads and writes large messages of ModelInfer. */
import { serveJobs } from '@shoal/models';
import { doGrpcJob, type GrpcJob, type GrpcResult, type InferMethod } from './infer-bytes.ts';
import { readServiceDefinition } from './service-definition.ts';

const method = readServiceDefinition()['ModelInfer'] as InferMethod;
serveJobs<GrpcJob, GrpcResult>((job) => doGrpcJob(job, method));
