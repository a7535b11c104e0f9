/**
 * The native vector store reads this once, when its module is loaded: its remarks are not for users. So this file has to be
 * imported before the store.
 */
process.env['LANCEDB_LOG'] ??= 'error';
