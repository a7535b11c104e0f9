/**
 * The catalog's tables. Times are ISO 8601 text, booleans 0 or 1, structures JSON text; versions are version keys, whose
 * text order is the version order (columns compare by code point, whatever the server's locale).
 */
export interface Schema {
  meta: { name: string; value: string };
  counters: { name: string; value: number };
  collections: { tenant: string; name: string; default_policy: string; settings: string; created_at: string };
  heads: {
    document_id: string;
    tenant: string;
    collection: string;
    source: string;
    key: string;
    version: string;
    deleted: number;
    /** JSON of the event's policy, apart from the event since every hit is checked against it. */
    policy: string;
    updated_at: string;
    event: string;
  };
  outbox: { id: number; tenant: string; collection: string; stream: string; event: string };
  documents: {
    generation: string;
    document_id: string;
    tenant: string;
    collection: string;
    source: string;
    key: string;
    state: string;
    token: number;
    seen_version: string;
    /** Log position of the newest version seen; the offset as 16 hex digits, so that text order is its order. */
    seen_epoch: number;
    seen_partition: number;
    seen_offset: string;
    visible_version: string | null;
    visible_revision: string | null;
    chunks: number;
    language: string | null;
    updated_at: string;
    error: string | null;
    seen: string;
    visible: string | null;
  };
  contents: {
    document_id: string;
    blob: string;
    version: string;
    bytes: number;
    sha256: string;
    tenant: string | null;
    collection: string | null;
  };
  revisions: {
    document_id: string;
    revision: string;
    version: string;
    parsed_blob: string;
    parsed_bytes: number;
    parsed_sha256: string;
    created_at: string;
    replaced_at: string | null;
  };
  generations: {
    id: string;
    tenant: string;
    collection: string;
    state: string;
    spec: string;
    created_at: string;
  };
  generation_moves: { generation: string; number: number; state: string; at: string; reason: string | null };
  releases: {
    tenant: string;
    collection: string;
    number: number;
    generation: string;
    at: string;
    /** The rest of the release, JSON. */
    detail: string;
  };
  jobs: {
    id: string;
    tenant: string;
    kind: string;
    collection: string | null;
    state: string;
    progress: string;
    error: string | null;
    detail: string;
    created_at: string;
    updated_at: string;
    owner: string | null;
  };
  processes: { id: string; role: string; started_at: string; detail: string; expires_at: number };
  sources: {
    tenant: string;
    collection: string;
    source: string;
    owner: string;
    fence: number;
    floor: string | null;
  };
  leases: { name: string; holder: string; fence: number; expires_at: number };
  cursors: { tenant: string; collection: string; source: string; fence: number; cursor: string | null };
  inventory: { tenant: string; collection: string; source: string; key: string; scope: string; state: string };
  api_keys: {
    id: string;
    hash: string;
    tenant: string;
    principals: string;
    scopes: string;
    collections: string | null;
    require_as: number;
    label: string | null;
    created_at: string;
    expires_at: string | null;
    revoked_at: string | null;
  };
  idempotency: { tenant: string; key: string; request_hash: string; answer: string; expires_at: string };
}
