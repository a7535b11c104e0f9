/**
 * Imported before the native vector store, which reads this once, when it is loaded: its remarks are not for users. A
 * setting of theirs stands.
 */
process.env['LANCEDB_LOG'] ??= 'error';
