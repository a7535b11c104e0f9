import type { Endpoint } from './route.js';
import { collectionRoutes } from './routes/collections.js';
import { connectorRoutes } from './routes/connectors.js';
import { documentRoutes } from './routes/documents.js';
import { deadLetterRoutes, jobRoutes } from './routes/jobs.js';
import { generationRoutes } from './routes/generations.js';
import { keyRoutes } from './routes/keys.js';
import { queryRoutes } from './routes/query.js';
import { serviceRoutes } from './routes/service.js';
import { writeRoutes } from './routes/writes.js';

/** Every route that calls the engine. */
export const endpoints: readonly Endpoint[] = [
  ...queryRoutes,
  ...writeRoutes,
  ...documentRoutes,
  ...collectionRoutes,
  ...jobRoutes,
  ...deadLetterRoutes,
  ...generationRoutes,
  ...keyRoutes,
  ...connectorRoutes,
  ...serviceRoutes,
];
