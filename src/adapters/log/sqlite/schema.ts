/** Raised with every change of the tables. */
export const FORMAT = 1;

export const SCHEMA: readonly string[] = [
  // A dropped stream has no name until its rows are gone; ids are never given out twice.
  'CREATE TABLE streams (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)',
  // `next` outlives the events: an offset is never used again.
  'CREATE TABLE partitions (stream INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (stream, partition))',
  'CREATE TABLE events (stream INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, event TEXT NOT NULL)',
  'CREATE UNIQUE INDEX events_place ON events (stream, partition, offset)',
  'CREATE TABLE groups (stream INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (stream, name))',
  'CREATE TABLE commits (stream INTEGER NOT NULL, name TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (stream, name, partition))',
  'CREATE TABLE holds (stream INTEGER NOT NULL, name TEXT NOT NULL, partition INTEGER NOT NULL, "from" INTEGER NOT NULL, PRIMARY KEY (stream, name, partition))',
  'CREATE TABLE dead_letters (id TEXT PRIMARY KEY, stream INTEGER NOT NULL, name TEXT NOT NULL, document_id TEXT NOT NULL, epoch INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, failure TEXT NOT NULL, event TEXT NOT NULL)',
  'CREATE INDEX dead_letters_list ON dead_letters (stream, id)',
  'CREATE INDEX dead_letters_document ON dead_letters (stream, document_id)',
];
