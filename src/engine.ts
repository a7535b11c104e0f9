/** The package's public entry: an embedded engine, its parsers, models and evaluations. */
export { openEngine } from './engine/open.js';
export type { Engine, EngineOptions, RunningServer } from './engine/open.js';
export { openModels, openParser } from './engine/parser.js';
export type { Parser } from './engine/parser.js';
export type { Role } from './engine/roles.js';
export { prepareStores } from './engine/prepare.js';
export type { Prepared, PrepareOptions } from './engine/prepare.js';
export { isShared } from './engine/stores.js';
export { evaluateBeir } from './engine/evaluation.js';
export type { BeirReport, EvaluationOptions } from './engine/evaluation.js';
export { evaluateQa } from './engine/evaluation-qa.js';
export type { QaReport } from './engine/evaluation-qa.js';
export { restoreBackup } from './engine/backup/index.js';
export type { RestoreReport, RestoreRequest } from './engine/backup/index.js';
export { discardMigrated, listMigrations, migrate, undoMigration } from './engine/migrate/index.js';
export type {
  AsideView,
  CollectionAt,
  MigrateRequest,
  MigrationReport,
  MovedCollection,
} from './engine/migrate/index.js';
export { openApiDocument } from './api/openapi.js';
export { readServerFile } from './api/server-file.js';
export { parseConfig } from './core/config.js';
export type { Config, ConfigInput } from './core/config.js';
export { FootnoteError } from './core/errors.js';
export type { EngineSurface } from './core/surface.js';
