CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO counters (name, value) VALUES ('resource_version', 0);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;

-- Narrow on purpose: lists and counts read this table and its index, documents lie in tables of their own.
CREATE TABLE applications (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  project TEXT NOT NULL,
  sync TEXT NOT NULL,
  health TEXT NOT NULL,
  revision TEXT,
  origin TEXT,
  resource_version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER,
  last_history INTEGER NOT NULL DEFAULT 0,
  hold TEXT,
  UNIQUE (name, namespace)
) STRICT;
CREATE INDEX applications_by_state ON applications (sync, health, project, name, namespace);
CREATE TABLE application_manifests (
  app INTEGER PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE, json TEXT NOT NULL
) STRICT;
CREATE TABLE application_statuses (
  app INTEGER PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE, json TEXT NOT NULL
) STRICT;
CREATE TABLE application_labels (
  app INTEGER NOT NULL REFERENCES applications (id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (app, key)
) WITHOUT ROWID, STRICT;
CREATE TABLE cache (
  app INTEGER NOT NULL REFERENCES applications (id) ON DELETE CASCADE, name TEXT NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (app, name)
) STRICT;

-- A manifest's bytes, once, however many operations and history entries hold them.
CREATE TABLE blobs (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, zstd BLOB NOT NULL) STRICT;
-- All manifests of one apply, once, however many operations and history entries hold the same.
CREATE TABLE manifest_sets (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE manifest_set_members (
  manifest_set INTEGER NOT NULL REFERENCES manifest_sets (id) ON DELETE CASCADE, position INTEGER NOT NULL,
  object_id TEXT NOT NULL, blob INTEGER NOT NULL REFERENCES blobs (id),
  PRIMARY KEY (manifest_set, position)
) WITHOUT ROWID, STRICT;
CREATE INDEX members_by_blob ON manifest_set_members (blob);

CREATE TABLE operations (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  app INTEGER NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  revision TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  phase TEXT NOT NULL,
  message TEXT NOT NULL,
  manifest_set INTEGER NOT NULL REFERENCES manifest_sets (id),
  request TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_running_operation ON operations (app) WHERE finished_at IS NULL;
CREATE INDEX operations_by_app ON operations (app, seq);
CREATE INDEX operations_by_set ON operations (manifest_set);
-- Apart from the operation, because it is rewritten after each step.
CREATE TABLE operation_states (
  operation INTEGER PRIMARY KEY REFERENCES operations (seq) ON DELETE CASCADE, json TEXT NOT NULL
) STRICT;
CREATE TABLE history (
  app INTEGER NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  id INTEGER NOT NULL,
  revision TEXT NOT NULL,
  source TEXT NOT NULL,
  deployed_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  initiated_by TEXT NOT NULL,
  operation TEXT NOT NULL,
  status TEXT NOT NULL,
  message TEXT NOT NULL,
  manifest_set INTEGER NOT NULL REFERENCES manifest_sets (id),
  PRIMARY KEY (app, id)
) WITHOUT ROWID, STRICT;
CREATE INDEX history_by_set ON history (manifest_set);

-- Only ever appended to; ids are never used again, so that a later migration can chain the entries by hash.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
  object TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_object ON audit (object, id);
