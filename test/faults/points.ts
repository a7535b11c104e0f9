import { FAULT_POINTS } from '../../pipelines/ingest/fault-points.js';
import { DOCUMENT_FAULT_POINTS } from '../../src/services/documents.js';
import { LISTING_FAULT_POINTS } from '../../src/services/listing.js';

/** Every place between two effects where a process may be made to die. */
export const ALL_FAULT_POINTS: readonly string[] = [...FAULT_POINTS, ...DOCUMENT_FAULT_POINTS, ...LISTING_FAULT_POINTS];
